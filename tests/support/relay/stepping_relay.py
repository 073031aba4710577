"""A relay inside of the test, which takes a turn only when the test calls for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outbox_relay.config import RelaySettings, SourceSettings
from outbox_relay.kafka.publisher import KafkaPublisher
from outbox_relay.postgresql.database import leadership_engine, work_engine
from outbox_relay.postgresql.dead_letters import PostgresDeadLetters
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.postgresql.source import PostgresSource
from outbox_relay.protocol.errors import BatchRefused, EventsRejected
from outbox_relay.protocol.relay import PAGES_PER_TURN, Failed, Idle, Published, Relay, StepResult
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe

LEADERSHIP_TIMEOUT_MS = 60_000


@dataclass
class SteppingRelay:
    """What ``outbox-relay run`` composes, without its schedule."""

    relay: Relay
    leadership: Leadership
    source: PostgresSource
    publisher: KafkaPublisher

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

    def drain_parking(self) -> list[str]:
        """Step until nothing is left; returns the kinds of the failures, of which the last parked events."""
        kinds: list[str] = []
        while not isinstance(result := self._beat_and(self.step), Idle):
            if isinstance(result, Failed):
                assert isinstance(result.error, BatchRefused | EventsRejected), result
                kinds.append(result.error.kind)
        return kinds

    def replay(self) -> int:
        """Send again what is to be replayed; returns how many events that was."""
        count = 0
        while not isinstance(result := self._beat_and(self.relay.replay_once), Idle):
            assert isinstance(result, Published), result
            count += result.events
        return count

    def _beat_and(self, work: Callable[[], StepResult]) -> StepResult:
        """Each refusal costs a new producer, and many of them more time than a lease has without a beat."""
        self.leadership.beat()
        return work()


@contextmanager
def a_stepping_relay(
    database_url: str,
    bootstrap_servers: str,
    page_events: int = 500,
    *,
    pages_per_turn: int = PAGES_PER_TURN,
    leads: bool = True,
    client_id: str = "stepping",
    **options: object,
) -> Iterator[SteppingRelay]:
    """A relay that has competed for its leadership once, unless ``leads`` is false. ``options`` are settings.

    Nothing beats for it, so by default it leads for much longer than a test takes on a slow machine.

    A test that wants to look between two pages says ``pages_per_turn=1``.
    """
    settings = RelaySettings(
        kafka_bootstrap_servers=bootstrap_servers,
        sources={"test": SourceSettings(database_url=database_url)},
        page_events=page_events,
        **{"leadership_timeout_ms": LEADERSHIP_TIMEOUT_MS, **options},  # type: ignore[arg-type]  # checked by the settings themselves
    )
    database = settings.databases()["test"]
    leadership = Leadership(
        leadership_engine(database, settings.leadership_timeout_ms),
        schema="public",
        identity="test:1",
        timeout_seconds=settings.leadership_timeout_ms / 1000,
    )
    session = WorkSession(work_engine(database), on_loss=leadership.renounce)
    source = PostgresSource(session, leadership, settings.page_events, settings.page_bytes)
    cluster = KafkaCluster(bootstrap_servers)
    probe = KafkaProbe(cluster, "stepping")
    publisher = KafkaPublisher(
        cluster,
        client_id,
        probe,
        timeout_seconds=settings.publish_timeout_seconds,
        event_max_bytes=settings.event_max_bytes,
        missing_topic_grace_seconds=settings.missing_topic_grace_seconds,
    )
    if leads:
        leadership.beat()
    try:
        yield SteppingRelay(
            Relay(source, PostgresDeadLetters(session, "test"), publisher, pages_per_turn),
            leadership,
            source,
            publisher,
        )
    finally:
        leadership.resign()
        publisher.abandon()
        probe.close()
        session.end()
