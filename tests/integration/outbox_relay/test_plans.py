"""A poll costs the same however much was published, and a backlog is not sorted again for every page."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

from devstack.postgresql import PostgresqlServer
from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.database import work_engine
from outbox_relay.queries import query
from outbox_relay.source import LAG_CAP
from tests.integration.outbox_relay.outbox import Outbox, an_outbox
from tests.support.databases import fresh_database

PUBLISHED = 200_000
WAITING = 50_000
PAGE = 500
TRANSACTION = 5_000

_FILL = """
    INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)
    SELECT gen_random_uuid(), 'topic', 'test', number % 1000, 'Tested', '/test', '{"number": 1}'
    FROM generate_series(1, :count) AS number
"""


@dataclass(frozen=True)
class Backlog:
    """A large outbox and the snapshot up to which it has been published."""

    outbox: Outbox
    engine: Engine
    published: str


@pytest.fixture(scope="module", params=["never analyzed", "analyzed before the backlog came", "analyzed"])
def backlog(request: pytest.FixtureRequest, postgresql_server: PostgresqlServer) -> Iterator[Backlog]:
    with (
        fresh_database(postgresql_server.url()) as name,
        an_outbox(postgresql_server.url(database=name), "topic") as outbox,
    ):
        published = fill_outbox(outbox, request.param)
        source = SourceSettings(database_url=outbox.relay_url)
        settings = RelaySettings(kafka_bootstrap_servers="unused:1", sources={"test": source})
        engine = work_engine(source, settings)
        yield Backlog(outbox, engine, published)
        engine.dispose()


def fill_outbox(outbox: Outbox, statistics: str) -> str:
    """What was published, a late row, and the backlog; returns the snapshot between the two."""
    outbox.run("ALTER TABLE outbox SET (autovacuum_enabled = off)")
    fill(outbox, PUBLISHED)
    if statistics == "analyzed before the backlog came":
        outbox.run("ANALYZE outbox")
    with outbox.open_transaction() as late:
        late.append("late")
        outbox.append("keeps the late one inside of the snapshot")
        ((published,),) = outbox.run("SELECT CAST(pg_current_snapshot() AS text)")
        fill(outbox, WAITING)
        late.commit()
    if statistics == "analyzed":
        outbox.run("ANALYZE outbox")
    return str(published)


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count // TRANSACTION):
        outbox.run(_FILL, count=TRANSACTION)


def test_window_over_a_backlog_reads_the_backlog_once_and_nothing_published(backlog: Backlog) -> None:
    plan = explain(backlog, "open_window", snapshot=backlog.published, window=None)

    assert rows_read(plan) <= WAITING + 10
    assert rows_sorted(plan) == 0


def test_page_reads_and_sorts_a_page_wherever_it_is_in_the_backlog(backlog: Backlog) -> None:
    with backlog.engine.connect() as connection:
        window = connection.execute(
            query("open_window"), {"snapshot": backlog.published, "window": None}
        ).one()
    assert window.has_late_rows
    for position in (0, window.main_start + WAITING // 2, window.main_start + WAITING - PAGE):
        plan = explain(
            backlog, "read_page", snapshot=backlog.published, window=window.snapshot,
            position=position, main_start=window.main_start, limit=PAGE,
        )  # fmt: skip

        assert rows_read(plan) <= PAGE + 10, json.dumps(plan, indent=1)
        assert rows_sorted(plan) <= 10


def test_poll_with_nothing_to_publish_reads_no_row(backlog: Backlog) -> None:
    with backlog.engine.connect() as connection:
        snapshot = connection.execute(text("SELECT CAST(pg_current_snapshot() AS text)")).scalar_one()

    assert rows_read(explain(backlog, "open_window", snapshot=snapshot, window=None)) == 0


@pytest.mark.parametrize("inside_of_a_window", [False, True])
def test_measuring_the_lag_counts_no_further_than_its_cap(backlog: Backlog, inside_of_a_window: bool) -> None:
    backlog.outbox.run(
        "UPDATE outbox_cursor SET snapshot = CAST(:snapshot AS pg_snapshot), window_position = :position,"
        " window_snapshot = CASE WHEN :inside THEN pg_current_snapshot() END",
        snapshot=backlog.published, inside=inside_of_a_window, position=PUBLISHED + WAITING // 2,
    )  # fmt: skip

    plan = explain(backlog, "inspect", shard=0, cap=LAG_CAP + 1)

    assert LAG_CAP < rows_read(plan) <= LAG_CAP + 20


def explain(backlog: Backlog, name: str, **parameters: object) -> dict[str, Any]:
    """The plan of a statement as it was executed, under the settings of the relay's sessions."""
    statement = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query(name).text}")
    with backlog.engine.connect() as connection:
        plan: dict[str, Any] = connection.execute(statement, parameters).scalar_one()[0]["Plan"]
        return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_read(plan: dict[str, Any]) -> float:
    """Rows of the outbox that any scan looked at."""
    return float(
        sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in nodes(plan)
            if node.get("Relation Name") == "outbox"
        )
    )


def rows_sorted(plan: dict[str, Any]) -> float:
    return float(
        sum(
            child["Actual Rows"] * child["Actual Loops"]
            for node in nodes(plan)
            if node["Node Type"] in {"Sort", "Incremental Sort"}
            for child in node["Plans"]
        )
    )
