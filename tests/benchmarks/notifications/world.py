"""Three consumers on servers of their own, and what they deliver to."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine

from devstack.free_ports import find_free_ports
from notification_service.migrations import SCHEMA
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import upgrade
from tests.benchmarks.coupon.processes import Service, running
from tests.benchmarks.coupon.servers import a_kafka, a_postgresql, query, scratch
from tests.benchmarks.notifications.receiver import Received, received
from tests.support.waiting import wait_until

CONSUMERS = 3
# The limit is never reached where it isn't measured.
NO_LIMIT = 10_000
_JOIN_SECONDS = 120.0
_CONSUMER = ("notification-service", "consumer")
WITHOUT_INBOX = ("python", "-m", "tests.benchmarks.notifications.without_inbox", "consumer")


@dataclass(frozen=True)
class World:
    """Everything that a measurement acts on and asks."""

    database_url: str
    engine: Engine
    bootstrap_servers: str
    receiver_url: str
    receiver: Service
    consumers: Sequence[Service]

    def received(self) -> Received:
        return received(self.receiver_url)

    def number(self, statement: str) -> float:
        """What a statement returns."""
        return float(query(self.database_url, statement)[0][0])

    def cpu_seconds(self) -> dict[str, float]:
        """What each part has used so far."""
        with self.engine.connect() as connection:
            # While it is connected: its process ends with it.
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            postgresql = psutil.Process(backend).parent()
        assert postgresql is not None
        return {
            "consumers": sum(_cpu_seconds(psutil.Process(each.process.pid)) for each in self.consumers),
            "postgresql": sum(map(_cpu_seconds, [postgresql, *postgresql.children()])),
            "receiver": _cpu_seconds(psutil.Process(self.receiver.process.pid)),
        }

    def wait_for(self, ended: Callable[[], bool], what: str, seconds: float) -> None:
        """Raises ChildProcessError if a consumer ends, TimeoutError if it isn't true in time."""
        deadline = time.monotonic() + seconds
        while not ended():
            if dead := [each for each in self.consumers if not each.alive]:
                raise ChildProcessError(f"a consumer has ended with {dead[0].process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
            # Seldom: the question is about everything that there is.
            time.sleep(0.5)


@contextmanager
def a_world(
    *,
    provider_per_second: int = NO_LIMIT,
    command: Sequence[str] = _CONSUMER,
    prepare: Callable[[Engine], None] = lambda _: None,
    **environment: str,
) -> Iterator[World]:
    """Consumers that have their partitions of an empty topic; ``prepare`` gets the database before that."""
    with (
        scratch() as directory,
        a_postgresql(directory) as database_url,
        a_kafka(directory) as kafka,
        ExitStack() as stack,
    ):
        upgrade(database_url, SCHEMA)
        engine = create_engine(DatabaseSettings(database_url=database_url), "benchmark")
        stack.callback(engine.dispose)
        prepare(engine)
        receiver, url = _receiver(directory, provider_per_second)
        variables = {
            "DATABASE_URL": database_url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "ALIMTALK_URL": url,
            "MONITORING_WEBHOOK_URL": f"{url}/webhooks/monitoring",
            **environment,
        }
        consumers = [
            Service(
                command, {**variables, "KAFKA_CLIENT_ID": f"consumer-{n}"}, directory / f"consumer-{n}.log"
            )
            for n in range(CONSUMERS)
        ]
        with running(receiver, *consumers):
            wait_until(
                lambda: _have_joined(consumers), "the consumers to share the partitions", _JOIN_SECONDS
            )
            yield World(database_url, engine, kafka, url, receiver, consumers)


def _receiver(directory: Path, per_second: int) -> tuple[Service, str]:
    [port] = find_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = ["python", "-m", "tests.benchmarks.notifications.receiver", str(port), str(per_second)]
    return Service(command, {}, directory / "receiver.log", f"{url}/received"), url


def _have_joined(consumers: Sequence[Service]) -> bool:
    """Each has one partition, so that none gets another's in the middle of the measurement."""
    assert all(consumer.alive for consumer in consumers), "a consumer has ended"
    return all(_last_assignment(consumer.log).count(",") == 0 for consumer in consumers)


def _last_assignment(log: Path) -> str:
    assignments = [line for line in log.read_text().splitlines() if '"partitions_assigned"' in line]
    return assignments[-1].partition('"partitions": [')[2].partition("]")[0] if assignments else ","


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
