"""Kafka fails while events flow: nothing lost, all in order, and no restart of the relay."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from kafka.admin import KafkaAdminClient

from devstack.free_ports import find_free_ports
from devstack.kafka_broker import KafkaBroker
from tests.support.proxied_broker import ProxiedListeners
from tests.support.relay.commands import command
from tests.support.relay.cursors import cursor_positions
from tests.support.relay.delivery_check import check_all_arrived, receive
from tests.support.relay.fleet import (
    a_relay_of,
    failing,
    led,
    wait_for_parts,
    wait_until_idle,
    wait_until_ready,
)
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess
from tests.support.relay.steady_writer import SteadyWriter
from tests.support.tcp_proxy import TcpProxy
from tests.support.topics import PARTITIONS, create_topics
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(12)]
SETTINGS = {"publish_timeout_seconds": 5, "page_events": 50}
_DISK_BYTES = 48 * 1024 * 1024
_FILLING_BYTES = 50_000


@dataclass(frozen=True)
class Kafka:
    """A broker that a test may stop, and the proxy through which its relay has to go."""

    broker: KafkaBroker
    proxy: TcpProxy

    @property
    def direct(self) -> str:
        return self.broker.bootstrap_servers

    @property
    def proxied(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"


@pytest.fixture(scope="module")
def _started(server_directory: Path) -> Iterator[Kafka]:
    port, proxied_port = find_free_ports(2)
    with TcpProxy(proxied_port) as proxy:
        listeners = ProxiedListeners(port, proxied_port, proxy.port)
        with KafkaBroker(server_directory / "faulty-kafka", port=port, security=listeners) as broker:
            yield Kafka(broker, proxy)


@pytest.fixture
def kafka(_started: Kafka) -> Kafka:
    """Whole again, whatever the last test left of it."""
    _started.proxy.resume()
    _started.broker.resume()
    _started.broker.start()
    return _started


@pytest.fixture
def outbox(database_url: str, kafka: Kafka, unique: str) -> Iterator[Outbox]:
    """An outbox of two shards; its topic is on that broker."""
    create_topics(kafka.direct, [f"topic-{unique}"])
    with an_outbox(database_url, f"topic-{unique}", shards=2) as outbox:
        yield outbox


@pytest.fixture
def relay(outbox: Outbox, kafka: Kafka, tmp_path: Path) -> Iterator[RelayProcess]:
    """Publishes through the proxy."""
    with a_relay_of(outbox, tmp_path, kafka.proxied, **SETTINGS) as relay:
        yield relay


@contextmanager
def nothing_is_lost(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> Iterator[None]:
    """Events flow before, while and after the block breaks something; once it is over all arrive."""
    with SteadyWriter(outbox, KEYS, pause_seconds=0.02) as writer:
        wait_until(lambda: receive(kafka.direct, outbox.topic, 100).total >= 100, "events to flow")
        yield
        before = writer.events
        wait_until(lambda: writer.events > before + 10 * len(KEYS), "events after it")
    check_all_arrived(outbox, kafka.direct)
    wait_until_ready(relay)
    assert relay.logged("error", "critical") == []


def test_restarted_broker(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    with nothing_is_lost(outbox, relay, kafka):
        kafka.broker.stop()
        kafka.broker.start()


def test_killed_broker_that_is_away_for_a_while(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    with nothing_is_lost(outbox, relay, kafka):
        kafka.broker.kill()
        wait_until(
            lambda: failing(relay).get("kafka", "").startswith("BrokerUnavailable: "), "readiness to name it"
        )
        # Longer than a page may take, and as long as it takes for a back-off to grow.
        written = count(outbox)
        wait_until(lambda: failures(relay) >= 4, "several attempts in vain", timeout_seconds=60)
        assert count(outbox) > written
        # Readiness names no address; the log does.
        assert kafka.proxied not in failing(relay)["kafka"]
        assert kafka.proxied in reason_logged(relay, "kafka_unavailable")
        assert kafka.proxied in reason_logged(relay, "publish_failed", kind="broker")
        kafka.broker.start()


def test_network_to_kafka_that_freezes_and_thaws(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    with nothing_is_lost(outbox, relay, kafka):
        kafka.proxy.pause()
        wait_until(lambda: "kafka" in failing(relay), "readiness to name Kafka")
        wait_until(lambda: "test.publishing" in failing(relay), "readiness to name what it can't do")
        kafka.proxy.resume()


def test_frozen_broker(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    with nothing_is_lost(outbox, relay, kafka):
        kafka.broker.pause()
        wait_until(lambda: "kafka" in failing(relay), "readiness to name it")
        kafka.broker.resume()


def test_connections_to_kafka_that_break_again_and_again(
    outbox: Outbox, relay: RelayProcess, kafka: Kafka
) -> None:
    with nothing_is_lost(outbox, relay, kafka):
        for _ in range(10):
            before = count(outbox)
            kafka.proxy.cut()
            wait_until(lambda before=before: count(outbox) > before + 50, "more events")  # type: ignore[misc]


def test_topic_deleted_and_made_again(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    """What was in the topic is gone with it; what had not been published then arrives in the new one."""
    topic = outbox.topic
    outbox.append_many(50, keys=len(KEYS))
    assert receive(kafka.direct, topic, 50).total == 50
    delete_topic(kafka.direct, topic)
    with SteadyWriter(outbox, KEYS, pause_seconds=0.02):
        wait_until(lambda: topic in failing(relay).get("test.publishing", ""), "readiness to name the topic")
        assert outbox.run("SELECT count(*) FROM outbox_dead_letter") == [(0,)]
        create_topics(kafka.direct, [topic], partitions=5)
        wait_until_made_anew_is_said(relay)
    assert receive(kafka.direct, topic, 1, timeout_seconds=3).total == 0
    command("accept-kafka", "test", of=outbox, kafka=kafka.direct)
    outbox.run("DELETE FROM outbox WHERE position <= 50")

    check_all_arrived(outbox, kafka.direct)
    wait_until_ready(relay)
    assert outbox.run("SELECT count(*) FROM outbox_dead_letter") == [(0,)]
    assert {line["event"] for line in relay.logged("error", "critical")} == {"kafka_changed"}


def test_topic_deleted_and_made_again_at_once(outbox: Outbox, relay: RelayProcess, kafka: Kafka) -> None:
    """The producer's numbers of its batches go on where the new topic knows of none."""
    topic = outbox.topic
    for number in range(20):
        for key in KEYS:
            outbox.append(key, number)
    assert receive(kafka.direct, topic, 20 * len(KEYS)).total == 20 * len(KEYS)
    delete_topic(kafka.direct, topic)

    def make_again() -> bool:
        create_topics(kafka.direct, [topic])
        return True

    wait_until(make_again, "the topic to be gone, and made again")
    wait_until_made_anew_is_said(relay)
    outbox.run("DELETE FROM outbox")
    for number in range(5):
        for key in KEYS:
            outbox.append(key, number)
    assert receive(kafka.direct, topic, 1, timeout_seconds=3).total == 0
    command("accept-kafka", "test", of=outbox, kafka=kafka.direct)

    check_all_arrived(outbox, kafka.direct)
    wait_until_ready(relay)
    assert {line["event"] for line in relay.logged("error", "critical")} == {"kafka_changed"}


def test_broker_whose_disk_is_full(
    database_url: str, server_directory: Path, unique: str, tmp_path: Path
) -> None:
    broker = KafkaBroker(server_directory / f"kafka-{unique}")
    with (
        a_small_disk(broker) as disk,
        an_outbox(database_url, "topic", shards=2) as outbox,
        a_relay_of(outbox, tmp_path, broker.bootstrap_servers, **SETTINGS) as relay,
    ):
        create_topics(broker.bootstrap_servers, ["topic"])
        for number in range(2 * _DISK_BYTES // (len(KEYS) * _FILLING_BYTES)):
            with outbox.transaction() as transaction:
                for key in KEYS:
                    transaction.append(key, number, {"number": number, "filling": "x" * _FILLING_BYTES})
        wait_until(lambda: broker.pid is None, "the broker to give up", timeout_seconds=60)
        wait_until(lambda: "kafka" in failing(relay), "readiness to name it")
        outbox.append("after", 1)
        disk.grow()
        broker.start()

        check_all_arrived(outbox, broker.bootstrap_servers)
        wait_until_ready(relay)
        assert relay.logged("error", "critical") == []


def test_relay_frozen_after_sending_moves_no_cursor_when_it_thaws(
    outbox: Outbox, kafka: Kafka, tmp_path: Path
) -> None:
    settings = {"leadership_timeout_ms": 2_000, "publish_timeout_seconds": 600}
    with (
        a_relay_of(outbox, tmp_path, kafka.proxied, **settings) as frozen,
        a_relay_of(outbox, tmp_path, kafka.direct, **settings) as successor,
    ):
        wait_for_parts([frozen, successor], [1, 1])
        append_together(outbox, 0)
        receive(kafka.direct, outbox.topic, len(KEYS))
        wait_until_idle(outbox)
        kafka.proxy.hold_answers()
        append_together(outbox, 1)
        # The last of the frozen one's page is there, and it doesn't know.
        assert receive(kafka.direct, outbox.topic, 2 * len(KEYS)).total == 2 * len(KEYS)
        frozen.signal(signal.SIGSTOP)
        kafka.proxy.resume()
        wait_until(lambda: led(successor) == {0, 1}, "the takeover")
        append_together(outbox, 2)
        wait_until_idle(outbox)
        before = cursor_positions(outbox)

        frozen.signal(signal.SIGCONT)
        wait_for_parts([frozen, successor], [1, 1])
        wait_until_ready(frozen, successor)
        assert cursor_positions(outbox) == before
        check_all_arrived(outbox, kafka.direct)


def test_relay_killed_before_any_acknowledgement_leaves_all_to_another(
    outbox: Outbox, kafka: Kafka, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka.proxied, **SETTINGS) as killed:
        append_together(outbox, 0)
        assert receive(kafka.direct, outbox.topic, len(KEYS)).total == len(KEYS)
        wait_until_idle(outbox)
        before = cursor_positions(outbox)
        kafka.proxy.pause()
        append_together(outbox, 1)
        wait_until(lambda: "test.publishing" in failing(killed), "an attempt to have been in vain")
        killed.kill()
        assert cursor_positions(outbox) == before
    kafka.proxy.resume()
    with a_relay_of(outbox, tmp_path, kafka.direct):
        check_all_arrived(outbox, kafka.direct)


class SmallFileSystem:
    """A file system in memory, which takes an administrator to mount."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._data = broker.directory / "data"
        aside = self._data.with_name("aside")
        broker.stop()
        self._data.rename(aside)
        self._data.mkdir()
        self._mount(_DISK_BYTES)
        shutil.copytree(aside, self._data, dirs_exist_ok=True)
        broker.start()

    def grow(self) -> None:
        self._mount(10 * _DISK_BYTES, "remount,")

    def end(self) -> None:
        subprocess.run(["umount", self._data], check=True)

    def _mount(self, size: int, how: str = "") -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{how}size={size}", "tmpfs", self._data],
            check=True, capture_output=True,
        )  # fmt: skip


class FileSizeLimit:
    """Writing fails from a size on; the same call, another number of its error; needs no rights."""

    def __init__(self, broker: KafkaBroker) -> None:
        limit = _DISK_BYTES // PARTITIONS
        psutil.Process(broker.pid).rlimit(psutil.RLIMIT_FSIZE, (limit, psutil.RLIM_INFINITY))

    def grow(self) -> None:
        """The next process has no limit."""

    def end(self) -> None:
        """Nothing is left of it."""


@contextmanager
def a_small_disk(broker: KafkaBroker) -> Iterator[SmallFileSystem | FileSizeLimit]:
    """The broker runs on it; stopped at the end."""
    with broker:
        disk = SmallFileSystem(broker) if may_mount() else FileSizeLimit(broker)
        try:
            yield disk
        finally:
            broker.stop()
            disk.end()


def may_mount() -> bool:
    """Root in a container usually may not."""
    with TemporaryDirectory() as directory:
        tried = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], capture_output=True, check=False)
        if tried.returncode == 0:
            subprocess.run(["umount", directory], check=True)
        return tried.returncode == 0


def wait_until_made_anew_is_said(relay: RelayProcess) -> None:
    wait_until(
        lambda: any("outbox-relay rewind test" in reason for reason in failing(relay).values()),
        "readiness to say that the topic was made anew",
    )


def delete_topic(servers: str, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.delete_topics([topic])
    finally:
        admin.close()


def append_together(outbox: Outbox, number: int) -> None:
    """An event of every key, in one transaction."""
    with outbox.transaction() as transaction:
        for key in KEYS:
            transaction.append(key, number)


def count(outbox: Outbox) -> int:
    return int(outbox.run("SELECT count(*) FROM outbox")[0][0])


def failures(relay: RelayProcess) -> int:
    """How many attempts to publish have failed."""
    return sum(line["event"] == "publish_failed" for line in relay.logged("warning"))


def reason_logged(relay: RelayProcess, event: str, **fields: str) -> str:
    """The reason of the latest such line."""
    lines = [line for line in relay.logged("warning") if line.items() >= {"event": event, **fields}.items()]
    return str(lines[-1]["reason"]) if lines else ""
