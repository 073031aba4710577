"""Dead letters as operators see them: listed, shown, replayed, discarded.

A replay is only requested here; the leader of the shard sends the events within about two seconds.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from outbox_relay.postgresql.queries import query
from outbox_relay.postgresql.session import translated_errors
from outbox_relay.protocol.errors import SourceUnavailable
from outbox_relay.protocol.model import Event

SHOWN_EVENT_IDS = 100
"""At most so many of the events that an action has changed are named; the table has all of them."""

OPERATIONS_AT_ONCE = 4
"""At most so many operations use, or wait for, one source's database at a time; others are refused."""

_log = structlog.get_logger(__name__)


class DeadLetterError(Exception):
    """The operation is not possible with these dead letters."""

    def __str__(self) -> str:
        return super().__str__() or (self.__doc__ or "").splitlines()[0]


class DeadLetterNotFound(DeadLetterError):
    """The source has no such dead letter."""


class DeadLetterIsReplaying(DeadLetterError):
    """The event is being replayed; it is parked again if Kafka refuses it."""


class DeadLetterIsClosed(DeadLetterError):
    """The event has been replayed or discarded already."""


class DeadLetterState(StrEnum):
    """``PARKED`` and ``REPLAYING`` are open: later events of the key wait behind them."""

    PARKED = "PARKED"
    REPLAYING = "REPLAYING"
    REPLAYED = "REPLAYED"
    DISCARDED = "DISCARDED"


OPEN_STATES = (DeadLetterState.PARKED, DeadLetterState.REPLAYING)
STATE_FILTERS: Mapping[str, tuple[DeadLetterState, ...]] = {
    "OPEN": OPEN_STATES,
    **{state.value: (state,) for state in DeadLetterState},
    "ANY": tuple(DeadLetterState),
}
"""The states that each value of the filter ``state`` selects."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that Kafka has refused, or that waits behind such an event of its key (kind ``behind``)."""

    position: int
    event_id: str
    topic: str
    key: str
    event_type: str
    source: str
    state: DeadLetterState
    kind: str
    reason: str
    attempts: int
    created_at: datetime
    parked_at: datetime
    changed_at: datetime
    changed_by: str | None
    change_reason: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Dead letters by the ids of their events, or all that have these attributes."""

    event_ids: tuple[UUID, ...] | None = None
    topic: str | None = None
    key: str | None = None
    kind: str | None = None

    def parameters(self) -> dict[str, object]:
        """As parameters of the statements."""
        ids = None if self.event_ids is None else [str(event_id) for event_id in self.event_ids]
        return {"ids": ids, "topic": self.topic, "key": self.key, "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many events will be sent again, and the ids of the first of them."""

    replaying: int
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Discarded:
    """How many events were given up, the ids of the first of them, and what becomes of their keys' others."""

    discarded: int
    replaying: int
    still_parked: int
    event_ids: tuple[str, ...]


class DeadLetterOperations:
    """The dead letters of one source. Every method raises :class:`SourceUnavailable`."""

    def __init__(self, source: str, engine: Engine) -> None:
        self._source = source
        self._engine = engine
        self._turns = threading.BoundedSemaphore(OPERATIONS_AT_ONCE)

    def find(
        self,
        states: Sequence[DeadLetterState] = OPEN_STATES,
        *,
        topic: str | None = None,
        key: str | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> list[DeadLetter]:
        """At most ``limit`` of them, by position, behind position ``after``."""
        parameters = {
            "states": [state.value for state in states],
            "topic": topic,
            "key": key,
            "limit": limit,
            "after": after,
        }
        with self._transaction() as connection:
            rows = connection.execute(query("list_dead_letters"), parameters).mappings()
            return [_letter(row) for row in rows]

    def show(self, event_id: UUID) -> tuple[DeadLetter, Event]:
        """One dead letter, and the event as it is to be sent. Raises :class:`DeadLetterNotFound`."""
        with self._transaction() as connection:
            statement = query("show_dead_letter")
            row = connection.execute(statement, {"event_id": str(event_id)}).mappings().one_or_none()
        if row is None:
            raise DeadLetterNotFound(f"{self._source} has no dead letter {event_id}")
        letter = _letter(row)
        event = Event(
            letter.position,
            letter.event_id,
            letter.topic,
            letter.key,
            letter.event_type,
            letter.source,
            row["payload"],
            row["traceparent"],
            row["time"],
            row["age_seconds"],
        )
        return letter, event

    def replay(self, selection: Selection, *, by: str, reason: str) -> Replayed:
        """Have parked events sent again, each key's in order.

        Of events that are named those before them in their keys go along, of any other selection whole keys.
        Raises :class:`DeadLetterNotFound`, :class:`DeadLetterIsReplaying` or :class:`DeadLetterIsClosed` when
        an event that is named isn't parked; nothing has changed then.
        """
        with self._change() as connection:
            if selection.event_ids is not None:
                self._check_named(connection, selection.event_ids)
            row = connection.execute(
                query("replay_dead_letters"),
                {**selection.parameters(), "by": by, "reason": reason, "shown": SHOWN_EVENT_IDS},
            ).one()
        replayed = Replayed(row.replaying, tuple(row.event_ids))
        if replayed.replaying:
            _log.info(
                "dead_letter_replay_requested",
                source=self._source,
                events=replayed.replaying,
                event_ids=replayed.event_ids,
                by=by,
                reason=reason,
            )
        return replayed

    def discard(self, selection: Selection, *, by: str, reason: str, replay_rest: bool = False) -> Discarded:
        """Give up exactly the parked events that are selected; they will never be sent.

        Others of their keys stay parked, or are replayed with ``replay_rest``. Raises as :meth:`replay`, and
        :class:`DeadLetterIsReplaying` also when some other selection holds an event that is being replayed.
        """
        with self._change() as connection:
            if selection.event_ids is not None:
                self._check_named(connection, selection.event_ids)
            self._check_none_is_replaying(connection, selection)
            row = connection.execute(
                query("discard_dead_letters"),
                {
                    **selection.parameters(),
                    "by": by,
                    "reason": reason,
                    "replay_rest": replay_rest,
                    "shown": SHOWN_EVENT_IDS,
                },
            ).one()
        discarded = Discarded(row.discarded, row.replaying, row.still_parked, tuple(row.event_ids))
        if discarded.discarded:
            _log.info(
                "dead_letter_discarded",
                source=self._source,
                events=discarded.discarded,
                event_ids=discarded.event_ids,
                replaying=discarded.replaying,
                by=by,
                reason=reason,
            )
        return discarded

    def _check_named(self, connection: Connection, event_ids: Sequence[UUID]) -> None:
        for event_id in event_ids:
            states = self._states(connection, Selection(event_ids=(event_id,)))
            if not states:
                raise DeadLetterNotFound(f"{self._source} has no dead letter {event_id}")
            if DeadLetterState.REPLAYING in states:
                raise DeadLetterIsReplaying(f"{event_id} is being replayed")
            if DeadLetterState.PARKED not in states:
                raise DeadLetterIsClosed(f"{event_id} is {next(iter(states))} already")

    def _check_none_is_replaying(self, connection: Connection, selection: Selection) -> None:
        event_id = self._states(connection, selection).get(DeadLetterState.REPLAYING)
        if event_id is not None:
            raise DeadLetterIsReplaying(f"{event_id} is being replayed, so no event was discarded")

    def _states(self, connection: Connection, selection: Selection) -> dict[DeadLetterState, str]:
        """The states of a selection, each with the id of the first event in it."""
        rows = connection.execute(query("select_dead_letters"), selection.parameters())
        return {DeadLetterState(row.state): row.event_id for row in rows}

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if not self._turns.acquire(blocking=False):
            raise SourceUnavailable(
                f"{OPERATIONS_AT_ONCE} operations wait for this database; try again later"
            )
        try:
            with translated_errors(), self._engine.begin() as connection:
                yield connection
        finally:
            self._turns.release()

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        """A transaction during which nothing else changes dead letters."""
        with self._transaction() as connection:
            connection.execute(query("lock_dead_letters"))
            yield connection


def _letter(row: Any) -> DeadLetter:
    names = DeadLetter.__dataclass_fields__
    return DeadLetter(**{**{name: row[name] for name in names}, "state": DeadLetterState(row["state"])})
