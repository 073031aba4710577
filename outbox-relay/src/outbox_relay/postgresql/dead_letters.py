"""Dead letters as the relay parks and replays them, in its work session."""

from collections.abc import Sequence

import structlog

from outbox_relay.postgresql.queries import query, sharded
from outbox_relay.postgresql.session import WorkSession
from outbox_relay.protocol.errors import EventsRejected
from outbox_relay.protocol.model import Cursor, Event, Shards

_REPLAYED_AT_ONCE = 500
_REPLAYED_BYTES_AT_ONCE = 4 * 1024 * 1024

_NOWHERE = 2**63

_log = structlog.get_logger(__name__)


class PostgresDeadLetters:
    """Dead letters as :class:`outbox_relay.protocol.relay.DeadLetters` promises them.

    Which keys are held back is asked of the table for each page, and only while any is: neither does memory
    grow with dead letters, nor does an outbox without them pay for them. A page that is read again, after a
    crash or with other shards, may hold events that have been discarded meanwhile; they are left out, and
    that is asked for only where events may have been discarded.
    """

    def __init__(self, session: WorkSession, source: str) -> None:
        self._session = session
        self._source = source
        self._any_held = True
        self._discarded_up_to = 0

    def refresh(self) -> bool:
        row = self._session.run(query("any_open")).one()
        self._any_held = row.held
        self._discarded_up_to = row.discarded_up_to or 0
        return bool(row.replaying)

    def park(self, rejected: EventsRejected) -> None:
        self._any_held = True
        self._session.run(
            query("park"),
            positions=[event.position for event in rejected.events],
            kind=rejected.kind,
            reason=rejected.reason,
        )
        _log.error(
            "events_parked",
            source=self._source,
            kind=rejected.kind,
            reason=rejected.reason,
            topic=rejected.events[0].topic,
            events=len(rejected.events),
            event_id=rejected.events[0].event_id,
        )

    def hold_back(self, events: list[Event]) -> list[Event]:
        if not self._any_held and events[0].position > self._discarded_up_to:
            return events
        keys = {(event.topic, event.key) for event in events}
        rows = self._session.rows(
            query("park_behind"),
            topics=[topic for topic, _ in keys],
            keys=[key for _, key in keys],
            positions=[event.position for event in events],
        )
        held_from = {(topic, key): position for topic, key, position in rows if topic is not None}
        discarded = {position for topic, _, position in rows if topic is None}
        if not held_from:
            self.refresh()
        # What comes before the first dead letter of its key has no reason to wait.
        ready = [
            event
            for event in events
            if event.position not in discarded
            and event.position < held_from.get((event.topic, event.key), _NOWHERE)
        ]
        held = len(events) - len(ready) - len(discarded)
        if held:
            _log.warning("events_held_back", source=self._source, events=held, keys=len(held_from))
        return ready

    def to_replay(self, cursor: Cursor, shards: Shards, most_events: int | None) -> list[Event]:
        statement, parameters = sharded("read_replays", shards)
        rows = self._session.rows(
            statement,
            snapshot=cursor.snapshot,
            window=cursor.window_snapshot or cursor.snapshot,
            position=cursor.window_position,
            limit=min(_REPLAYED_AT_ONCE, most_events or _REPLAYED_AT_ONCE),
            bytes=_REPLAYED_BYTES_AT_ONCE,
            **parameters,
        )
        return [Event._make(row) for row in rows]

    def replayed(self, events: Sequence[Event]) -> None:
        self._session.run(query("replayed"), positions=[event.position for event in events])
        _log.info("events_replayed", source=self._source, events=len(events))
