"""A rebuild finds what was counted, whatever happens meanwhile, and leaves what it can't know."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.domain.delivery import Effect
from notification_service.domain.figures import DailyCustomers, FigureKind
from notification_service.domain.order_event import OrderEvent
from notification_service.persistence.retention import SqlRetention
from servicekit.db.retention import Retention
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.counted import cancel, count, count_due, figures, on, sums
from tests.integration.notification_service.effect_work import delivering, run_until_final, transactions
from tests.support.notification_builders import a_cancellation_of, an_order_of
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

THE_22ND, THE_23RD, THE_24TH = (date(2026, 11, day) for day in (22, 23, 24))


def some_orders(number: int) -> list[OrderEvent]:
    """Of three days, some products, two currencies, and customers who come again."""
    first = an_order_of()
    return [
        an_order_of(
            (f"P-{one % 5}", one % 3 + 1, 100 + one),
            (f"P-{one % 2}", 1, 50),
            user_id=one % 11 + 1,
            currency=("KRW", "USD")[one % 2],
            **on(first, hours=(one * 7) % 60),
        )
        for one in range(number)
    ]


def rebuild(engine: Engine) -> list[date]:
    return list(RebuildAnalytics(transactions(engine))())


def damage(engine: Engine) -> None:
    """Make every sum wrong, and add some that nobody sold."""
    with engine.begin() as connection:
        for statement in (
            "UPDATE sales_daily SET amount = amount + 1, orders = 0",
            "DELETE FROM sales_hourly WHERE currency = 'USD'",
            "UPDATE sales_by_product SET product_id = product_id || '?', items = 1",
            "UPDATE sales_by_basket_size SET pieces = pieces + 100",
            "UPDATE customers_daily SET new_customers = 9, customers = 10",
            "UPDATE effect_delay SET deliveries = 2, total_ms = 1",
            "DELETE FROM customer WHERE user_id % 2 = 0",
        ):
            connection.execute(text(statement))


def test_a_rebuild_equals_what_was_counted_order_by_order(engine: Engine) -> None:
    for order in some_orders(60)[::-1]:
        count(engine, [order])
    counted = sums(engine)

    assert rebuild(engine) == [THE_23RD, THE_24TH, date(2026, 11, 25)]
    assert sums(engine) == counted
    damage(engine)
    assert sums(engine) != counted

    rebuild(engine)
    assert sums(engine) == counted


def test_a_rebuild_finds_the_days_of_all_pages_and_begins_where_asked(engine: Engine) -> None:
    first = an_order_of()
    count(engine, [an_order_of(("P-1", 1, 100), **on(first, days=days)) for days in range(5)])
    rebuild_analytics = RebuildAnalytics(transactions(engine), page_size=2)

    assert [day.day for day in rebuild_analytics()] == [23, 24, 25, 26, 27]
    assert [day.day for day in rebuild_analytics(date(2026, 11, 26))] == [26, 27]


def test_days_that_have_lost_events_to_retention_stay(engine: Engine) -> None:
    before = an_order_of()
    old = [an_order_of(("P-1", 1, 100), user_id=1, **on(before, hours=hour)) for hour in (-20, -21)]
    young = an_order_of(("P-1", 1, 100), user_id=1)
    count(engine, [*old, young])
    forget(engine, old[0])
    counted = sums(engine)

    assert rebuild(engine) == [THE_23RD]
    assert sums(engine) == counted
    damage(engine)
    damaged = sums(engine)
    assert rebuild(engine) == [THE_23RD]

    of_the_22nd = [row for row in damaged["sales_daily"] if row[0] == THE_22ND]
    assert [row for row in sums(engine)["sales_daily"] if row[0] == THE_22ND] == of_the_22nd
    assert [row for row in sums(engine)["sales_daily"] if row[0] == THE_23RD] == counted["sales_daily"][1:]


def test_a_day_that_has_lost_a_cancellation_to_retention_stays(engine: Engine) -> None:
    order = an_order_of(("P-1", 1, 100))
    cancellation = a_cancellation_of(order, completed_at=order.completed_at + timedelta(days=1))
    cancel(engine, [cancellation])
    count(engine, [order])
    forget(engine, cancellation)
    counted = sums(engine)
    assert [row[0] for row in counted["cancelled_daily"]] == [THE_24TH]

    assert rebuild(engine) == [THE_23RD]
    assert sums(engine) == counted


def test_a_customer_whose_first_order_is_forgotten_is_not_new_again(engine: Engine) -> None:
    first = an_order_of(user_id=1)
    again = an_order_of(user_id=1, **on(first, days=1))
    count(engine, [first, again])
    forget(engine, first)

    rebuild(engine)

    assert figures(engine, FigureKind.CUSTOMERS) == [
        DailyCustomers(THE_23RD, new=1, returning=0),
        DailyCustomers(THE_24TH, new=0, returning=1),
    ]


def test_a_late_order_of_a_day_that_stays_is_added(engine: Engine) -> None:
    order = an_order_of(("P-1", 1, 100))
    count(engine, [order])
    forget(engine, order)
    count(engine, [an_order_of(("P-1", 1, 100))])

    assert rebuild(engine) == []
    assert [row[2] for row in sums(engine)["sales_daily"]] == [2]


def forget(engine: Engine, order: OrderEvent) -> None:
    """Let retention delete this order."""
    with engine.begin() as connection:
        of_order = {"event_id": str(order.event_id)}
        for change in (
            "completed_order SET accepted_at = accepted_at - interval '400 days'",
            "delivery SET status = 'DELIVERED', due_at = NULL, completed_at = now() - interval '400 days'",
        ):
            connection.execute(text(f"UPDATE {change} WHERE event_id = :event_id"), of_order)
    age = timedelta(days=365)
    sweeps = SqlRetention(
        recipients=age, deliveries=age, inbox_events=age, customers=5 * age, idempotency_keys=age
    ).sweeps()
    assert Retention(engine, sweeps).run_once(StopSignal())["orders"] == 1


def test_what_a_former_release_has_counted_is_found(engine: Engine) -> None:
    orders = some_orders(20)
    count(engine, orders)
    counted = sums(engine)
    # What it leaves: orders that are counted, and their days.
    with engine.begin() as connection:
        for table in counted.keys() - {"sales_daily", "effect_delay"}:
            connection.execute(text(f"TRUNCATE {table}"))

    rebuild(engine)

    assert sums(engine) == counted


@contextmanager
def rebuilding(engine: Engine) -> Iterator[threading.Event]:
    """Rebuild again and again; the event is set once one was made while the block runs."""
    stop, rebuilt = threading.Event(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            if rebuild(engine):
                rebuilt.set()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            yield rebuilt
        finally:
            stop.set()
        done.result()


def test_a_rebuild_beside_consumers_loses_and_doubles_no_order(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = some_orders(300)
    count(engine, orders[:20])

    with rebuilding(engine) as rebuilt, ThreadPoolExecutor(2) as consumers:
        for begin in range(20, 300, 40):
            rebuilt.clear()
            accept_order_events(orders[begin : begin + 40])
            done = [consumers.submit(count_due, engine, 3) for _ in range(2)]
            for one in done:
                one.result()
            assert rebuilt.wait(30)

    counted = sums(engine)
    assert sum(row[2] for row in counted["sales_daily"]) == 300
    assert sum(row[4] for row in counted["sales_daily"]) == sum(order.total_amount for order in orders)
    rebuild(engine)
    assert sums(engine) == counted


def test_a_delivery_in_the_middle_of_a_rebuild_counts_once(engine: Engine, sandbox: Sandbox) -> None:
    orders = some_orders(6)
    count(engine, orders)

    def deliver() -> None:
        with delivering(engine, Effect.MONITORING, sandbox) as work:
            run_until_final(work, engine, orders, Effect.MONITORING)

    with before_the_first(engine, "INSERT INTO effect_delay (", deliver) as other:
        rebuild(engine)
        other[0].result()
    count_due(engine)

    counted = sums(engine)["effect_delay"]
    assert sum(row[4] for row in counted if row[1] == "MONITORING") == 6
    rebuild(engine)
    assert sums(engine)["effect_delay"] == counted


@pytest.mark.parametrize("kept_out", ["counting", "retention"])
def test_nothing_changes_between_the_statements_of_a_rebuild(
    engine: Engine, accept_order_events: AcceptOrderEvents, kept_out: str
) -> None:
    old = an_order_of(("P-1", 1, 100))
    count(engine, [old])
    accept_order_events([an_order_of(("P-1", 1, 100), currency="USD")])
    meanwhile = {"counting": lambda: count_due(engine), "retention": lambda: forget(engine, old)}[kept_out]

    with before_the_first(engine, "INSERT INTO sales_daily", meanwhile) as other:
        rebuild(engine)
        other[0].result()

    currencies = [row[1:3] for row in sums(engine)["sales_daily"]]
    assert currencies == ([("KRW", 1), ("USD", 1)] if kept_out == "counting" else [("KRW", 1)])


@contextmanager
def before_the_first(
    engine: Engine, statement_part: str, work: Callable[[], None]
) -> Iterator[list[Future[None]]]:
    """Start ``work`` before such a statement, which waits until the work has ended or waits itself."""
    begun: list[Future[None]] = []
    is_first = threading.Lock()

    def start(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement_part in statement and is_first.acquire(blocking=False):
            begun.append(pool.submit(work))
            wait_until(lambda: begun[0].done() or waiting(engine), "the other to end or to wait")

    with ThreadPoolExecutor(1) as pool:
        event.listen(engine, "before_cursor_execute", start)
        try:
            yield begun
        finally:
            event.remove(engine, "before_cursor_execute", start)


def waiting(engine: Engine) -> bool:
    """Whether a session waits for the lock of analytics."""
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            )
        )
        return found.first() is not None


def test_a_day_that_loses_events_while_others_are_rebuilt_stays(engine: Engine) -> None:
    first = an_order_of(("P-1", 1, 100))
    second = an_order_of(("P-1", 1, 100), **on(first, days=1))
    count(engine, [first, second])
    days = RebuildAnalytics(transactions(engine))()

    assert next(days) == THE_23RD
    forget(engine, second)

    assert list(days) == []
    assert [row[2] for row in sums(engine)["sales_daily"]] == [1, 1]
