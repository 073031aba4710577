"""Unusual data and environments are reported, and never block other events for good."""

import secrets
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psycopg2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import IntegrityError

from devstack.free_ports import find_free_ports
from devstack.postgresql import PostgresqlServer
from outbox_relay.postgresql.database import SourceDatabase, operator_engine
from outbox_relay.postgresql.dead_letter_operations import DeadLetterOperations, Selection
from outbox_relay.protocol.errors import EventsRejected, StatementTimedOut, TopicMissing
from outbox_relay.protocol.relay import Failed, Published
from tests.support.relay.arrivals import arrivals, by_key
from tests.support.relay.fleet import a_relay_of, failing, led
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess, a_relay_process, relay_command
from tests.support.relay.stepping_relay import a_stepping_relay
from tests.support.waiting import wait_until

INSERT = (
    "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
    " VALUES (CAST(:id AS uuid), :topic, 'test', :key, 'Tested', '/test', '{\"number\": 1}')"
)


def test_event_that_goes_to_two_topics_is_parked_in_both(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    event_id = str(uuid.uuid4())
    for topic in ("absent-1", "absent-2"):
        outbox.run(INSERT, id=event_id, topic=topic, key="k")
    outbox.append("healthy", 7)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, missing_topic_grace_seconds=0) as relay:
        assert set(relay.drain_parking()) == {"unknown_topic"}
    parked = outbox.run("SELECT topic, state FROM outbox_dead_letter ORDER BY topic")
    assert [tuple(row) for row in parked] == [("absent-1", "PARKED"), ("absent-2", "PARKED")]
    assert by_key(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == {"healthy": [7]}


@pytest.fixture
def operations(outbox: Outbox) -> Iterator[DeadLetterOperations]:
    engine = operator_engine(SourceDatabase(outbox.relay_url))
    yield DeadLetterOperations("test", engine)
    engine.dispose()


def test_key_too_long_for_an_index_is_parked_replayed_and_discarded(
    outbox: Outbox, operations: DeadLetterOperations, kafka_bootstrap_servers: str
) -> None:
    key = random_text()
    with outbox.transaction() as transaction:
        poison = transaction.append(key, 0, {"number": 0, "filling": "x" * 30_000})
        transaction.append("other", 1)
        transaction.append(key, 2)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, event_max_bytes=20_000) as relay:
        assert relay.drain_parking() == ["too_large"]
        outbox.append(key, 3)
        outbox.append(key[:-1], 4)
        relay.drain()
        held = {2: ("PARKED", "behind"), 3: ("PARKED", "behind")}
        assert outbox.dead_letters() == {0: ("PARKED", "too_large"), **held}

        assert operations.replay(Selection(topic=outbox.topic, key=key), by="kim", reason="x").replaying == 3
        result = relay.relay.replay_once()
        assert isinstance(result, Failed)
        assert isinstance(result.error, EventsRejected)
        assert outbox.dead_letters() == {0: ("PARKED", "too_large"), **held}

        operations.discard(Selection(event_ids=(poison,)), by="kim", reason="x", replay_rest=True)
        assert relay.replay() == 2
    found = by_key(arrivals(kafka_bootstrap_servers, outbox.topic, 4))
    assert found == {"other": [1], key[:-1]: [4], key: [2, 3]}


def test_topic_too_long_for_an_index_is_parked_and_discarded(
    outbox: Outbox, operations: DeadLetterOperations, kafka_bootstrap_servers: str
) -> None:
    topic = random_text()
    outbox.run(INSERT, id=str(uuid.uuid4()), topic=topic, key="k")
    outbox.append("k", 7)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        assert relay.drain_parking() == ["invalid_topic"]
        outbox.run(INSERT, id=str(uuid.uuid4()), topic=topic, key="k")
        assert relay.drain_parking() == []
    assert [letter.kind for letter in operations.find(topic=topic, key="k")] == ["invalid_topic", "behind"]
    assert operations.discard(Selection(topic=topic, key="k"), by="kim", reason="x").discarded == 2
    assert by_key(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == {"k": [7]}


def random_text() -> str:
    """5,000 characters that can't be compressed."""
    return secrets.token_urlsafe(3_750)


def test_grace_of_all_missing_topics_begins_at_the_same_time(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    for number in range(3):
        outbox.run(INSERT, id=str(uuid.uuid4()), topic=f"absent-{number}", key="k")
    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, missing_topic_grace_seconds=600
    ) as relay:
        result = relay.step()
    assert isinstance(result, Failed)
    assert isinstance(result.error, TopicMissing)
    assert "absent-0, absent-1, absent-2" in str(result.error)


def test_event_without_a_real_time_is_refused_when_it_is_written(outbox: Outbox) -> None:
    outbox.append("k", 1)
    with pytest.raises(IntegrityError, match="created_at"):
        outbox.run("UPDATE outbox SET created_at = 'infinity'")


def test_unexpected_failure_is_named_by_readiness_until_its_cause_is_gone(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """Without the table's own constraint a type may be none, which nothing in the relay expects."""
    outbox.run("ALTER TABLE outbox ALTER COLUMN type DROP NOT NULL")
    outbox.append("k", 1)
    outbox.run("UPDATE outbox SET type = NULL")
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        reason = wait_until(lambda: failing(relay).get("test.publishing"), "readiness to name it")
        assert str(reason).startswith("UnexpectedFailure: ")
        assert any(line["event"] == "turn_failed_unexpectedly" for line in relay.logged("error"))
        outbox.run("UPDATE outbox SET type = 'Tested'")
        assert by_key(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == {"k": [1]}
        wait_until(lambda: not failing(relay), "the relay to be ready again")


def test_undecodable_data_is_named_by_readiness(
    postgresql_server: PostgresqlServer, kafka_bootstrap_servers: str, topic: str, tmp_path: Path, unique: str
) -> None:
    """A database without an encoding may hold bytes that are no text."""
    name = f"ascii_{unique}"
    with closing(psycopg2.connect(postgresql_server.url())) as administrator:
        administrator.autocommit = True
        locale = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0 ENCODING 'SQL_ASCII'"
        with administrator.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} {locale} LOCALE_PROVIDER libc")
    with an_outbox(postgresql_server.url(database=name), topic) as outbox:
        append_with_key(outbox, "토지".encode())
        with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
            assert by_key(arrivals(kafka_bootstrap_servers, topic, 1)) == {"토지": [1]}
            append_with_key(outbox, b"\xff")
            reason = wait_until(lambda: failing(relay).get("test.publishing"), "readiness to name it")
            # The server's own message would quote the bytes.
            assert str(reason) == "SourceUnavailable: SQLSTATE 22021 character_not_in_repertoire"


def append_with_key(outbox: Outbox, key: bytes) -> None:
    outbox.run(
        "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload) VALUES"
        " (gen_random_uuid(), :topic, 'test', convert_from(decode(:key, 'hex'), 'SQL_ASCII'), 'Tested',"
        " '/test', '{\"number\": 1}')",
        topic=outbox.topic,
        key=key.hex(),
    )


def test_page_that_cannot_be_read_in_time_is_tried_with_fewer_events(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    outbox.run(
        "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
        " SELECT gen_random_uuid(), :topic, 'test', 'k' || n, 'Tested', '/test',"
        " json_build_object('filled', repeat(md5(n::text), 12000)) FROM generate_series(1, 3000) AS n",
        topic=outbox.topic,
    )
    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, 5_000, database_statement_timeout_ms=1_000
    ) as relay:
        first = relay.step()
        if isinstance(first, Failed):  # A fast machine reads all of it in time.
            assert isinstance(first.error, StatementTimedOut)
        assert wait_until(lambda: isinstance(relay.step(), Published), "a page")


def test_taken_port_is_reported_in_one_line(
    database_url: str, kafka_bootstrap_servers: str, topic: str
) -> None:
    with socket.create_server(("127.0.0.1", find_free_ports(1)[0])) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            relay_command(),
            env={
                "HTTP_PORT": str(port),
                "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap_servers,
                "SOURCES__TEST__DATABASE_URL": database_url,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"outbox-relay: can't listen on 127.0.0.1:{port} (HTTP_HOST, HTTP_PORT)")
    assert len(done.stderr.splitlines()) == 1


def test_metric_of_leadership_forgets_shards_that_are_no_more(
    database_url: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with (
        an_outbox(database_url, topic, shards=4) as outbox,
        a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay,
    ):
        wait_until(lambda: leaders(relay) == dict.fromkeys("0123", 1), "four shards")
        outbox.run("SELECT outbox_reshard(2)")
        wait_until(lambda: led(relay) == {0, 1} and leaders(relay) == dict.fromkeys("01", 1), "two shards")


def leaders(relay: RelayProcess) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(f"{relay.url}/metrics", timeout=5).text)
    samples = [
        sample for family in families for sample in family.samples if sample.name == "outbox_relay_leader"
    ]
    return {sample.labels["shard"]: sample.value for sample in samples}
