"""Recipients are erased long after their order ended; the order can still be cancelled then."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import Engine, text

from devstack.repository import ROOT
from notification_service.messaging.incoming_order_cancelled import OrderCancelled
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.messaging.events import parse_event
from servicekit.messaging.records import ReceivedRecord
from tests.integration.order_service import former_release
from tests.integration.order_service.operations.test_retention import (
    HALF_A_YEAR,
    NOTHING,
    run_retention,
    sweeps,
)
from tests.integration.order_service.orders.test_stock import STOCK, stock
from tests.integration.order_service.refunding.test_cancelling import cancelled, returned
from tests.integration.order_service.refunding.test_refunding import a_refunder, time_passes_for_refunds
from tests.integration.order_service.shop import Shop, an_order_of
from tests.support.explained import rows_read_by
from tests.support.service_databases import migrate_orders

HOUR = timedelta(hours=1)
KEPT = ("김하늘", "010-1234-5678")
ERASED = ("[erased]", "[erased]")
CONTRACT = json.loads((ROOT / "shared/contracts/order-cancelled/v1.schema.json").read_text())


def age_orders(shop: Shop, by: timedelta) -> None:
    earlier = f"- interval '{by.total_seconds()} seconds'"
    columns = ("created_at", "completed_at", "stock_taken_at", "expired_at", "cancelled_at")
    shop.execute(f"UPDATE orders SET {', '.join(f'{name} = {name} {earlier}' for name in columns)}")  # noqa: S608


def recipient(shop: Shop, order_id: str) -> tuple[Any, ...]:
    [found] = shop.query(f"SELECT recipient_name, recipient_phone FROM orders WHERE order_id = '{order_id}'")  # noqa: S608
    return found


def erased_order(shop: Shop) -> str:
    """The id of a paid order of three pieces whose recipient is erased."""
    shop.add_product("C-1")
    order_id = shop.paid(an_order_of(("C-1", 3)))
    age_orders(shop, HALF_A_YEAR + HOUR)
    assert run_retention(shop.engine)["recipients"] == 1
    assert recipient(shop, order_id) == ERASED
    return order_id


def test_recipients_of_paid_orders_go_when_their_time_is_over(shop: Shop) -> None:
    order_ids = [shop.paid() for _ in range(5)]
    age_orders(shop, HALF_A_YEAR - HOUR)
    assert run_retention(shop.engine) == NOTHING
    assert {recipient(shop, order_id) for order_id in order_ids} == {KEPT}
    before = [shop.order(order_id) for order_id in order_ids]

    age_orders(shop, 2 * HOUR)

    # In batches of two.
    assert run_retention(shop.engine) == NOTHING | {"recipients": 5}
    assert {recipient(shop, order_id) for order_id in order_ids} == {ERASED}
    assert run_retention(shop.engine) == NOTHING
    seen = [shop.order(order_id) for order_id in order_ids]
    assert [order["items"] for order in seen] == [order["items"] for order in before]
    assert [order["status"] for order in seen] == ["COMPLETED"] * 5


def test_expired_and_cancelled_orders_are_erased_too(shop: Shop) -> None:
    expired, whole = shop.placed(), shop.paid()
    shop.execute(f"UPDATE orders SET expired_at = clock_timestamp() WHERE order_id = '{expired}'")  # noqa: S608
    assert shop.cancel(whole).status_code == 201
    age_orders(shop, HALF_A_YEAR + HOUR)

    assert run_retention(shop.engine) == NOTHING | {"recipients": 2}

    assert (recipient(shop, expired), recipient(shop, whole)) == (ERASED, ERASED)


def test_an_order_that_has_not_ended_keeps_its_recipient(shop: Shop) -> None:
    unpaid, unsettled = shop.placed(), shop.placed()
    assert shop.pay(unsettled, "silent-1").status_code == 504
    age_orders(shop, 10 * HALF_A_YEAR)

    assert run_retention(shop.engine) == NOTHING

    assert {recipient(shop, each) for each in (unpaid, unsettled)} == {KEPT}


def test_a_cancellation_under_way_keeps_the_recipient(shop: Shop) -> None:
    order_id = shop.paid()
    shop.gateway.refunds_without_answer = 1
    assert shop.cancel(order_id).status_code == 202
    age_orders(shop, HALF_A_YEAR + HOUR)
    assert run_retention(shop.engine) == NOTHING

    for _ in ("asked about", "sent again"):
        time_passes_for_refunds(shop)
        a_refunder(shop)()

    [event] = cancelled(shop)
    assert event["recipient"]["name"] == KEPT[0]
    assert run_retention(shop.engine) == NOTHING | {"recipients": 1}


def test_an_order_in_use_is_erased_by_the_next_run(shop: Shop) -> None:
    order_ids = [shop.paid() for _ in range(3)]
    age_orders(shop, HALF_A_YEAR + HOUR)
    with shop.engine.connect() as other:
        other.execute(text(f"SELECT FROM orders WHERE order_id = '{order_ids[0]}' FOR NO KEY UPDATE"))
        assert run_retention(shop.engine) == NOTHING | {"recipients": 2}
    assert recipient(shop, order_ids[0]) == KEPT
    assert run_retention(shop.engine) == NOTHING | {"recipients": 1}


def test_an_erased_orders_cancellation_goes_through(shop: Shop) -> None:
    order_id = erased_order(shop)

    first = shop.cancel(order_id, (1, 1), key="k-1")
    whole = shop.cancel(order_id)

    assert (first.status_code, whole.status_code) == (201, 201)
    assert (returned(shop), stock(shop)) == ([12_000, 24_000], {"C-1": STOCK})
    assert shop.order(order_id)["status"] == "CANCELLED"
    assert shop.cancel(order_id, (1, 1), key="k-1").get_json() == first.get_json()
    events = cancelled(shop)
    assert [event["recipient"] for event in events] == [{"name": "[erased]", "phone": "[erased]"}] * 2
    for event in events:
        Draft202012Validator(CONTRACT).validate(event)
        record = ReceivedRecord("order-cancelled", 0, 0, order_id.encode(), json.dumps(event).encode())
        assert parse_event(record, OrderCancelled).to_domain().recipient.is_erased


def test_an_orders_key_replays_its_reply_once_erased(shop: Shop) -> None:
    first = shop.place(key="k-1")
    assert shop.pay(first.get_json()["orderId"]).status_code == 201
    age_orders(shop, HALF_A_YEAR + HOUR)
    assert run_retention(shop.engine) == NOTHING | {"recipients": 1}

    again = shop.place(key="k-1")

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.get_json()["orderId"] == first.get_json()["orderId"]


@pytest.mark.parametrize("kept", [HALF_A_YEAR, timedelta(days=10_000)], ids=["many are old", "none is old"])
def test_a_batch_reads_no_young_order(shop: Shop, kept: timedelta) -> None:
    shop.execute(
        # Without the checks of sums, which take seconds.
        "SET LOCAL session_replication_role = replica;"
        " INSERT INTO orders (order_id, user_id, currency, total_amount, recipient_name, recipient_phone,"
        " status, created_at, completed_at)"
        " SELECT gen_random_uuid(), 7, 'KRW', 0, 'Kim', '010-1234-5678', 'COMPLETED', at, at"
        " FROM generate_series(1, 20000) AS number,"
        " LATERAL (SELECT clock_timestamp() - number * interval '1 hour' AS at) AS placed"
    )
    shop.execute("ANALYZE orders")
    with shop.engine.connect() as connection:
        assert rows_read_by(connection, sweeps(recipients=kept)["recipients"], 500, "orders") <= 2 * 500


@pytest.fixture
def former(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """The former release's database, with a paid order."""
    former_release.migrate_to(database_url, "0020", tmp_path)
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        former_release.save(connection, former_release.add(connection, "in-process"), "APPROVED")
        connection.execute(
            text(
                "UPDATE orders SET status = 'COMPLETED', completed_at = '2020-01-01', stock_taken_at = now()"
            )
        )
    yield engine
    engine.dispose()


def test_recipients_from_before_the_migration_are_erased(database_url: str, former: Engine) -> None:
    migrate_orders(database_url)
    assert run_retention(former) == NOTHING | {"recipients": 1}
    # What the former release reads, and refuses to take for null, is text.
    assert Shop(former).query("SELECT recipient_name, recipient_phone FROM orders") == [ERASED]
    # It goes on placing orders.
    with former.begin() as connection:
        former_release.add(connection, "in-process")
    assert Shop(former).query("SELECT count(*) FROM orders WHERE recipient_phone = '010-1234-5678'") == [(1,)]
