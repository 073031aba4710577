"""A relay inside of the test that can be stopped, frozen and killed between any two of its actions."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, cast

from sqlalchemy import Connection, Engine, event, text

from outbox_relay.postgresql.database import SourceDatabase, leadership_engine, work_engine
from outbox_relay.postgresql.dead_letters import PostgresDeadLetters
from outbox_relay.postgresql.known_topics import KnownTopics
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.postgresql.source import PostgresSource
from outbox_relay.protocol.errors import RelayError, SourceUnavailable
from outbox_relay.protocol.model import Cursor, Event, Lease, Page, Shards, Window
from outbox_relay.protocol.relay import DeadLetters, Delivery, Failed, Relay, Source, StepResult
from tests.integration.outbox_relay.protocol.breakpoints import Stoppable, WithBreakpoints
from tests.integration.outbox_relay.protocol.broker_model import BrokerModel, ProducerModel
from tests.integration.outbox_relay.protocol.guarantees import Violated
from tests.support.waiting import wait_until

LEASE_SECONDS = 4.0

# How busy the machine is must not decide what an example does.
_PATIENCE_SECONDS = 120
_SILENCE_MS = 3_600_000

_TERMINATE = text("SELECT pg_terminate_backend(:pid)")
_IS_GONE = text("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid)")


class ModelClock:
    """Time as the test lets it pass, for the relays and for the server's idle sessions."""

    def __init__(self) -> None:
        self.now = 1_000.0


class Connections:
    """How one relay reaches the database; used by one process after the other.

    ``administrator`` is in no transaction of its own.
    """

    def __init__(self, relay_url: str, administrator: Connection) -> None:
        database = SourceDatabase(
            relay_url,
            connect_timeout_seconds=_PATIENCE_SECONDS,
            statement_timeout_ms=_PATIENCE_SECONDS * 1000,
        )
        self.work = work_engine(database)
        # The model clock says when the server ends a silent session, and not the server's own.
        self.leadership = leadership_engine(database, timeout_ms=_SILENCE_MS)
        self.pids: dict[str, int] = {}
        self._administrator = administrator
        self._follow("work", self.work)
        self._follow("leadership", self.leadership)

    def end(self, name: str) -> None:
        """The server ends a session; its relay doesn't learn of it before it uses it."""
        pid = self.pids.pop(name, None)
        if pid is not None:
            self._administrator.execute(_TERMINATE, {"pid": pid})
            self._wait_until_gone(pid)

    def _follow(self, name: str, engine: Engine) -> None:
        def note(connection: Any, record: Any) -> None:
            self.pids[name] = record.info["pid"] = connection.get_backend_pid()

        def close(connection: Any, record: Any) -> None:
            connection.close()
            pid = record.info["pid"]
            self._wait_until_gone(pid)
            if self.pids.get(name) == pid:
                del self.pids[name]

        event.listen(engine, "connect", note)
        event.listen(engine, "close", close)

    def _wait_until_gone(self, pid: int) -> None:
        """A busy server frees a session's locks after its client has gone on; an example has one outcome."""
        wait_until(
            lambda: bool(self._administrator.execute(_IS_GONE, {"pid": pid}).scalar_one()),
            f"session {pid} to end",
            _PATIENCE_SECONDS,
            seconds_between=0.002,
        )

    def dispose(self) -> None:
        self.work.dispose()
        self.leadership.dispose()


class SavingFailed(SourceUnavailable):
    """The database refuses to save a cursor, and goes on otherwise."""


class SourceWatch:
    """The source, watched for what the relay reads of it and saves in it."""

    def __init__(self, source: PostgresSource, page_events: int, has_saved: Callable[[], None]) -> None:
        self._source = source
        self._page_events = page_events
        self._has_saved = has_saved
        self._kept: set[int] = set()
        self.saves_to_fail = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def let_go(self, kept: Sequence[Lease]) -> None:
        self._kept = {lease.shard for lease in kept}
        self._source.let_go(kept)

    def read_page(self, window: Window, shards: Shards, most_events: int | None) -> Page:
        if shards.numbers - self._kept:
            raise Violated("lease", f"shards {sorted(shards.numbers - self._kept)} are read after letting go")
        page = self._source.read_page(window, shards, most_events)
        if len(page.events) > self._page_events:
            raise Violated("page", f"{len(page.events)} events in a page of {self._page_events}")
        return page

    def save(self, cursor: Cursor, leases: Sequence[Lease]) -> None:
        if self.saves_to_fail:
            self.saves_to_fail -= 1
            raise SavingFailed
        self._source.save(cursor, leases)
        self._has_saved()


class StoppableRelay:
    """One process: composed as ``outbox-relay run`` does, but for its schedule and for Kafka."""

    def __init__(
        self,
        name: str,
        connections: Connections,
        clock: ModelClock,
        broker: BrokerModel,
        has_saved: Callable[[], None],
        *,
        page_events: int,
        page_bytes: int,
        pages_per_turn: int,
    ) -> None:
        self.name = name
        self.result: StepResult | None = None
        self.has_failed = False
        self.is_cut_off = False
        """Its lock is gone before its time, which it can't know."""
        self.heard_at = clock.now
        self._known: set[Lease] = set()
        self._clock = clock
        self._answer_takes_seconds = 0.0
        self._connections = connections
        self._thread = Stoppable()
        reach = self._thread.reach
        self._leadership = Leadership(
            connections.leadership,
            schema="public",
            identity=name,
            timeout_seconds=LEASE_SECONDS,
            clock=self._read_clock,
        )
        self._session = WorkSession(connections.work, on_loss=self._leadership.renounce)
        topics = KnownTopics("test", self._session)
        self.source = SourceWatch(
            PostgresSource(self._session, self._leadership, page_events, page_bytes, topics),
            page_events,
            has_saved,
        )
        self._pages_per_turn = pages_per_turn
        self.producer = ProducerModel(broker, reach)
        self._relay = Relay(
            cast("Source", WithBreakpoints(self.source, reach)),
            cast("DeadLetters", WithBreakpoints(PostgresDeadLetters(self._session, "test"), reach)),
            LeaseWatch(
                self.producer, self._leadership, lambda: topics.verify("topic", broker.identity), reach
            ),
            pages_per_turn,
        )

    @property
    def stopped_at(self) -> str | None:
        return self._thread.stopped_at

    @property
    def shards(self) -> set[int]:
        """Those that it would publish now."""
        leases = self._leadership.leases().values()
        self._known |= set(leases)
        return {lease.shard for lease in leases}

    def may_send(self, shard: int) -> bool:
        """Whether it is sure to lead this shard, be it on the point of giving it to another."""
        self._known |= set(self._leadership.leases().values())
        return any(lease.shard == shard and self._leadership.holds([lease]) for lease in self._known)

    def beat(self, answer_takes_seconds: float = 0.0) -> None:
        """Confirm and compete, which another thread of the process does."""
        self.heard_at = self._clock.now
        self._answer_takes_seconds = answer_takes_seconds
        with suppress(RelayError):
            self._leadership.beat()
            self.is_cut_off = False

    def turn(self, stop_at: str | None = None) -> None:
        self._run(self._relay.run_once, stop_at)

    def replay(self, stop_at: str | None = None) -> None:
        self._run(self._relay.replay_once, stop_at)

    def resume(self, stop_at: str | None = None) -> None:
        self._thread.resume(stop_at)

    def kill(self) -> None:
        """What a crash of the process leaves behind: nothing here, and what is on its way."""
        self._thread.kill()
        self.producer.abandon()
        self._leadership.resign()
        self._session.end()

    def lose_session(self, name: str) -> None:
        self._connections.end(name)

    def _run(self, work: Callable[[], StepResult], stop_at: str | None) -> None:
        def run() -> None:
            self.result = work()
            if isinstance(self.result, Failed):
                # Behind a page that could not be saved another one may be given up.
                is_harmless = isinstance(self.result.error, SavingFailed) and self._pages_per_turn == 1
                self.has_failed = self.has_failed or not is_harmless

        self.result = None
        self._thread.run(run, stop_at)

    def _read_clock(self) -> float:
        # The first look at the clock in a beat comes before the question, the next one after the answer.
        now = self._clock.now
        self._clock.now += self._answer_takes_seconds
        self._answer_takes_seconds = 0.0
        return now


class LeaseWatch:
    """The producer, watched for what is sent by a relay whose own clock says that it leads no more."""

    def __init__(
        self,
        producer: ProducerModel,
        leadership: Leadership,
        verify: Callable[[], None],
        reach: Callable[[str], None],
    ) -> None:
        self._producer = producer
        self._leadership = leadership
        self._verify = verify
        self._reach = reach

    @property
    def most_events(self) -> int | None:
        return self._producer.most_events

    def send(self, events: Sequence[Event]) -> Delivery:
        if not self._leadership.holds([]):
            raise Violated("lease", "events are sent after the end of the lease")
        self._reach("before send")
        self._verify()
        return self._producer.send(events)

    def abandon(self) -> None:
        self._producer.abandon()
