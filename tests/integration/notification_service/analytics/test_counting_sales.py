"""Each order is counted once, under the day and the currency in which it was sold."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.application.report_sales import ReportSales
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.figures import DailySales
from notification_service.domain.sales_period import SalesPeriod
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivery_of, run_until_final, transactions
from tests.support.notification_builders import NOON_IN_SEOUL, a_completed_order

ANALYTICS = Effect.ANALYTICS


@pytest.fixture
def count_sales(engine: Engine) -> CountSales:
    return CountSales(transactions(engine), batch_size=7)


def sales(engine: Engine) -> list[DailySales]:
    report_sales = ReportSales(transactions(engine))
    _, found = report_sales(SalesPeriod(date(2026, 1, 1), date(2026, 12, 31)))
    return list(found)


def test_orders_add_up_by_business_day_and_currency(
    accept_order_events: AcceptOrderEvents, count_sales: CountSales, engine: Engine
) -> None:
    before_midnight = datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC)
    after_midnight = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    orders = [
        a_completed_order(total_amount=1_000, item_count=1, completed_at=before_midnight),
        a_completed_order(total_amount=2_000, item_count=2, completed_at=after_midnight),
        a_completed_order(total_amount=4_000, item_count=4, completed_at=after_midnight),
        a_completed_order(total_amount=799, item_count=8, completed_at=after_midnight, currency="USD"),
    ]
    accept_order_events(orders)

    (delivery, *_) = run_until_final(count_sales, engine, orders, ANALYTICS)

    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)
    assert sales(engine) == [
        DailySales(date(2026, 11, 23), "KRW", orders=1, items=1, amount=1_000),
        DailySales(date(2026, 11, 24), "KRW", orders=2, items=6, amount=6_000),
        DailySales(date(2026, 11, 24), "USD", orders=1, items=8, amount=799),
    ]


def test_processes_that_count_at_the_same_time_count_each_order_once(
    accept_order_events: AcceptOrderEvents, count_sales: CountSales, engine: Engine
) -> None:
    days = [NOON_IN_SEOUL.replace(day=day) for day in (21, 22, 23)]
    orders = [
        a_completed_order(completed_at=days[number % 3], currency=("KRW", "USD")[number % 2])
        for number in range(120)
    ]
    accept_order_events(orders)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: run_until_final(count_sales, engine, orders, ANALYTICS), range(3)))

    found = sales(engine)
    assert len(found) == 6
    assert sum(sale.orders for sale in found) == 120
    assert sum(sale.amount for sale in found) == 120 * 30_000


def test_a_second_event_of_the_same_order_is_not_counted(
    accept_order_events: AcceptOrderEvents, count_sales: CountSales, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    run_until_final(count_sales, engine, [order], ANALYTICS)
    accept_order_events([replace(order, event_id=uuid7())])

    assert count_sales(StopSignal()).deliveries == 1

    assert [sale.orders for sale in sales(engine)] == [1]


def test_when_counting_fails_the_delivery_is_still_to_be_made(
    accept_order_events: AcceptOrderEvents, count_sales: CountSales, engine: Engine
) -> None:
    order = a_completed_order()
    accept_order_events([order])
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE sales_daily ADD CONSTRAINT refuse CHECK (orders < 0)"))

    with pytest.raises(DBAPIError):
        count_sales(StopSignal())
    assert delivery_of(engine, order, ANALYTICS).status == DeliveryStatus.PENDING

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE sales_daily DROP CONSTRAINT refuse"))
    run_until_final(count_sales, engine, [order], ANALYTICS)
    assert [sale.orders for sale in sales(engine)] == [1]


def test_sums_are_exact_beyond_64_bits(
    accept_order_events: AcceptOrderEvents, count_sales: CountSales, engine: Engine
) -> None:
    orders = [a_completed_order(total_amount=2**63 - 1) for _ in range(3)]
    accept_order_events(orders)

    run_until_final(count_sales, engine, orders, ANALYTICS)

    assert [sale.amount for sale in sales(engine)] == [3 * (2**63 - 1)]
