"""Consumer processes on a database of the test's own.

Their topic and their group are the program's, and so the same for every test.
"""

import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from sqlalchemy import Engine, text

from notification_service.messaging.incoming_order_completed import ORDER_COMPLETED
from notification_service.subscriptions import SUBSCRIPTIONS
from tests.support.command_process import CommandProcess
from tests.support.notification_events import encoded
from tests.support.sandbox import Sandbox
from tests.support.topics import PARTITIONS, produce
from tests.support.waiting import wait_until

TOPIC = ORDER_COMPLETED.topic

EFFECTS = ("ALIMTALK", "ANALYTICS", "MONITORING")


class ConsumerDeployment:
    """What a consumer process needs, and the effects that it has."""

    def __init__(self, engine: Engine, bootstrap_servers: str, sandbox: Sandbox, directory: Path) -> None:
        self.engine = engine
        self.bootstrap_servers = bootstrap_servers
        self.sandbox = sandbox
        self._directory = directory
        self._stack = ExitStack()
        self._started = 0

    def start_consumer(self, **environment: str) -> CommandProcess:
        """A consumer that has joined the group."""
        self._started += 1
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        process = CommandProcess(
            ["notification-service", "consumer"],
            {
                "DATABASE_URL": url,
                "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
                "KAFKA_CLIENT_ID": f"consumer-{self._started}",
                "ALIMTALK_URL": self.sandbox.url,
                "MONITORING_WEBHOOK_URL": self.sandbox.monitoring_url,
                "CONSUMER_SESSION_TIMEOUT_MS": "6000",
                # Few at once: a test has some claimed while others wait.
                "DELIVERY_PARALLELISM": "4",
                "DELIVERY_TIMEOUT_SECONDS": "0.5",
                "DELIVERY_LEASE_SECONDS": "6",
                "ALIMTALK_PROCESSING_SECONDS": "2",
                **environment,
            },
            self._directory / f"consumer-{self._started}.log",
        )
        self._stack.enter_context(process)
        process.logged("partitions_assigned")
        return process

    def produce(self, events: Iterable[dict[str, Any]], partition: int = 0) -> None:
        produce(self.bootstrap_servers, TOPIC, [encoded(event) for event in events], partition)

    def statuses(self, effect: str) -> Counter[str]:
        """How many deliveries of ``effect`` have each status."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT status, count(*) AS number FROM delivery WHERE effect = :effect GROUP BY 1"),
                {"effect": effect},
            )
            return Counter({row.status: row.number for row in rows})

    def wait_for(self, effect: str, delivered: int, timeout_seconds: float = 60.0) -> None:
        wait_until(
            lambda: self.statuses(effect)["DELIVERED"] >= delivered, f"{delivered} {effect}", timeout_seconds
        )

    def assert_each_once(self, events: Sequence[dict[str, Any]]) -> None:
        """Every effect of every event has taken place once."""
        expected = sorted(event["eventId"] for event in events)
        assert sorted(self.sandbox.references()) == expected
        assert sorted(webhook["idempotencyKey"] for webhook in self.sandbox.webhooks()) == expected
        with self.engine.connect() as connection:
            counted = connection.execute(text("SELECT event_id::text FROM analytics_order ORDER BY 1"))
            assert list(counted.scalars()) == expected
            totals = connection.execute(text("SELECT sum(orders), sum(amount) FROM sales_daily"))
            orders, amount = totals.one()
        assert (orders, amount) == (len(events), sum(event["totalAmount"] for event in events))
        assert self._sums() == {(len(events), sum(event["totalAmount"] for event in events))}
        for effect in EFFECTS:
            assert self.statuses(effect) == {"DELIVERED": len(events)}

    def _sums(self) -> set[tuple[int, int]]:
        """Orders and amounts, as each list that has them adds up to."""
        with self.engine.connect() as connection:
            return {
                connection.execute(text(f"SELECT sum(orders), sum(amount) FROM {table}")).one()  # noqa: S608
                for table in ("sales_hourly", "sales_by_basket_size")
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()


def skip_former_records(bootstrap_servers: str) -> None:
    """Let the consumer groups begin behind every record that is there, once they have no members left."""
    for each in SUBSCRIPTIONS:
        _skip_former_records(bootstrap_servers, each.topic, each.consumer_group)


def _skip_former_records(bootstrap_servers: str, topic: str, group: str) -> None:
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=group, enable_auto_commit=False)

    def commit() -> bool:
        ends = consumer.end_offsets(partitions)
        consumer.commit({partition: OffsetAndMetadata(end, "", -1) for partition, end in ends.items()})
        return True

    try:
        # A member that was killed is one until its session ends.
        wait_until(commit, f"{group} to be empty")
    finally:
        consumer.close(autocommit=False)


def freeze_holding_claims(deployment: ConsumerDeployment, process: CommandProcess) -> None:
    """SIGSTOP at a moment at which some messages have been sent and some are claimed."""

    def probe() -> bool:
        process.signal(signal.SIGSTOP)
        statuses = deployment.statuses("ALIMTALK")
        if statuses["SENDING"] and statuses["DELIVERED"]:
            return True
        process.signal(signal.SIGCONT)
        return False

    wait_until(probe, "claims held while others are done")


def assert_no_errors(process: CommandProcess) -> None:
    assert [line for line in process.log_lines() if line["level"] in {"error", "critical"}] == []
    assert "Traceback" not in process.log_text()


def stop_gracefully(process: CommandProcess) -> None:
    """SIGTERM, and at most 10 s until it exits with 0."""
    process.signal(signal.SIGTERM)
    assert process.exit_status(10.0) == 0, process.log_text()
    assert_no_errors(process)
