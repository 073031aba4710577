"""One database for all examples of the protocol's test, cheap to begin anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from outbox_relay.postgresql import cursors
from outbox_relay.postgresql.known_topics import stored_topics
from outbox_relay.protocol.model import TopicIdentity
from tests.integration.outbox_relay.protocol.stoppable_relay import Connections
from tests.support.relay.outbox import Outbox, an_outbox

RELAYS = 3
WRITERS = 4
TOPIC = "topic"
PARTITION_POSITIONS = 5

_KEYS = "CREATE TABLE aggregate (key text PRIMARY KEY); INSERT INTO aggregate VALUES ('a'), ('b'), ('c')"
_DROP_PARTITIONS = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT part.name FROM outbox_partition_bounds() AS part
                    UNION ALL
                    SELECT zone.name FROM outbox_zone_bounds() AS zone WHERE zone.lower_position > 1 LOOP
            EXECUTE 'DROP TABLE ' || name;
        END LOOP;
        IF to_regclass('outbox_zone1') IS NULL THEN
            PERFORM outbox_begin_zone(NULL, 0);
        END IF;
    END $$
"""
_RESET = """
    TRUNCATE outbox, outbox_dead_letter, outbox_kafka_topic, outbox_rebasing RESTART IDENTITY;
    DELETE FROM outbox_cursor;
    INSERT INTO outbox_cursor (shard, shards, snapshot, system_identifier)
    SELECT shard, {shards}, '1:1:', (SELECT system_identifier FROM pg_control_system())
    FROM generate_series(0, {shards} - 1) AS shard
"""

# Shifting what is stored is as good as another cluster with other transaction ids. The key of a restored
# table is younger than its rows.
_SHIFT = """
    CREATE OR REPLACE FUNCTION pg_temp.shifted(xid xid8) RETURNS xid8 LANGUAGE sql AS $$
        SELECT CAST(CAST(greatest(4, CAST(CAST(xid AS text) AS bigint) + {xids}) AS text) AS xid8)
    $$;
    CREATE OR REPLACE FUNCTION pg_temp.shifted(snapshot pg_snapshot) RETURNS pg_snapshot LANGUAGE sql AS $$
        SELECT CAST(concat_ws(':', pg_temp.shifted(pg_snapshot_xmin(snapshot)),
                              pg_temp.shifted(pg_snapshot_xmax(snapshot)),
                              (SELECT coalesce(string_agg(CAST(pg_temp.shifted(xid) AS text), ','
                                                          ORDER BY xid), '')
                               FROM pg_snapshot_xip(snapshot) AS running (xid))) AS pg_snapshot)
    $$;
    UPDATE outbox SET xid = pg_temp.shifted(xid) WHERE xid <> '3';
    UPDATE outbox_cursor
    SET snapshot = pg_temp.shifted(snapshot), window_snapshot = pg_temp.shifted(window_snapshot),
        system_identifier = CASE system_identifier WHEN 0 THEN 0 ELSE 1 END;
    UPDATE outbox_rebasing
    SET system_identifier = 1, xid = pg_temp.shifted(xid),
        begin_after = pg_temp.shifted(begin_after);
    ALTER TABLE outbox DROP CONSTRAINT outbox_pkey, ADD PRIMARY KEY (position);
"""

_CURSORS = """
    SELECT shard, CAST(CAST(pg_snapshot_xmax(snapshot) AS text) AS bigint), CAST(snapshot AS text),
           coalesce(window_position, 0)
    FROM outbox_cursor
"""


class StoredCursor(NamedTuple):
    """How far a shard has come."""

    xmax: int
    snapshot: str
    window_position: int

    def is_behind(self, former: "StoredCursor") -> bool:
        if self.snapshot == former.snapshot:
            return self.window_position < former.window_position
        return self.xmax < former.xmax


@dataclass
class ProtocolDatabase:
    """An outbox, connections of writers and relays, and one that may do everything."""

    outbox: Outbox
    administrator: Connection
    writers: list[Connection]
    relays: list[Connections]

    def begin_anew(self, shards: int, *, partitions: bool) -> None:
        """Nothing written, nothing published."""
        self.run(_RESET.format(shards=shards))
        self.run(_DROP_PARTITIONS)
        if partitions:
            self.make_partitions()

    def make_partitions(self) -> None:
        self.run("SELECT * FROM outbox_add_partitions(:positions, 2, '1 day')", positions=PARTITION_POSITIONS)

    def run(self, statement: str, **parameters: object) -> list[Any]:
        """Run it in a transaction of its own."""
        result = self.administrator.execute(text(statement), parameters)
        return list(result) if result.returns_rows else []

    def move_to_another_cluster(self, xids_ahead: int) -> None:
        """As a dump and restore does. The former one's xids are so many ahead of the other one's."""
        self.script(_SHIFT.format(xids=xids_ahead))

    def cursors(self) -> dict[int, StoredCursor]:
        return {shard: StoredCursor(*rest) for shard, *rest in self.run(_CURSORS)}

    def rewind(self, number: int, topic: TopicIdentity) -> None:
        """To the event of this number, by time; the topic is this one now."""
        found = self.run(
            "SELECT created_at FROM outbox ORDER BY created_at"
            " OFFSET CAST(:number AS bigint) % greatest(1, (SELECT count(*) FROM outbox)) LIMIT 1",
            number=number,
        )
        since = found[0].created_at if found else datetime.max.replace(tzinfo=UTC)
        engine = self.outbox.engine
        cursors.rewind(engine, since, dict.fromkeys(stored_topics(engine), topic))

    def script(self, statements: str) -> None:
        """Run them as they are."""
        self.administrator.exec_driver_sql(statements.replace("%", "%%"))


@contextmanager
def a_protocol_database(database_url: str) -> Iterator[ProtocolDatabase]:
    """Made in an empty database."""
    with an_outbox(database_url, TOPIC) as outbox:
        outbox.run(_KEYS)
        administrator = outbox.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        writers = [outbox.engine.connect() for _ in range(WRITERS)]
        relays = [Connections(outbox.relay_url, administrator) for _ in range(RELAYS)]
        try:
            yield ProtocolDatabase(outbox, administrator, writers, relays)
        finally:
            for connection in (administrator, *writers):
                connection.close()
            for connections in relays:
                connections.dispose()
