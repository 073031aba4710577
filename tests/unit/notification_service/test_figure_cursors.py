"""A cursor is read as it was written, and nothing else is."""

import base64
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_service.domain.errors import UnknownPage
from notification_service.domain.figures import NO_UPPER_BOUND_MS, FigureKind
from notification_service.http.figures.cursors import cursor_of, key_of

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=200)


@given(st.dates(), TEXT, TEXT)
def test_a_key_comes_back(day: date, currency: str, product_id: str) -> None:
    key = (day, currency, product_id)
    cursor = cursor_of(key)

    assert key_of(FigureKind.PRODUCTS, cursor) == key
    assert len(cursor) <= 4_000


def test_the_longest_product_fits_a_query() -> None:
    assert len(cursor_of((date(2026, 11, 28), "KRW", "😀" * 200))) < 2_000


def test_times_and_bounds_come_back() -> None:
    key = (datetime(2026, 11, 28, 3, 15, tzinfo=UTC), "ALIMTALK", NO_UPPER_BOUND_MS)

    assert key_of(FigureKind.DELAYS, cursor_of(key)) == key


@given(st.text(max_size=50))
def test_anything_else_is_refused(written: str) -> None:
    for cursor in (written, base64.urlsafe_b64encode(json.dumps(written).encode()).decode()):
        for kind in FigureKind:
            with pytest.raises(UnknownPage):
                key_of(kind, cursor)
