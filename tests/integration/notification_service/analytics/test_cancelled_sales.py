"""Cancellations count once, at their own time, beside the sales; a rebuild finds the same."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from notification_service.api import build_application
from notification_service.application.count_cancellations import CountCancellations
from notification_service.application.count_sales import CountSales
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.figures import DailySales, FigureKind, HourlySales, ProductSales
from notification_service.domain.order_event import OrderEvent
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.counted import cancel, count, count_due, figures, on, sums
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.support.notification_builders import a_cancellation_of, an_order_of

THE_23RD, THE_24TH = date(2026, 11, 23), date(2026, 11, 24)
BEFORE_MIDNIGHT = datetime(2026, 11, 23, 14, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CANCELLED = ("cancelled_daily", "cancelled_hourly", "cancelled_by_product")


@pytest.fixture
def order() -> OrderEvent:
    return an_order_of(("P-1", 2, 15_000), ("P-2", 1, 3_500))


def test_a_cancellation_counts_in_its_own_hour_and_the_sale_stays(engine: Engine, order: OrderEvent) -> None:
    count(engine, [order])
    cancel(
        engine,
        [
            a_cancellation_of(order, ("P-1", 1, 15_000), completed_at=BEFORE_MIDNIGHT),
            # Less is returned than the pieces' prices: the order had a discount.
            a_cancellation_of(
                order, ("P-1", 1, 15_000), ("P-2", 1, 3_500), completed_at=MIDNIGHT, total_amount=17_000
            ),
        ],
    )
    count_due(engine)

    sold = {"orders": 1, "items": 3, "amount": 33_500}
    nothing = {"orders": 0, "items": 0, "amount": 0}
    assert figures(engine, FigureKind.DAYS) == [
        DailySales(THE_23RD, "KRW", **sold, cancellations=1, cancelled_items=1, cancelled_amount=15_000),
        DailySales(THE_24TH, "KRW", **nothing, cancellations=1, cancelled_items=2, cancelled_amount=17_000),
    ]
    assert [
        (hour.hour, hour.amount, hour.cancelled_amount, hour.net_amount)
        for hour in figures(engine, FigureKind.HOURS)
        if isinstance(hour, HourlySales)
    ] == [(12, 33_500, 0, 33_500), (23, 0, 15_000, -15_000), (0, 0, 17_000, -17_000)]
    assert [
        (product.day, product.product_id, product.cancellations, product.cancelled_amount)
        for product in figures(engine, FigureKind.PRODUCTS)
        if isinstance(product, ProductSales)
    ] == [
        (THE_23RD, "P-1", 1, 15_000),
        (THE_23RD, "P-2", 0, 0),
        (THE_24TH, "P-1", 1, 15_000),
        (THE_24TH, "P-2", 1, 3_500),
    ]
    # The customer, the basket and the rules on orders know of one order.
    assert [row[1:] for row in sums(engine)["customers_daily"]] == [(1, 1)]
    assert [row[2:4] for row in sums(engine)["sales_by_basket_size"]] == [(3, 1)]


def test_a_cancellation_that_comes_before_its_order_counts_too(engine: Engine, order: OrderEvent) -> None:
    cancel(engine, [a_cancellation_of(order)])
    count_due(engine)
    count(engine, [order])

    assert [
        (day.orders, day.net_amount)
        for day in figures(engine, FigureKind.DAYS)
        if isinstance(day, DailySales)
    ] == [(1, 0)]


def test_the_counting_of_sales_leaves_cancellations_alone(engine: Engine, order: OrderEvent) -> None:
    cancel(engine, [a_cancellation_of(order)])

    # As a former release does, which runs beside.
    assert CountSales(transactions(engine))(StopSignal()).deliveries == 0

    assert sums(engine)["sales_daily"] == []
    count_due(engine)
    assert [row[2] for row in sums(engine)["cancelled_daily"]] == [1]


def test_a_repeated_event_counts_once(engine: Engine, order: OrderEvent) -> None:
    cancellation = a_cancellation_of(order)
    for _ in range(2):
        cancel(engine, [cancellation, cancellation])
        count_due(engine)

    assert [row[2] for row in sums(engine)["cancelled_daily"]] == [1]
    delivery = delivery_of(engine, cancellation, Effect.CANCELLED_SALES)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)


def some_cancellations(number: int) -> list[OrderEvent]:
    """Of three days, some products and two currencies; some orders are cancelled in two steps."""
    first = an_order_of()
    orders = [
        an_order_of(
            (f"P-{one % 5}", one % 3 + 1, 100 + one),
            ("P-9", 1, 50),
            currency=("KRW", "USD")[one % 2],
            **on(first, hours=(one * 7) % 60),
        )
        for one in range(number)
    ]
    return [
        cancellation
        for one, order in enumerate(orders)
        for cancellation in (
            a_cancellation_of(order, *([("P-9", 1, 50)] if one % 3 else [])),
            a_cancellation_of(order, ("P-9", 1, 50), completed_at=order.completed_at + timedelta(hours=3)),
        )[: 1 + one % 2]
    ]


def test_processes_that_count_at_the_same_time_count_each_once(engine: Engine) -> None:
    cancellations = some_cancellations(60)
    cancel(engine, cancellations)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: count_due(engine, batch_size=7), range(3)))

    for table in ("cancelled_daily", "cancelled_hourly"):
        assert sum(row[-3] for row in sums(engine)[table]) == len(cancellations) == 90
        assert sum(row[-1] for row in sums(engine)[table]) == sum(one.total_amount for one in cancellations)


def test_when_counting_fails_nothing_is_counted_or_lost(engine: Engine, order: OrderEvent) -> None:
    cancellation = a_cancellation_of(order)
    cancel(engine, [cancellation])
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cancelled_by_product ADD CONSTRAINT refuse CHECK (items < 0)"))

    with pytest.raises(DBAPIError):
        CountCancellations(transactions(engine))(StopSignal())
    assert delivery_of(engine, cancellation, Effect.CANCELLED_SALES).status == DeliveryStatus.PENDING
    assert sums(engine)["cancelled_daily"] == []

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cancelled_by_product DROP CONSTRAINT refuse"))
    count_due(engine)
    assert [row[2] for row in sums(engine)["cancelled_daily"]] == [1]


def test_a_rebuild_equals_what_was_counted(engine: Engine, order: OrderEvent) -> None:
    count(engine, [order])
    for cancellation in some_cancellations(20)[::-1]:
        cancel(engine, [cancellation])
        count_due(engine)
    counted = sums(engine)
    # Accepted, and not counted yet: a rebuild leaves it to the counting.
    cancel(engine, [a_cancellation_of(order)])

    list(RebuildAnalytics(transactions(engine))())
    assert sums(engine) == counted
    with engine.begin() as connection:
        for table in CANCELLED:
            change = f"UPDATE {table} SET amount = amount + 1, cancellations = 9"  # noqa: S608 - our own names
            connection.execute(text(change))
        connection.execute(text("DELETE FROM cancelled_hourly WHERE currency = 'USD'"))

    list(RebuildAnalytics(transactions(engine))())
    assert sums(engine) == counted
    count_due(engine)
    assert sum(row[2] for row in sums(engine)["cancelled_daily"]) == 31


def test_a_zone_stays_once_a_cancellation_was_counted_by_it(engine: Engine, order: OrderEvent) -> None:
    cancel(engine, [a_cancellation_of(order)])
    count_due(engine)

    with transactions(engine)() as unit_of_work, pytest.raises(Exception, match="Asia/Seoul"):
        unit_of_work.analytics.adopt("Europe/Berlin")


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine).test_client()


def test_what_was_cancelled_is_read_over_http(engine: Engine, client: FlaskClient, order: OrderEvent) -> None:
    count(engine, [order])
    later = order.completed_at + timedelta(days=1)
    cancellation = a_cancellation_of(order, ("P-2", 1, 3_500), completed_at=later)
    cancel(engine, [cancellation])
    count_due(engine)

    period = {"from": "2026-11-01", "to": "2026-11-30"}
    sales = client.get("/api/v1/analytics/sales", query_string=period).get_json()
    assert [(day["day"], day["netAmount"]) for day in sales["days"]] == [
        ("2026-11-23", 33_500),
        ("2026-11-24", -3_500),
    ]
    [total] = sales["totals"]
    assert (total["amount"], total["cancelledAmount"], total["netAmount"]) == (33_500, 3_500, 30_000)
    lines = client.get("/api/v1/analytics/days", query_string=period | {"format": "csv"}).text.splitlines()
    assert lines[2] == "2026-11-24,KRW,0,0,0,1,1,3500,-3500"

    found = client.get("/api/v1/notifications", query_string={"orderId": str(order.order_id)}).get_json()
    assert [
        (effect["effect"], effect["status"])
        for effect in found["effects"]
        if effect["eventId"] == str(cancellation.event_id)
    ] == [("cancelled_sales", "DELIVERED")]
