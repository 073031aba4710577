"""What a poll, a page and a cursor's move cost depends neither on what was published nor on what waits."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, Row, TextClause, text

from devstack.postgresql import PostgresqlServer
from outbox_relay.postgresql.database import SourceDatabase, maintenance_engine, work_engine
from outbox_relay.postgresql.lag import LAG_CAP
from outbox_relay.postgresql.queries import execution, preparation, query, sharded
from outbox_relay.protocol.model import Shards
from tests.support.databases import fresh_database
from tests.support.relay.outbox import Outbox, an_outbox

PUBLISHED = 200_000
WAITING = 50_000
PAGE = 500
PAGE_BYTES = 4 * 1024 * 1024
TRANSACTION = 5_000
SHARDS = 4
PARTITION_POSITIONS = 30_000
PARTITIONS = 11
WINDOW_CAP = 20_000
ALL = Shards(frozenset(range(SHARDS)), SHARDS)
ONE = Shards(frozenset({1}), SHARDS)
ROOT_TO_ROW = 8
"""Pages of a partition that are touched to find the first row of an index, or that there is none."""

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
    maintenance: Engine
    published: str

    def window(self) -> Row[Any]:
        """A window over all of it."""
        with self.engine.connect() as connection:
            parameters = {"snapshot": self.published, "window": None, "cap": WINDOW_CAP}
            return connection.execute(query("open_window"), parameters).one()

    def main_start(self) -> int:
        """Where what waits begins, its late row aside."""
        ((position,),) = self.outbox.run(
            "SELECT min(position) FROM outbox WHERE xid >= pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))",
            snapshot=self.published,
        )
        return int(position)


@pytest.fixture(scope="module", params=["never analyzed", "analyzed before the backlog came", "analyzed"])
def backlog(request: pytest.FixtureRequest, postgresql_server: PostgresqlServer) -> Iterator[Backlog]:
    with (
        fresh_database(postgresql_server.url()) as name,
        an_outbox(postgresql_server.url(database=name), "topic", SHARDS) as outbox,
    ):
        prefer_parallel_plans(outbox, name)
        published = fill_outbox(outbox, request.param)
        database = SourceDatabase(outbox.relay_url)
        engine, maintenance = work_engine(database), maintenance_engine(database)
        yield Backlog(outbox, engine, maintenance, published)
        engine.dispose()
        maintenance.dispose()


def prefer_parallel_plans(outbox: Outbox, database: str) -> None:
    """As with millions of rows: several processes read and sort them all, which looks cheaper than it is."""
    for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_index_scan_size"):
        outbox.run(f'ALTER DATABASE "{database}" SET {setting} = 0')


def fill_outbox(outbox: Outbox, statistics: str) -> str:
    """What was published, a late row, and the backlog; returns the snapshot between the two."""
    make_partitions_smaller(outbox)
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


def make_partitions_smaller(outbox: Outbox) -> None:
    """So that what is published, and what waits, lie in several partitions each."""
    for (name,) in outbox.run("SELECT name FROM outbox_partition_bounds()"):
        outbox.run(f"DROP TABLE {name}")
    parameters = {"positions": PARTITION_POSITIONS, "ahead": PARTITIONS - 1}
    names = outbox.run("SELECT outbox_add_partitions(:positions, :ahead, '1 day')", **parameters)
    assert len(names) == PARTITIONS
    for name in (*(name for (name,) in names), "outbox_default"):
        outbox.run(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count // TRANSACTION):
        outbox.run(_FILL, count=TRANSACTION)


def test_poll_with_nothing_to_publish_reads_no_row(backlog: Backlog) -> None:
    with backlog.engine.connect() as connection:
        snapshot = connection.execute(text("SELECT CAST(pg_current_snapshot() AS text)")).scalar_one()

    plan = explain_prepared(backlog, "open_window", snapshot=snapshot, window=None, cap=WINDOW_CAP)

    assert rows_read(plan) == 0
    assert pages_touched(plan) <= ROOT_TO_ROW * (PARTITIONS + 1)


def test_poll_while_a_transaction_is_held_open_reads_no_row(backlog: Backlog) -> None:
    with backlog.outbox.open_transaction() as held:
        held.run("SELECT pg_current_xact_id()")
        backlog.outbox.run("SELECT pg_current_xact_id()")
        with backlog.engine.connect() as connection:
            snapshot = connection.execute(text("SELECT CAST(pg_current_snapshot() AS text)")).scalar_one()
        assert snapshot.rpartition(":")[2]
        plan = explain_prepared(backlog, "open_window", snapshot=snapshot, window=None, cap=WINDOW_CAP)

    assert rows_read(plan) == 0
    assert pages_touched(plan) <= 2 * ROOT_TO_ROW * (PARTITIONS + 1)


def test_window_over_a_backlog_looks_at_no_more_than_its_cap(backlog: Backlog) -> None:
    plan = explain_prepared(backlog, "open_window", snapshot=backlog.published, window=None, cap=WINDOW_CAP)

    assert WINDOW_CAP <= rows_read(plan) <= WINDOW_CAP + 10
    assert rows_sorted(plan) == 0


def test_beginning_of_a_backlog_is_looked_for_in_one_partition(backlog: Backlog) -> None:
    """Partition by partition, as the relay does it, up to the first that has any of it."""
    bounds = [bound for (bound,) in backlog.outbox.run(query("partitions").text)]
    assert len(bounds) == PARTITIONS + 1
    begin = max(bound for bound in bounds if bound <= backlog.main_start())
    for start, end in zip(bounds, [*bounds[1:], 2**63 - 1], strict=True):
        plan = explain(
            backlog.engine, query("find_main_start"), **{"from": start, "to": end}, snapshot=backlog.published
        )

        if start < begin:
            assert rows_read(plan) == 0
            assert pages_touched(plan) <= ROOT_TO_ROW
        else:
            assert 0 < rows_read(plan) <= PARTITION_POSITIONS
            break


def positions_in_the_backlog(backlog: Backlog) -> Sequence[int]:
    """Before it, inside of it, near its end."""
    start = backlog.main_start()
    return (0, start + WAITING // 2, start + WAITING - 4 * PAGE)


@pytest.mark.parametrize(("shards", "rows_looked_at"), [(ALL, PAGE), (ONE, SHARDS * PAGE * 1.3)])
def test_page_reads_and_sorts_a_page_wherever_it_is_in_the_backlog(
    backlog: Backlog, shards: Shards, rows_looked_at: float
) -> None:
    for position in positions_in_the_backlog(backlog):
        plan = explain_page(backlog, "read_page", position, shards)

        assert PAGE <= rows_read(plan) <= rows_looked_at + 10, json.dumps(plan, indent=1)
        assert rows_sorted(plan) == 0
        assert pages_touched(plan) <= rows_looked_at / 5 + ROOT_TO_ROW * PARTITIONS


@pytest.mark.parametrize(("shards", "rows_looked_at"), [(ALL, PAGE), (ONE, SHARDS * PAGE * 1.3)])
def test_page_of_a_window_with_late_rows_reads_and_sorts_no_more(
    backlog: Backlog, shards: Shards, rows_looked_at: float
) -> None:
    assert backlog.window().has_late_rows
    for position in positions_in_the_backlog(backlog):
        plan = explain_page(backlog, "read_late_page", position, shards)

        assert PAGE <= rows_read(plan) <= rows_looked_at + 20, json.dumps(plan, indent=1)
        assert rows_sorted(plan) <= 10
        assert pages_touched(plan) <= rows_looked_at / 5 + 3 * ROOT_TO_ROW * (PARTITIONS + 1)


@pytest.mark.parametrize("inside_of_a_window", [False, True])
def test_measuring_the_lag_looks_no_further_than_its_cap(backlog: Backlog, inside_of_a_window: bool) -> None:
    set_cursors(backlog, inside_of_a_window)

    plan = explain(backlog.maintenance, query("measure_lag"), cap=LAG_CAP)

    assert LAG_CAP < rows_read(plan) <= LAG_CAP + 20, json.dumps(plan, indent=1)


def set_cursors(backlog: Backlog, inside_of_a_window: bool) -> None:
    backlog.outbox.run(
        "UPDATE outbox_cursor SET snapshot = CAST(:snapshot AS pg_snapshot), window_position = :position,"
        " window_snapshot = CASE WHEN :inside THEN pg_current_snapshot() END",
        snapshot=backlog.published, inside=inside_of_a_window, position=PUBLISHED + WAITING // 4,
    )  # fmt: skip


SAVES = 3_000


def test_cost_of_moving_cursors_does_not_depend_on_kept_versions(
    backlog: Backlog,
) -> None:
    with (
        backlog.outbox.open_transaction() as keeper,
        backlog.engine.connect() as connection,
    ):
        keeper.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        keeper.run("SELECT FROM outbox_cursor")
        saver = CursorSaver(connection)
        first = [saver.pages_touched_by_a_save() for _ in range(20)]
        for _ in range(SAVES):
            saver.save()
        later = [saver.pages_touched_by_a_save() for _ in range(200)]

        # This is what the place saves.
        by_key = text(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            " UPDATE outbox_cursor SET updated_at = clock_timestamp() WHERE shard = 0"
        )
        kept_alive = pages_touched(connection.execute(by_key).scalar_one()[0]["Plan"])

    usual = sorted(first)[len(first) // 2]
    assert sum(touched <= usual for touched in later) >= 0.9 * len(later)
    # Now and then a version finds no room in its page, and begins another one.
    assert sum(later) / len(later) <= 2 * usual
    assert sum(later) / len(later) < SHARDS * kept_alive / 10


class CursorSaver:
    """Saves all cursors as the relay does."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        connection.exec_driver_sql(preparation("save_cursors"))
        rows = connection.execute(
            text("SELECT shard, epoch, CAST(ctid AS text) FROM outbox_cursor ORDER BY 1")
        ).all()
        self._fence = {"shards": [row[0] for row in rows], "epochs": [row[1] for row in rows]}
        self._places = [row[2] for row in rows]

    def save(self) -> None:
        rows = self._connection.execute(execution("save_cursors"), self._parameters()).all()
        assert len(rows) == SHARDS
        self._places = [row.place for row in rows]

    def pages_touched_by_a_save(self) -> float:
        explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execution('save_cursors').text}")
        plan = self._connection.execute(explained, self._parameters()).scalar_one()[0]["Plan"]
        assert plan["Actual Rows"] == SHARDS
        places = "SELECT CAST(ctid AS text) FROM outbox_cursor ORDER BY shard"
        self._places = list(self._connection.execute(text(places)).scalars())
        return pages_touched(plan)

    def _parameters(self) -> dict[str, object]:
        places = "{" + ",".join(f'"{place}"' for place in self._places) + "}"
        return {"snapshot": "1:1:", "window": None, "position": None, "places": places, **self._fence}


HELD_BACK = 20_000


def test_cost_of_a_held_key_does_not_depend_on_its_parked_events(
    backlog: Backlog,
) -> None:
    backlog.outbox.run(
        "INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source,"
        "                                payload, created_at, state, kind, reason)"
        " SELECT number, gen_random_uuid(), 'topic' || number % 2, 'test', 'held', 'Tested', '/test', '{}',"
        "        now(), CASE WHEN number > :held THEN 'REPLAYING' ELSE 'PARKED' END, 'too_large', 'x'"
        " FROM generate_series(1, :held + 10) AS number",
        held=HELD_BACK,
    )
    keys = {"topics": ["topic0", "topic1"], "keys": ["held", "held"]}
    held_back = explain(backlog.engine, query("park_behind"), **keys, positions=[])
    cursor = {"snapshot": backlog.published, "window": backlog.published, "position": 0}
    replayed = explain(
        backlog.engine, sharded("read_replays", ALL)[0], **cursor, limit=PAGE, bytes=PAGE_BYTES
    )
    backlog.outbox.run("TRUNCATE outbox_dead_letter")

    assert rows_read(held_back, "outbox_dead_letter") == 2 * 2
    assert 10 <= rows_read(replayed, "outbox_dead_letter") <= 10 + 10
    assert rows_read(replayed) == 10


def explain_page(backlog: Backlog, name: str, position: int, shards: Shards) -> dict[str, Any]:
    statement, parameters = sharded(name, shards)
    return explain(
        backlog.engine, statement, snapshot=backlog.published, window=backlog.window().snapshot,
        position=position, main_start=backlog.main_start(), limit=PAGE, bytes=PAGE_BYTES, **parameters,
    )  # fmt: skip


def explain(engine: Engine, statement: TextClause, **parameters: object) -> dict[str, Any]:
    """The plan of a statement as it was executed, under the settings of the relay's sessions."""
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}")
    with engine.connect() as connection:
        plan: dict[str, Any] = connection.execute(explained, parameters).scalar_one()[0]["Plan"]
        return plan


def explain_prepared(backlog: Backlog, name: str, **parameters: object) -> dict[str, Any]:
    """The same for a statement whose plan is kept."""
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execution(name).text}")
    with backlog.engine.connect() as connection:
        connection.exec_driver_sql(preparation(name))
        plan: dict[str, Any] = connection.execute(explained, parameters).scalar_one()[0]["Plan"]
        return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def rows_read(plan: dict[str, Any], *relations: str) -> float:
    """Rows of the outbox's partitions, or of other relations, that any scan looked at."""
    names = relations or ("outbox_p", "outbox_default")
    return float(
        sum(
            (
                node["Actual Rows"]
                + node.get("Rows Removed by Filter", 0)
                + node.get("Rows Removed by Index Recheck", 0)
            )
            * node["Actual Loops"]
            for node in nodes(plan)
            if node.get("Relation Name", "").startswith(names)
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


def pages_touched(plan: dict[str, Any]) -> int:
    """Pages of tables and indexes, each time that they were touched."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
