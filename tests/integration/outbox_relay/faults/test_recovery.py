"""The relay as a process, while it or what it depends on fails."""

import signal
import subprocess
from pathlib import Path

import pytest

from devstack.kafka_broker import KafkaBroker
from devstack.postgresql import PostgresqlServer
from tests.support.databases import fresh_database, make_roles
from tests.support.relay.arrivals import arrivals, by_key, first_seen
from tests.support.relay.cursors import sessions_waiting_to_save
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import a_relay_process, relay_command
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics
from tests.support.waiting import wait_until


def test_relay_killed_before_it_moves_its_cursor_repeats_and_loses_nothing(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url}
    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as first:
        first.wait_to_lead()
        with outbox.open_transaction() as blocker:
            blocker.run("SELECT FROM outbox_cursor FOR UPDATE")
            outbox.append_many(10, keys=2)
            assert len(arrivals(kafka_bootstrap_servers, outbox.topic, 10)) == 10
            wait_until(lambda: sessions_waiting_to_save(outbox), "the relay to save its cursor")
            first.kill()
            # Else PostgreSQL would finish the statement of the killed process once it gets the lock.
            for (pid,) in sessions_waiting_to_save(outbox):
                blocker.run("SELECT pg_terminate_backend(:pid)", pid=pid)
    outbox.append("key-0", 10)

    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources):
        found = arrivals(kafka_bootstrap_servers, outbox.topic, 21)

    assert len(found) == 21
    assert by_key(first_seen(found)) == {"key-0": [0, 2, 4, 6, 8, 10], "key-1": [1, 3, 5, 7, 9]}


def test_relay_stopped_under_load_exits_in_time_and_another_goes_on(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url}
    for _ in range(10):
        outbox.append_many(700)
    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources, page_events=20) as first:
        wait_until(lambda: outbox.cursor()["window_position"], "the relay to be in the middle of its work")
        assert first.terminate() == 0
        assert first.logged("error", "critical", "warning") == []
    assert outbox.cursor()["window_position"] is not None

    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources):
        found = first_seen(arrivals(kafka_bootstrap_servers, outbox.topic, 7000))

    assert len(found) == 7000


def test_relay_stopped_while_it_reads_a_page_sends_nothing_of_it(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    outbox.append_many(5_000)
    # With a lease that outlasts the stop, only the stop itself keeps it from sending.
    settings = {"page_events": 1, "leadership_timeout_ms": 60_000}
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}, **settings) as relay:
        wait_until(lambda: outbox.cursor()["window_position"], "the relay to be in the middle of its work")
        with outbox.open_transaction() as blocker:
            blocker.run("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            before = arrivals(kafka_bootstrap_servers, outbox.topic, 5_000, timeout_seconds=2)
            relay.signal(signal.SIGTERM)
            wait_until(lambda: "pages_abandoned" in relay.log.read_text(), "the relay to give its pages up")
        assert relay.terminate() == 0
        assert "stop_forced" not in relay.log.read_text()

    found = arrivals(kafka_bootstrap_servers, outbox.topic, 5_000, timeout_seconds=2)
    assert len(found) == len(before) < 5_000


def test_missing_topic_is_named_by_readiness_and_creating_it_is_enough(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    missing = f"{outbox.topic}-missing"
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        outbox.append("a", 1)
        with outbox.transaction() as transaction:
            event_id = transaction.append("a", 2)
            transaction.run("UPDATE outbox SET topic = :topic WHERE id = :id", topic=missing, id=event_id)

        wait_until(lambda: missing in relay.failure("test.publishing"), "the relay to name the topic")
        assert missing in relay.source()["lastError"]

        create_topics(kafka_bootstrap_servers, [missing])
        assert len(arrivals(kafka_bootstrap_servers, missing, 1)) == 1
        wait_until(lambda: relay.readiness()[0] == 200, "the relay to be ready again")


def test_database_of_one_source_being_down_delays_no_other_source(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url, "gone": "postgresql://nobody:secret@127.0.0.1:1/gone"}
    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as relay:
        relay.wait_to_lead()
        outbox.append("a", 1)
        assert len(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == 1

        status, checks = relay.readiness()

    assert status == 503
    assert checks["test.database"] == {"status": "ok"}
    assert checks["gone.database"]["status"] == "failed"
    assert "secret" not in relay.log.read_text()


@pytest.fixture
def own_broker(tmp_path: Path) -> KafkaBroker:
    """A broker that the test may stop."""
    return a_kafka_broker(tmp_path / "kafka")


def test_kafka_down_is_named_by_readiness_and_all_arrives_afterwards(
    database_url: str, own_broker: KafkaBroker, tmp_path: Path
) -> None:
    with own_broker, an_outbox(database_url, "topic") as outbox:
        servers = own_broker.bootstrap_servers
        create_topics(servers, ["topic"])
        with a_relay_process(tmp_path, servers, {"test": outbox.relay_url}) as relay:
            outbox.append("a", 1)
            assert len(arrivals(servers, "topic", 1)) == 1

            own_broker.stop()
            reason = wait_until(lambda: relay.failure("kafka"), "the relay to notice", timeout_seconds=10)
            assert reason.startswith("BrokerUnavailable: ")
            assert servers not in reason
            for number in range(2, 6):
                outbox.append("a", number)

            own_broker.start()
            found = arrivals(servers, "topic", 5)
            assert by_key(first_seen(found)) == {"a": [1, 2, 3, 4, 5]}
            wait_until(lambda: relay.readiness()[0] == 200, "the relay to be ready again")
            assert relay.logged("error", "critical") == []


def test_relay_stops_in_time_while_kafka_is_down(
    database_url: str, own_broker: KafkaBroker, tmp_path: Path
) -> None:
    with own_broker, an_outbox(database_url, "topic") as outbox:
        servers = own_broker.bootstrap_servers
        create_topics(servers, ["topic"])
        with a_relay_process(tmp_path, servers, {"test": outbox.relay_url}) as relay:
            outbox.append("a", 1)
            assert len(arrivals(servers, "topic", 1)) == 1
            own_broker.kill()
            outbox.append("a", 2)
            wait_until(lambda: relay.failure("kafka"), "the relay to notice")

            assert relay.terminate() == 0
            assert "stop_forced" not in relay.log.read_text()


def test_relay_reconnects_by_itself_when_postgresql_restarts(
    own_postgresql: PostgresqlServer, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with own_postgresql as server:
        make_roles(server.url())
        with (
            fresh_database(server.url()) as name,
            an_outbox(server.url(database=name), topic) as outbox,
            a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay,
        ):
            relay.wait_to_lead()
            outbox.append("a", 1)
            assert len(arrivals(kafka_bootstrap_servers, topic, 1)) == 1

            server.stop()
            wait_until(lambda: relay.failure("test.database"), "the relay to notice", timeout_seconds=10)
            server.start()
            outbox.append("a", 2)

            found = arrivals(kafka_bootstrap_servers, topic, 2)
            assert by_key(first_seen(found)) == {"a": [1, 2]}
            wait_until(lambda: relay.readiness()[0] == 200, "the relay to be ready again")
            assert relay.logged("error", "critical") == []


def test_relay_stops_in_time_while_postgresql_does_not_answer(
    own_postgresql: PostgresqlServer, kafka_bootstrap_servers: str, topic: str, tmp_path: Path
) -> None:
    with own_postgresql as server:
        make_roles(server.url())
        with (
            fresh_database(server.url()) as name,
            an_outbox(server.url(database=name), topic) as outbox,
            a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay,
        ):
            relay.wait_to_lead()
            sessions = outbox.run("SELECT pid FROM pg_stat_activity WHERE application_name = 'outbox-relay'")
            send(sessions, signal.SIGSTOP)
            try:
                assert relay.terminate() == 0
            finally:
                send(sessions, signal.SIGCONT)


def test_bad_settings_are_all_named_in_one_message() -> None:
    environment = {
        "HTTP_PORT": "none",
        "SOURCES__COUPON__DATABASE_URL": "mysql://root:secret@localhost/coupon",
        "SOURCES__ORDER__DATABSE_URL": "postgresql://localhost/order",
    }

    result = subprocess.run(
        relay_command(), env=environment, capture_output=True, text=True, timeout=30, check=False
    )

    assert result.returncode == 2
    for variable in (
        "HTTP_PORT",
        "KAFKA_BOOTSTRAP_SERVERS",
        "SOURCES__COUPON__DATABASE_URL",
        "SOURCES__ORDER__DATABASE_URL",
        "SOURCES__ORDER__DATABSE_URL",
    ):
        assert variable in result.stderr
    assert "secret" not in result.stderr
    assert "Traceback" not in result.stderr


def send(sessions: list[tuple[int]], number: signal.Signals) -> None:
    for (pid,) in sessions:
        subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)
