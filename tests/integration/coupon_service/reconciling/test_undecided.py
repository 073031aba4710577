"""How long the oldest published request has waited, as the worker measures it."""

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from coupon_service.application.measure_undecided import MeasureUndecided
from coupon_service.metrics import show_oldest_undecided
from coupon_service.persistence.undecided_pages import SqlUndecidedPages
from tests.integration.coupon_service.reconciling.reconciled import ReconciledShop
from tests.integration.coupon_service.service import create_coupon

GAUGE = "coupon_oldest_undecided_seconds"


@pytest.fixture
def shop(client: FlaskClient, engine: Engine, unique: str) -> ReconciledShop:
    """Without a broker: nothing here reads the topic."""
    return ReconciledShop(client, engine, "127.0.0.1:1", f"topic-{unique}")


def age(shop: ReconciledShop) -> float | None:
    return MeasureUndecided(SqlUndecidedPages(shop.engine, shop.topic))(lambda: True)


def test_only_what_is_published_and_undecided_for_a_minute_counts(shop: ReconciledShop) -> None:
    assert age(shop) is None
    coupon_id = create_coupon(shop.client)
    old, young, parked = *shop.press(coupon_id, [1, 2]), *shop.press(create_coupon(shop.client), [3])
    shop.long_ago([old, parked])
    # The relay has its own alert for what it does not publish.
    assert age(shop) is None
    shop.all_is_published()
    assert 299 < (age(shop) or 0) < 400
    shop.decide([old])
    assert 299 < (age(shop) or 0) < 400
    shop.park(parked)
    assert age(shop) is None
    shop.long_ago([young])
    assert 299 < (age(shop) or 0) < 400


def test_gauge_grows_with_the_time_that_passes() -> None:
    show_oldest_undecided(300.0)
    first = REGISTRY.get_sample_value(GAUGE)
    second = REGISTRY.get_sample_value(GAUGE)
    assert first is not None
    assert second is not None
    assert 300 <= first < second
    show_oldest_undecided(None)
    assert REGISTRY.get_sample_value(GAUGE) == 0
