"""A poll costs the same however much was published, and a backlog is not sorted again for every page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.database import work_engine
from outbox_relay.queries import query
from outbox_relay.source import LAG_CAP
from tests.integration.outbox_relay.outbox import Outbox

PUBLISHED = 200_000
WAITING = 50_000
PAGE = 500
TRANSACTION = 500

_FILL = """
    INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)
    SELECT gen_random_uuid(), 'topic', 'test', number % 1000, 'Tested', '/test', '{"number": 1}'
    FROM generate_series(1, :count) AS number
"""


@dataclass(frozen=True)
class Backlog:
    """A large outbox and the snapshot up to which it has been published."""

    engine: Engine
    published: str


@pytest.fixture(params=["never analyzed", "analyzed before the backlog came", "analyzed"])
def backlog(request: pytest.FixtureRequest, outbox: Outbox) -> Iterator[Backlog]:
    outbox.run("ALTER TABLE outbox SET (autovacuum_enabled = off)")
    fill(outbox, PUBLISHED)
    if request.param == "analyzed before the backlog came":
        outbox.run("ANALYZE outbox")
    with outbox.open_transaction() as late:
        late.append("late")
        outbox.append("keeps the late one inside of the snapshot")
        ((published,),) = outbox.run("SELECT CAST(pg_current_snapshot() AS text)")
        fill(outbox, WAITING)
        late.commit()
    if request.param == "analyzed":
        outbox.run("ANALYZE outbox")
    source = SourceSettings(database_url=outbox.relay_url)
    engine = work_engine(source, RelaySettings(kafka_bootstrap_servers="unused:1", sources={"test": source}))
    yield Backlog(engine, published)
    engine.dispose()


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

        assert rows_read(plan) <= PAGE + 10
        assert rows_sorted(plan) <= 10


def test_poll_with_nothing_to_publish_reads_no_row(backlog: Backlog) -> None:
    with backlog.engine.connect() as connection:
        snapshot = connection.execute(text("SELECT CAST(pg_current_snapshot() AS text)")).scalar_one()

    assert rows_read(explain(backlog, "open_window", snapshot=snapshot, window=None)) == 0


@pytest.mark.parametrize("inside_of_a_window", [False, True])
def test_measuring_the_lag_counts_no_further_than_its_cap(
    backlog: Backlog, outbox: Outbox, inside_of_a_window: bool
) -> None:
    outbox.run("UPDATE outbox_cursor SET snapshot = CAST(:s AS pg_snapshot)", s=backlog.published)
    if inside_of_a_window:
        outbox.run(
            "UPDATE outbox_cursor SET window_snapshot = pg_current_snapshot(), window_position = :p",
            p=PUBLISHED + WAITING // 2,
        )

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
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "outbox"
    )


def rows_sorted(plan: dict[str, Any]) -> float:
    return sum(
        child["Actual Rows"] * child["Actual Loops"]
        for node in nodes(plan)
        if node["Node Type"] in {"Sort", "Incremental Sort"}
        for child in node["Plans"]
    )
