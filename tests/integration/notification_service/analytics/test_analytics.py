"""Each order is counted once in every sum, by its own time and the shop's clock."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.adopt_time_zone import AdoptTimeZone
from notification_service.application.count_in_time_zone import CountInTimeZone
from notification_service.application.count_sales import CountSales
from notification_service.application.ports import WorkDone
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.domain.delivery import Effect
from notification_service.domain.errors import TimeZoneInUse, UnknownTimeZone
from notification_service.domain.figures import (
    BasketSizes,
    DailyCustomers,
    EffectDelays,
    FigureKind,
    HourlySales,
    ProductSales,
)
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.errors import may_pass
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.counted import count, count_due, figures, sums
from tests.integration.notification_service.effect_work import delivering, run_until_final, transactions
from tests.support.explained import tables_read_whole
from tests.support.notification_builders import NOON_IN_SEOUL, a_completed_order, an_order_of
from tests.support.sandbox import Sandbox

THE_23RD, THE_24TH = date(2026, 11, 23), date(2026, 11, 24)
LAST_MINUTE = datetime(2026, 11, 23, 14, 59, 59, 999_999, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def test_late_orders_land_in_their_own_hour(engine: Engine) -> None:
    count(engine, [an_order_of(("P-1", 1, 1_000), completed_at=MIDNIGHT)])
    count(engine, [an_order_of(("P-1", 2, 1_000), completed_at=LAST_MINUTE)])
    count(engine, [an_order_of(("P-1", 1, 250), completed_at=LAST_MINUTE, currency="USD")])

    an_hour_before = MIDNIGHT - timedelta(hours=1)
    assert figures(engine, FigureKind.HOURS) == [
        HourlySales(an_hour_before, "KRW", THE_23RD, 23, orders=1, items=2, amount=2_000),
        HourlySales(an_hour_before, "USD", THE_23RD, 23, orders=1, items=1, amount=250),
        HourlySales(MIDNIGHT, "KRW", THE_24TH, 0, orders=1, items=1, amount=1_000),
    ]


def test_products_are_counted_by_line_and_orders_once(engine: Engine) -> None:
    count(
        engine,
        [
            an_order_of(("P-1", 2, 1_000), ("P-2", 1, 500), ("P-1", 1, 900)),
            an_order_of(("P-1", 1, 1_000)),
            an_order_of(("P-1", 1, 7), currency="USD"),
        ],
    )

    assert figures(engine, FigureKind.PRODUCTS) == [
        ProductSales(THE_23RD, "KRW", "P-1", orders=2, items=4, amount=3_900),
        ProductSales(THE_23RD, "KRW", "P-2", orders=1, items=1, amount=500),
        ProductSales(THE_23RD, "USD", "P-1", orders=1, items=1, amount=7),
    ]


def test_baskets_are_counted_by_size_and_the_largest_together(engine: Engine) -> None:
    count(engine, [an_order_of(("P-1", quantity, 10)) for quantity in (3, 3, 99, 100, 5_000)])

    assert figures(engine, FigureKind.BASKETS) == [
        BasketSizes(THE_23RD, "KRW", 3, orders=2, amount=60),
        BasketSizes(THE_23RD, "KRW", 99, orders=1, amount=990),
        BasketSizes(THE_23RD, "KRW", 100, orders=2, amount=51_000),
    ]


def test_orders_that_a_former_release_accepted_count_without_products(engine: Engine) -> None:
    AcceptOrderEvents(transactions(engine))([a_completed_order()])
    with engine.begin() as connection:
        connection.execute(text("UPDATE completed_order SET items = NULL, approved_at = NULL"))

    count_due(engine)

    assert len(figures(engine, FigureKind.HOURS)) == 1
    assert (figures(engine, FigureKind.PRODUCTS), figures(engine, FigureKind.DELAYS)) == ([], [])


def test_a_customer_counts_once_a_day_and_is_new_once(engine: Engine) -> None:
    next_day = NOON_IN_SEOUL + timedelta(days=1)
    count(engine, [a_completed_order(user_id=1), a_completed_order(user_id=1), a_completed_order(user_id=2)])
    count(engine, [a_completed_order(user_id=2)])
    count(engine, [a_completed_order(user_id=one, completed_at=next_day) for one in (1, 1, 3)])

    assert figures(engine, FigureKind.CUSTOMERS) == [
        DailyCustomers(THE_23RD, new=2, returning=0),
        DailyCustomers(THE_24TH, new=1, returning=1),
    ]


def test_a_late_first_order_makes_the_customer_new_on_its_day(engine: Engine) -> None:
    next_day = NOON_IN_SEOUL + timedelta(days=1)
    count(engine, [a_completed_order(completed_at=next_day)])
    assert figures(engine, FigureKind.CUSTOMERS) == [DailyCustomers(THE_24TH, new=1, returning=0)]

    count(engine, [a_completed_order()])

    assert figures(engine, FigureKind.CUSTOMERS) == [
        DailyCustomers(THE_23RD, new=1, returning=0),
        DailyCustomers(THE_24TH, new=0, returning=1),
    ]


def test_processes_that_count_the_same_customers_count_each_once(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    orders = [
        an_order_of((f"P-{number % 7}", 1, 100), user_id=number % 10 + 1,
                    completed_at=NOON_IN_SEOUL + timedelta(hours=number % 30))
        for number in range(240)
    ]  # fmt: skip
    accept_order_events(orders)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: count_due(engine, batch_size=4), range(3)))

    customers = figures(engine, FigureKind.CUSTOMERS)
    assert customers == [
        DailyCustomers(THE_23RD, new=10, returning=0),
        DailyCustomers(THE_24TH, new=0, returning=10),
    ]
    for kind in (FigureKind.HOURS, FigureKind.PRODUCTS, FigureKind.BASKETS):
        assert sum(getattr(figure, "orders", 0) for figure in figures(engine, kind)) == 240


@pytest.mark.parametrize("table", ["customers_daily", "sales_hourly", "sales_by_basket_size"])
def test_what_fails_between_two_sums_is_in_none(
    engine: Engine, accept_order_events: AcceptOrderEvents, table: str
) -> None:
    accept_order_events([an_order_of(("P-1", 1, 100))])
    before = sums(engine)
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT refuse CHECK (false)"))

    with pytest.raises(DBAPIError):
        CountSales(transactions(engine))(StopSignal())
    assert sums(engine) == before

    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT refuse"))
    count_due(engine)
    count_due(engine)
    assert [row[3] for row in sums(engine)["sales_hourly"]] == [1]


def test_a_second_event_of_an_order_is_in_no_sum(engine: Engine) -> None:
    order = an_order_of(("P-1", 1, 100))
    count(engine, [order])
    before = sums(engine)

    earlier = order.completed_at - timedelta(days=3)
    count(engine, [replace(order, event_id=uuid7(), completed_at=earlier)])

    assert sums(engine) == before


def test_delays_are_counted_by_effect_and_never_twice(
    engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox
) -> None:
    with engine.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    orders = [
        a_completed_order(approved_at=now - timedelta(seconds=age)) for age in (0.0, 20.0, 20.0, 200_000.0)
    ]
    accept_order_events(orders)
    with delivering(engine, Effect.MONITORING, sandbox) as work:
        run_until_final(work, engine, orders, Effect.MONITORING)

    unfolded = figures(engine, FigureKind.DELAYS)
    count_due(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET reference = 'x' WHERE status = 'DELIVERED'"))
    count_due(engine)

    found = [figure for figure in figures(engine, FigureKind.DELAYS) if isinstance(figure, EffectDelays)]
    assert [figure for figure in found if figure.effect is Effect.MONITORING] == unfolded
    for effect in (Effect.ANALYTICS, Effect.MONITORING):
        of_effect = [figure for figure in found if figure.effect is effect]
        assert sum(figure.deliveries for figure in of_effect) == 4
        assert [(figure.up_to_ms, figure.deliveries) for figure in of_effect][-2:] == [(30_000, 2), (None, 1)]
        assert {(figure.day, figure.hour) for figure in found} == {(THE_23RD, 12)}


def test_days_and_hours_are_those_of_the_shops_clock(engine: Engine) -> None:
    AdoptTimeZone(transactions(engine))("Europe/Berlin")
    # The hour from two to three comes twice.
    in_summer_time = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    count(engine, [a_completed_order(completed_at=in_summer_time + timedelta(hours=late)) for late in (0, 1)])
    count(engine, [a_completed_order(completed_at=in_summer_time - timedelta(hours=3))])

    found = [figure for figure in figures(engine, FigureKind.HOURS) if isinstance(figure, HourlySales)]
    assert [(figure.starts_at.hour, figure.day, figure.hour, figure.orders) for figure in found] == [
        (21, date(2026, 10, 24), 23, 1),
        (0, date(2026, 10, 25), 2, 1),
        (1, date(2026, 10, 25), 2, 1),
    ]


def test_hours_begin_where_the_zones_clock_strikes(engine: Engine) -> None:
    AdoptTimeZone(transactions(engine))("Asia/Kathmandu")

    count(engine, [a_completed_order(completed_at=datetime(2026, 11, 23, 3, 20, tzinfo=UTC))])

    [hour] = figures(engine, FigureKind.HOURS)
    assert isinstance(hour, HourlySales)
    assert (hour.starts_at, hour.hour) == (datetime(2026, 11, 23, 3, 15, tzinfo=UTC), 9)


def test_a_time_zone_stays_once_something_is_counted(engine: Engine) -> None:
    adopt_time_zone = AdoptTimeZone(transactions(engine))
    with pytest.raises(UnknownTimeZone, match="SHOP_TIME_ZONE is Seoul"):
        adopt_time_zone("Seoul")
    count(engine, [a_completed_order()])

    adopt_time_zone("Asia/Seoul")
    with pytest.raises(TimeZoneInUse, match=r"SHOP_TIME_ZONE is Asia/Tokyo, but .* Asia/Seoul"):
        adopt_time_zone("Asia/Tokyo")


def test_nothing_is_counted_before_the_time_zone_is_adopted(engine: Engine, migrated_url: str) -> None:
    AcceptOrderEvents(transactions(engine))([a_completed_order(completed_at=MIDNIGHT)])
    impatient = create_engine(
        DatabaseSettings(database_url=migrated_url, database_lock_timeout_ms=50), "test"
    )
    work = counting_in("Asia/Tokyo", impatient), counting_in("Europe/Berlin", impatient)

    with engine.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(analytics_lock())"))
        with pytest.raises(OperationalError) as busy:
            work[0](StopSignal())
    assert may_pass(busy.value)
    assert figures(engine, FigureKind.DAYS) == []

    assert work[0](StopSignal()) == WorkDone(1)
    assert work[1](StopSignal()) == WorkDone(0, pause_seconds=60.0)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT time_zone FROM analytics_zone")) == "Asia/Tokyo"
    impatient.dispose()


def counting_in(time_zone: str, engine: Engine) -> CountInTimeZone:
    adopt_time_zone = AdoptTimeZone(transactions(engine))
    return CountInTimeZone(CountSales(transactions(engine)), adopt_time_zone, time_zone)


def test_no_price_is_too_high_to_be_added(engine: Engine) -> None:
    count(engine, [a_completed_order(item_count=2**31, items=()), an_order_of(("P-1", 2**31 - 1, 10**9))])

    [product] = figures(engine, FigureKind.PRODUCTS)
    assert isinstance(product, ProductSales)
    assert product.amount == Decimal(2**31 - 1) * 10**9


def test_neither_counting_nor_a_rebuild_reads_what_is_kept(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "WITH kept AS (INSERT INTO completed_order (event_id, order_id, user_id, currency,"
                " total_amount, item_count, completed_at) SELECT gen_random_uuid(), gen_random_uuid(),"
                " number, 'KRW', 1, 1, timestamptz '2026-01-01Z' + number * interval '10 minutes'"
                " FROM generate_series(1, 40000) AS number RETURNING *)"
                " INSERT INTO analytics_order SELECT order_id, event_id, user_id, currency, total_amount,"
                " item_count, completed_at FROM kept"
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE completed_order, analytics_order"))
    AcceptOrderEvents(transactions(engine))([a_completed_order(user_id=one + 1) for one in range(20)])

    with tables_read_whole(engine) as read_whole:
        count_due(engine)
        with transactions(engine)() as unit_of_work:
            unit_of_work.analytics.days_of_orders(None, 1_000)
            unit_of_work.customers.rebuild(THE_23RD)
            unit_of_work.sales.rebuild(THE_23RD)
            unit_of_work.delays.rebuild(THE_23RD)

    assert read_whole & {"completed_order", "analytics_order"} == set()


def test_all_tables_are_counted_in_while_a_publication_has_them(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE PUBLICATION everything FOR ALL TABLES"))
    count(engine, [an_order_of(("P-1", 1, 100), approved_at=NOON_IN_SEOUL)])

    assert [row[4] for row in sums(engine)["effect_delay"]] == [1]
    assert list(RebuildAnalytics(transactions(engine))()) == [THE_23RD]
