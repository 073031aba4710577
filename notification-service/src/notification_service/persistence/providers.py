"""The state of providers: a row for each, with its limit, its breaker, and why it was suspended."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Uuid, text
from sqlalchemy.dialects.postgresql import insert

from notification_service.domain.provider_state import (
    WATCH_SECONDS,
    ProviderState,
    ProviderStatus,
    StoppedBy,
)
from notification_service.domain.throttling import Throttling
from notification_service.persistence.tables import alimtalk_provider
from servicekit.db.arrays import hex_array

# A slot that is further away than any pause was written before the server's clock was put back. It counts for
# nothing: it would stop all messages until then.
_SELECT = f"""
    SELECT *, watched_at > clock_timestamp() - interval '{WATCH_SECONDS} seconds' AS is_watched,
           EXTRACT(epoch FROM next_probe_at - clock_timestamp()) AS probe_in_seconds,
           CASE WHEN next_slot_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
                THEN EXTRACT(epoch FROM next_slot_at - clock_timestamp()) ELSE 0 END AS wait_seconds,
           CASE WHEN next_question_at
                     BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
                THEN EXTRACT(epoch FROM next_question_at - clock_timestamp()) ELSE 0
            END AS question_wait_seconds,
           -- Not negative once the server's clock was put back.
           GREATEST(0, EXTRACT(epoch FROM clock_timestamp() - throttled_since)) AS throttled_seconds,
           EXTRACT(epoch FROM clock_timestamp() - throttled_until) AS silent_seconds
      FROM alimtalk_provider
"""  # noqa: S608 - our own constant
_GET = text(f"{_SELECT} WHERE name = :name").columns(probe_id=Uuid)
_LOCK = text(f"{_SELECT} WHERE name = :name FOR UPDATE").columns(probe_id=Uuid)
_ALL = text(f"{_SELECT} ORDER BY name").columns(probe_id=Uuid)
# In the order of their names, so that two consumers never wait for each other.
_WATCH = text("""
    INSERT INTO alimtalk_provider AS provider (name, place, watched_at, watched_since)
    SELECT name, place, clock_timestamp(), clock_timestamp()
      FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS used (name, place)
     ORDER BY name
    ON CONFLICT (name) DO UPDATE
       SET place = EXCLUDED.place,
           watched_since = CASE WHEN provider.watched_at BETWEEN
                                     clock_timestamp() - :watch_seconds * interval '1 second'
                                     AND clock_timestamp()
                                THEN provider.watched_since ELSE clock_timestamp() END,
           watched_at = clock_timestamp()
""")
# In one statement, and by the server's clock alone. A slot in the past is nobody's: time that passed unused
# isn't made up for, which would be a burst.
_RESERVE = text("""
    INSERT INTO alimtalk_provider AS provider (name, next_slot_at)
    VALUES (:name, clock_timestamp() + :seconds * interval '1 second')
    ON CONFLICT (name) DO UPDATE
       SET next_slot_at = CASE WHEN provider.next_slot_at
                                    BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
                               THEN provider.next_slot_at ELSE clock_timestamp() END
                        + :seconds * interval '1 second'
 RETURNING EXTRACT(epoch FROM next_slot_at - clock_timestamp()) - :seconds
""")
# Nothing is reserved while another process's questions use up their share, unless a slot would be lost.
_RESERVE_QUESTIONS = text("""
    INSERT INTO alimtalk_provider AS provider (name, next_slot_at, next_question_at)
    VALUES (:name, clock_timestamp() + :seconds * interval '1 second',
            clock_timestamp() + :share_seconds * interval '1 second')
    ON CONFLICT (name) DO UPDATE
       SET next_slot_at = CASE WHEN provider.next_slot_at
                                    BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
                               THEN provider.next_slot_at ELSE clock_timestamp() END
                        + :seconds * interval '1 second',
           next_question_at = clock_timestamp() + :share_seconds * interval '1 second'
     WHERE provider.next_question_at IS NULL
        OR provider.next_question_at
           NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
        OR provider.next_slot_at
           NOT BETWEEN clock_timestamp() AND clock_timestamp() + interval '10 minutes'
 RETURNING EXTRACT(epoch FROM next_slot_at - clock_timestamp()) - :seconds
""")
_PUSH_BACK = text("""
    UPDATE alimtalk_provider
       SET next_slot_at = GREATEST(
               CASE WHEN next_slot_at <= clock_timestamp() + interval '10 minutes' THEN next_slot_at END,
               clock_timestamp() + :pause_seconds * interval '1 second')
     WHERE name = :name
""")
# Of those who try at once, the others wait for the row and then find the next probe far away.
_BEGIN_PROBE = text("""
    UPDATE alimtalk_provider
       SET probe_id = :probe_id, next_probe_at = clock_timestamp() + :lease_seconds * interval '1 second'
     WHERE name = :name AND status <> 'RUNNING' AND next_probe_at <= clock_timestamp()
""")
_CHANGE = text("""
    UPDATE alimtalk_provider
       SET status = :status,
           since = CASE WHEN status = :status THEN since ELSE clock_timestamp() END,
           reason = :reason, stopped_by = :stopped_by, failures = :failures, failed_probes = :failed_probes,
           unclear_answers = :unclear_answers,
           look_ups_refused = :look_ups_refused, results_refused = :results_refused,
           throttled_answers = :throttled_answers,
           throttled_since = clock_timestamp() - make_interval(secs => :throttled_seconds),
           throttled_until = clock_timestamp() - make_interval(secs => :silent_seconds),
           probe_id = :probe_id,
           next_probe_at = clock_timestamp() + make_interval(secs => :probe_in_seconds)
     WHERE name = :name
""")
_NOTE_RESUMPTION = text("""
    UPDATE alimtalk_provider
       SET resumed_at = clock_timestamp(), resumed_by = :by, resume_reason = :reason
     WHERE name = :name
""")
# A message that a look-up has found was sent by an earlier attempt, whose outcome was unknown.
_WAS_SENT_SINCE_CHANGE = text("""
    WITH change AS (
        SELECT COALESCE((SELECT since FROM alimtalk_provider WHERE name = :name), '-infinity') AS since)
    SELECT EXISTS (
        SELECT FROM delivery, change
         WHERE delivery_id = ANY(CAST(:delivery_ids AS uuid[]))
           AND accepted_at > change.since
           AND NOT EXISTS (
               SELECT FROM delivery_attempt AS earlier
                WHERE earlier.delivery_id = delivery.delivery_id AND earlier.provider = :name
                  AND earlier.purpose = 'SEND' AND earlier.outcome = 'UNKNOWN'
                  AND earlier.began_at <= change.since
                  AND earlier.number > COALESCE((
                      SELECT max(number) FROM delivery_attempt AS failed
                       WHERE failed.delivery_id = delivery.delivery_id
                         AND failed.reason = 'NOT_DELIVERED'), 0)))
""")


class SqlProviders:
    """The providers on a connection whose transaction belongs to the caller. Times are the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> ProviderState:
        row = self._connection.execute(_GET, {"name": name}).one_or_none()
        return ProviderState(name) if row is None else _state_of(row)

    def all(self) -> list[ProviderState]:
        return [_state_of(row) for row in self._connection.execute(_ALL)]

    def watch(self, names: Sequence[str]) -> None:
        self._connection.execute(_WATCH, {"names": list(names), "watch_seconds": WATCH_SECONDS})

    def reserve(self, name: str, slots: int, interval_seconds: float) -> float:
        parameters = {"name": name, "seconds": slots * interval_seconds}
        return max(0.0, float(self._connection.execute(_RESERVE, parameters).scalar_one()))

    def reserve_questions(self, name: str, slots: int, interval_seconds: float, share: float) -> float | None:
        seconds = slots * interval_seconds
        parameters = {"name": name, "seconds": seconds, "share_seconds": seconds / share}
        wait_seconds = self._connection.execute(_RESERVE_QUESTIONS, parameters).scalar_one_or_none()
        return None if wait_seconds is None else max(0.0, float(wait_seconds))

    def push_back(self, name: str, pause_seconds: float) -> None:
        self._connection.execute(_PUSH_BACK, {"name": name, "pause_seconds": pause_seconds})

    def begin_probe(self, name: str, probe_id: UUID, lease_seconds: float) -> bool:
        begun = self._connection.execute(
            _BEGIN_PROBE, {"name": name, "probe_id": str(probe_id), "lease_seconds": lease_seconds}
        )
        return begun.rowcount == 1

    def lock(self, name: str) -> ProviderState:
        self._connection.execute(insert(alimtalk_provider).values(name=name).on_conflict_do_nothing())
        return _state_of(self._connection.execute(_LOCK, {"name": name}).one())

    def change(self, state: ProviderState) -> None:
        self._connection.execute(
            _CHANGE,
            {
                "name": state.name,
                "status": state.status.value,
                "reason": state.reason,
                "stopped_by": state.stopped_by and state.stopped_by.value,
                "failures": state.failures,
                "failed_probes": state.failed_probes,
                "unclear_answers": state.unclear_answers,
                "look_ups_refused": state.look_ups_refused,
                "results_refused": state.results_refused,
                "throttled_answers": state.throttling.answers if state.throttling else 0,
                "throttled_seconds": state.throttling and state.throttling.seconds,
                "silent_seconds": state.throttling and state.throttling.silent_seconds,
                "probe_id": state.probe_id and str(state.probe_id),
                "probe_in_seconds": state.probe_in_seconds,
            },
        )

    def note_resumption(self, name: str, *, by: str, reason: str) -> None:
        self._connection.execute(_NOTE_RESUMPTION, {"name": name, "by": by, "reason": reason})

    def was_sent_since_change(self, name: str, delivery_ids: Collection[UUID]) -> bool:
        parameters = {"name": name, "delivery_ids": hex_array(delivery_ids)}
        return bool(self._connection.execute(_WAS_SENT_SINCE_CHANGE, parameters).scalar_one())


def _state_of(row: Row[Any]) -> ProviderState:
    return ProviderState(
        name=row.name,
        status=ProviderStatus(row.status),
        failures=row.failures,
        failed_probes=row.failed_probes,
        unclear_answers=row.unclear_answers,
        throttling=_throttling_of(row),
        look_ups_refused=row.look_ups_refused,
        results_refused=row.results_refused,
        reason=row.reason,
        stopped_by=None if row.stopped_by is None else StoppedBy(row.stopped_by),
        probe_id=row.probe_id,
        probe_in_seconds=_optional_float(row.probe_in_seconds),
        wait_seconds=float(row.wait_seconds),
        question_wait_seconds=float(row.question_wait_seconds),
        since=row.since,
        resumed_by=row.resumed_by,
        resume_reason=row.resume_reason,
        place=row.place if row.is_watched else None,
    )


def _throttling_of(row: Row[Any]) -> Throttling | None:
    # A former release doesn't say when its last 429 came: its row counts for nothing.
    if row.throttled_since is None or row.throttled_until is None:
        return None
    return Throttling(row.throttled_answers, float(row.throttled_seconds), float(row.silent_seconds))


def _optional_float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
