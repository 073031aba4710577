"""What nobody needs any more is removed after its time, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.domain.delivery import OF_COMPLETED_ORDERS, DeliveryStatus, Effect
from notification_service.domain.order_event import OrderEvent
from notification_service.persistence.retention import SqlRetention
from servicekit.db.retention import Retention
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.counted import count_due
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.notification_builders import a_completed_order
from tests.support.sandbox import Sandbox

AGES = {
    "recipients": timedelta(days=7),
    "deliveries": timedelta(days=365),
    "inbox_events": timedelta(days=30),
    "customers": timedelta(days=1_825),
    "idempotency_keys": timedelta(days=7),
}
NOTHING = {
    "recipients": 0,
    "orders": 0,
    "customers": 0,
    "alert_matches": 0,
    "inbox": 0,
    "idempotency_keys": 0,
}


def run_retention(engine: Engine, batch_rows: int = 2) -> dict[str, int]:
    return Retention(engine, SqlRetention(**AGES).sweeps(), batch_rows).run_once(StopSignal())


def age(engine: Engine, days: int) -> None:
    """Make everything that is stored ``days`` older."""
    interval = {"age": timedelta(days=days)}
    with engine.begin() as connection:
        for statement in (
            "UPDATE completed_order SET accepted_at = accepted_at - :age",
            "UPDATE delivery SET created_at = created_at - :age, completed_at = completed_at - :age",
            "UPDATE inbox SET received_at = received_at - :age",
        ):
            connection.execute(text(statement), interval)


def recipients(engine: Engine) -> set[tuple[str | None, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT recipient_name, recipient_phone FROM completed_order"))
        return {(row.recipient_name, row.recipient_phone) for row in rows}


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - ours


def complete(engine: Engine, sandbox: Sandbox, orders: list[OrderEvent], *effects: Effect) -> None:
    """Let these effects of the orders take place."""
    for effect in effects:
        if effect == Effect.ANALYTICS:
            run_until_final(CountSales(transactions(engine)), engine, orders, effect)
            continue
        with delivering(engine, effect, sandbox) as work:
            run_until_final(work, engine, orders, effect)


@pytest.fixture
def orders(accept_order_events: AcceptOrderEvents) -> list[OrderEvent]:
    orders = [a_completed_order() for _ in range(5)]
    accept_order_events(orders)
    return orders


def test_recipients_are_erased_some_time_after_their_last_effect(
    engine: Engine, sandbox: Sandbox, orders: list[OrderEvent]
) -> None:
    complete(engine, sandbox, orders, *OF_COMPLETED_ORDERS)
    age(engine, days=6)
    assert run_retention(engine) == NOTHING

    age(engine, days=2)

    assert run_retention(engine) == NOTHING | {"recipients": 5}
    assert recipients(engine) == {(None, None)}
    assert run_retention(engine)["recipients"] == 0
    assert delivery_of(engine, orders[0], Effect.ALIMTALK).status == DeliveryStatus.DELIVERED


def test_a_recipient_is_kept_while_an_effect_has_not_ended(
    engine: Engine, sandbox: Sandbox, orders: list[OrderEvent]
) -> None:
    complete(engine, sandbox, orders, Effect.ANALYTICS, Effect.MONITORING)
    age(engine, days=27)

    removed = run_retention(engine)
    assert (removed["recipients"], removed["orders"]) == (0, 0)
    complete(engine, sandbox, orders, Effect.ALIMTALK)

    assert run_retention(engine)["recipients"] == 0
    assert len(sandbox.references()) == 5


@pytest.mark.parametrize(
    "waits",
    ["status = 'UNKNOWN', due_at = NULL, provider = 'nhn'", "last_error = 'TEMPLATE_NOT_USABLE'"],
    ids=["for an operator", "for its template"],
)
def test_no_recipient_is_kept_for_a_message_that_never_ends(
    waits: str, engine: Engine, sandbox: Sandbox, orders: list[OrderEvent]
) -> None:
    complete(engine, sandbox, orders, Effect.ANALYTICS, Effect.MONITORING)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE delivery SET {waits} WHERE effect = 'ALIMTALK'"))  # noqa: S608
    age(engine, days=27)
    assert run_retention(engine)["recipients"] == 0

    age(engine, days=2)

    assert run_retention(engine)["recipients"] == 5
    assert recipients(engine) == {(None, None)}
    assert delivery_of(engine, orders[0], Effect.ALIMTALK).status == DeliveryStatus.GIVEN_UP


def test_no_recipient_is_kept_for_what_waits_to_be_counted(
    engine: Engine, sandbox: Sandbox, orders: list[OrderEvent]
) -> None:
    complete(engine, sandbox, orders, Effect.ALIMTALK)
    age(engine, days=29)

    assert run_retention(engine)["recipients"] == 5
    assert recipients(engine) == {(None, None)}
    complete(engine, sandbox, orders, Effect.ANALYTICS)


def test_old_orders_go_with_their_deliveries_and_the_sums_stay(
    engine: Engine,
    sandbox: Sandbox,
    orders: list[OrderEvent],
    accept_order_events: AcceptOrderEvents,
) -> None:
    complete(engine, sandbox, orders, *OF_COMPLETED_ORDERS)
    age(engine, days=366)
    accept_order_events([a_completed_order()])

    assert run_retention(engine) == NOTHING | {"recipients": 5, "orders": 5, "inbox": 5}

    left = {
        table: count(engine, table) for table in ("completed_order", "delivery", "inbox", "analytics_order")
    }
    assert left == {"completed_order": 1, "delivery": 3, "inbox": 1, "analytics_order": 0}
    assert count(engine, "sales_daily") == 1


def test_an_event_that_the_inbox_has_forgotten_is_still_known_by_its_order(
    engine: Engine, orders: list[OrderEvent], accept_order_events: AcceptOrderEvents
) -> None:
    age(engine, days=31)
    assert run_retention(engine)["inbox"] == 5

    assert accept_order_events([*orders, a_completed_order()]) == 1

    assert count(engine, "delivery") == 18


def test_rows_that_another_transaction_holds_are_left_to_a_later_run(
    engine: Engine, orders: list[OrderEvent]
) -> None:
    age(engine, days=31)
    with engine.connect() as other:
        other.execute(text("SELECT FROM inbox LIMIT 2 FOR UPDATE"))
        assert run_retention(engine, batch_rows=10)["inbox"] == 3

    assert run_retention(engine)["inbox"] == 2


def test_a_customer_is_forgotten_long_after_the_last_order_and_is_then_new(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    now = datetime.now(UTC)
    first, last = (a_completed_order(completed_at=now - timedelta(days=days)) for days in (2_400, 1_900))
    accept_order_events([first, last])
    end_all(engine)
    # Both orders are kept: a rebuild would take the later one for the first.
    assert run_retention(engine)["customers"] == 0

    age(engine, days=366)
    assert run_retention(engine) == NOTHING | {"recipients": 2, "orders": 2, "inbox": 2, "customers": 1}

    again = a_completed_order(completed_at=now)
    accept_order_events([again])
    end_all(engine)
    assert customers_of(engine, again) == (1, 1)


def test_a_customer_is_kept_while_the_last_order_is_young_enough(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    now = datetime.now(UTC)
    orders = [a_completed_order(completed_at=now - timedelta(days=days)) for days in (2_400, 1_800)]
    accept_order_events(orders)
    end_all(engine)
    age(engine, days=366)
    assert run_retention(engine)["customers"] == 0

    again = a_completed_order(completed_at=now)
    accept_order_events([again])
    end_all(engine)

    assert customers_of(engine, again) == (1, 0)


@pytest.mark.usefixtures("orders")
def test_an_ordering_customer_does_not_hold_up_retention(engine: Engine) -> None:
    end_all(engine)
    age(engine, days=366)
    with engine.connect() as counting:
        counting.execute(text("SELECT FROM customer FOR UPDATE"))
        assert run_retention(engine)["orders"] == 5


def test_old_idempotency_keys_go(engine: Engine) -> None:
    with engine.begin() as connection:
        for key, days in (("old", 8), ("young", 6)):
            connection.execute(
                text(
                    "INSERT INTO idempotency_key (scope, key, fingerprint, reply, created_at)"
                    " VALUES ('POST /', :key, '', '{}', now() - :age)"
                ),
                {"key": key, "age": timedelta(days=days)},
            )

    assert run_retention(engine) == NOTHING | {"idempotency_keys": 1}
    assert count(engine, "idempotency_key") == 1


def end_all(engine: Engine) -> None:
    """Let all effects that are due end, without a receiver."""
    count_due(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET status = 'DELIVERED', due_at = NULL, completed_at = now()"
                " WHERE due_at IS NOT NULL"
            )
        )


def customers_of(engine: Engine, order: OrderEvent) -> tuple[int, int]:
    """The customers of the order's day, and the new ones among them."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT customers, new_customers FROM customers_daily"
                " WHERE business_day = (:at AT TIME ZONE 'Asia/Seoul')::date"
            ),
            {"at": order.completed_at},
        ).one()
    return row.customers, row.new_customers


def test_matches_of_rules_that_are_gone_are_removed_after_a_week(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alert_match (rule, order_id, currency, total_amount, noted_at)"
                " SELECT 'gone', gen_random_uuid(), 'KRW', 1, now() - days * interval '1 day'"
                " FROM unnest(ARRAY[8, 8, 8, 6]) AS days"
            )
        )

    assert run_retention(engine)["alert_matches"] == 3

    assert count(engine, "alert_match") == 1


def test_what_a_message_says_is_erased_with_its_recipient(engine: Engine, sandbox: Sandbox) -> None:
    order = a_completed_order(message_values={"parcelNumber": "6890"})
    AcceptOrderEvents(transactions(engine), effects={Effect.MONITORING})([order])
    complete(engine, sandbox, [order], Effect.MONITORING)
    age(engine, days=8)

    assert run_retention(engine)["recipients"] == 1

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT message_values FROM completed_order")) is None
