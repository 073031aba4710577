"""A publication of all tables, as Debezium, warehouse loaders and logical replication make it.

PostgreSQL then refuses to change rows of a table that has no replica identity.
"""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from outbox_relay.postgresql.cursors import rebase, reshard
from tests.integration.upgrade.processes import output, present_program
from tests.support.relay.arrivals import arrivals, by_key
from tests.support.relay.delivery_check import receive
from tests.support.relay.fleet import a_relay_of, wait_for_parts, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox
from tests.support.relay.stepping_relay import SteppingRelay
from tests.support.waiting import wait_until

PUBLISH_ALL = "CREATE PUBLICATION everything FOR ALL TABLES"
FORMER_SCHEMA = "ALTER TABLE outbox_cursor REPLICA IDENTITY DEFAULT"
_WITHOUT_IDENTITY = """
    SELECT relname FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = CAST('public' AS regnamespace)
      AND (relreplident = 'n' OR relreplident = 'd' AND NOT EXISTS
           (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary))
"""


def test_relay_goes_on_while_a_publication_has_all_tables(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay:
        wait_for_parts([relay], [1])
        outbox.run(PUBLISH_ALL)
        outbox.append_many(100)
        wait_until_idle(outbox)
        wait_until_ready(relay)
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as successor:
        wait_for_parts([successor], [1])
        outbox.run("UPDATE outbox_cursor SET system_identifier = 1")
        committing = outbox.engine.execution_options(isolation_level="AUTOCOMMIT")
        rebase(committing)
        reshard(committing, 2)
        outbox.append_many(100)
        wait_until_idle(outbox)
        wait_until_ready(successor)


@pytest.mark.parametrize("service", ["coupon-service", "order-service", "notification-service"])
def test_every_table_of_a_service_can_be_changed_then(database_url: str, service: str) -> None:
    output(present_program(service), "migrate", DATABASE_URL=database_url)
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        assert connection.execute(text(_WITHOUT_IDENTITY)).all() == []
    engine.dispose()


def test_a_page_is_sent_once_however_often_its_saving_fails(
    outbox: Outbox, relay: SteppingRelay, kafka_bootstrap_servers: str
) -> None:
    outbox.append_many(10)
    relay.drain()
    outbox.run(FORMER_SCHEMA)
    outbox.run(PUBLISH_ALL)
    outbox.append("b", 1)
    for _ in range(4):
        assert "replica identity" in str(relay.step())
    outbox.append("b", 2)
    assert "replica identity" in str(relay.step())
    assert receive(kafka_bootstrap_servers, outbox.topic, 11).total == 11

    outbox.run("DROP PUBLICATION everything")
    assert relay.drain() == 1
    received = receive(kafka_bootstrap_servers, outbox.topic, 12)
    assert (received.total, received.duplicates) == (12, 0)
    assert by_key(arrivals(kafka_bootstrap_servers, outbox.topic, 12))["b"] == [1, 2]


def test_saving_that_fails_is_named_and_repeated_until_it_succeeds(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay:
        wait_for_parts([relay], [1])
        wait_until_ready(relay)
        outbox.run(FORMER_SCHEMA)
        outbox.run(PUBLISH_ALL)
        outbox.append("a", 1)
        wait_until(lambda: "replica identity" in relay.failure("test.publishing"), "readiness to name it")
        outbox.run("ALTER TABLE outbox_cursor REPLICA IDENTITY FULL")
        wait_until_idle(outbox)
        wait_until_ready(relay)
        assert receive(kafka_bootstrap_servers, outbox.topic, 1).duplicates == 0
