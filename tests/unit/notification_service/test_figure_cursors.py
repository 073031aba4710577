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


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        (FigureKind.BASKETS, ["2026-01-01", "KRW", True]),
        (FigureKind.BASKETS, ["2026-01-01", "KRW", 1.0]),
        (FigureKind.BASKETS, ["2026-01-01", "KRW", 2**63]),
        (FigureKind.DELAYS, ["2026-01-01T00:00:00+00:00", "ALIMTALK", False]),
        (FigureKind.DELAYS, ["2026-01-01T00:00:00", "ALIMTALK", 100]),
        (FigureKind.DELAYS, ["0001-01-01T00:00:00+23:59", "ALIMTALK", 100]),
    ],
)
def test_no_other_type_is_taken_for_a_part_of_a_key(kind: FigureKind, parts: list[object]) -> None:
    with pytest.raises(UnknownPage):
        key_of(kind, base64.urlsafe_b64encode(json.dumps(parts).encode()).decode())


def test_any_offset_becomes_one_that_the_database_knows() -> None:
    parts = ["2026-01-01T23:59:00+23:59", "ALIMTALK", 100]
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()

    assert repr(key_of(FigureKind.DELAYS, cursor)[0]) == repr(datetime(2026, 1, 1, tzinfo=UTC))
