"""A relay inside of the test, which takes a step when told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outbox_relay.broker import BrokerProbe
from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.database import leadership_engine, work_engine
from outbox_relay.leadership import Leadership, lock_id
from outbox_relay.publisher import KafkaPublisher
from outbox_relay.relay import Failed, Idle, Published, Relay, StepResult
from outbox_relay.source import PostgresSource
from servicekit.messaging.cluster import KafkaCluster


@dataclass
class SteppingRelay:
    """What ``outbox-relay run`` composes, without its schedule."""

    relay: Relay
    leadership: Leadership
    source: PostgresSource

    def step(self) -> StepResult:
        return self.relay.run_once()

    def drain(self) -> int:
        """Step until nothing is left; returns how many events were published."""
        count = 0
        while not isinstance(result := self.step(), Idle):
            assert not isinstance(result, Failed), result
            assert isinstance(result, Published), result
            count += result.events
        return count


@contextmanager
def a_stepping_relay(
    database_url: str, bootstrap_servers: str, page_size: int = 500, *, leads: bool = True
) -> Iterator[SteppingRelay]:
    """A relay of shard 0 that has competed for its leadership once, unless told not to."""
    source_settings = SourceSettings(database_url=database_url)
    settings = RelaySettings(kafka_bootstrap_servers=bootstrap_servers, sources={"test": source_settings})
    leadership = Leadership(
        leadership_engine(source_settings, settings),
        lock=lock_id("public", 0),
        shard=0,
        identity="test:1",
        timeout_seconds=settings.leadership_timeout_ms / 1000,
    )
    source = PostgresSource(work_engine(source_settings, settings), leadership, 0)
    cluster = KafkaCluster(bootstrap_servers)
    probe = BrokerProbe(cluster, "stepping")
    publisher = KafkaPublisher(cluster, "stepping", 30.0, probe)
    if leads:
        leadership.beat()
    try:
        yield SteppingRelay(Relay(source, publisher, page_size), leadership, source)
    finally:
        leadership.resign()
        publisher.abandon()
        probe.close()
        source.close()
