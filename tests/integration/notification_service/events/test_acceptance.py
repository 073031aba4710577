"""Accepting events: each once, with one delivery for each effect, all or nothing."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.delivery import Effect
from notification_service.domain.order_event import OrderItem
from notification_service.persistence.order_events import order_event_of
from notification_service.persistence.tables import completed_order
from tests.integration.notification_service.effect_work import transactions
from tests.support.notification_builders import NOON_IN_SEOUL, a_completed_order, an_order_of


def _count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


def _deliveries(engine: Engine) -> list[tuple[str, str, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT effect, status, count(*) FROM delivery GROUP BY 1, 2 ORDER BY 1")
        )
        return [(row[0], row[1], row[2]) for row in rows]


def test_each_new_event_gets_one_delivery_for_each_effect(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    assert accept_order_events([a_completed_order(), a_completed_order()]) == 2

    assert _deliveries(engine) == [
        ("ALIMTALK", "PENDING", 2),
        ("ANALYTICS", "PENDING", 2),
        ("MONITORING", "PENDING", 2),
    ]


@pytest.mark.parametrize("approved_at", [None, NOON_IN_SEOUL - timedelta(microseconds=1)])
def test_an_order_is_stored_as_it_is(
    accept_order_events: AcceptOrderEvents, engine: Engine, approved_at: datetime | None
) -> None:
    order = an_order_of(
        ('P-"1"\\', 2, 15_000), ("P,{2}", 1, 2**62), name="김하늘 'O\"\\%(p1)s$1😀", approved_at=approved_at
    )
    accept_order_events([order, a_completed_order()])

    statement = select(completed_order).where(completed_order.c.event_id == order.event_id)
    with engine.connect() as connection:
        stored = connection.execute(statement).one()
        items = connection.execute(statement).mappings().one()["items"]
    assert order_event_of(stored) == replace(order, items=(), approved_at=None)
    assert stored.approved_at == approved_at
    assert tuple(OrderItem(**item) for item in items) == order.items


def test_another_event_has_its_own_effects_and_says_more(engine: Engine) -> None:
    accept = AcceptOrderEvents(
        transactions(engine),
        template_of=lambda _: "PARCEL_SHIPPED",
        effects={Effect.MONITORING, Effect.ALIMTALK},
    )
    order = a_completed_order(event="ParcelShipped", message_values={"parcelNumber": "6890"})

    accept([order])

    assert _deliveries(engine) == [("ALIMTALK", "PENDING", 1), ("MONITORING", "PENDING", 1)]
    with transactions(engine)() as unit_of_work:
        (alimtalk,) = unit_of_work.claims.claim(Effect.ALIMTALK, 10, 20.0, "sandbox")
    assert (alimtalk.template, alimtalk.order) == ("PARCEL_SHIPPED", order)


def test_what_a_former_release_accepted_is_a_completed_order(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with engine.begin() as connection:
        connection.execute(text("UPDATE completed_order SET event = NULL"))

    with transactions(engine)() as unit_of_work:
        (claimed,) = unit_of_work.claims.claim(Effect.MONITORING, 10, 20.0, "webhook")
    assert claimed.order == order


def test_an_event_delivered_again_changes_nothing(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])

    assert accept_order_events([order, order]) == 0
    assert _count(engine, "delivery") == 3


def test_an_event_twice_in_one_poll_counts_once(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    order = a_completed_order()

    assert accept_order_events([order, order]) == 1
    assert _count(engine, "delivery") == 3


def test_consumers_with_the_same_records_at_once_share_them_out(
    accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    orders = [a_completed_order() for _ in range(200)]
    backwards = orders[::-1]

    with ThreadPoolExecutor(4) as pool:
        accepted = list(pool.map(accept_order_events, [orders, backwards, orders, backwards]))

    assert sum(accepted) == 200
    assert _count(engine, "delivery") == 600
    assert _count(engine, "inbox") == 200


def test_new_deliveries_are_announced_after_the_commit(engine: Engine) -> None:
    seen: list[int] = []
    accept_order_events = AcceptOrderEvents(
        transactions(engine), lambda: seen.append(_count(engine, "delivery"))
    )

    accept_order_events([a_completed_order()])

    assert seen == [3]


@pytest.mark.parametrize("table", ["inbox", "completed_order", "delivery"])
def test_when_one_of_the_writes_fails_none_is_kept(
    table: str, accept_order_events: AcceptOrderEvents, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
        ))  # fmt: skip
        connection.execute(text(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()"
        ))  # fmt: skip
    order = a_completed_order()

    with pytest.raises(DBAPIError):
        accept_order_events([order])
    assert [_count(engine, name) for name in ("inbox", "completed_order", "delivery")] == [0, 0, 0]

    with engine.begin() as connection:
        connection.execute(text(f"DROP TRIGGER refuse ON {table}"))
    assert accept_order_events([order]) == 1
