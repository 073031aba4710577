"""The final results that are awaited of providers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection, Uuid, exists, func, select, text

from notification_service.domain.awaited_result import (
    AcceptedMessage,
    AwaitedResult,
    Contradiction,
    FormerMessage,
    Settlement,
)
from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.persistence.tables import delivery
from servicekit.db.arrays import hex_array

_POSTPONE = text("""
    UPDATE delivery
       SET result_due_at = clock_timestamp() + question.pause_seconds * interval '1 second',
           result_questions = result_questions + 1
      FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:pauses_seconds AS double precision[]))
           AS question (delivery_id, pause_seconds)
     WHERE delivery.delivery_id = question.delivery_id AND delivery.status = 'ACCEPTED'
""")
# The history says which attempt's message failed. There, a late result has a line of its own.
_SETTLE = text("""
    WITH settled AS (
        UPDATE delivery
           SET status       = settlement.status,
               attempts     = attempts + CASE WHEN is_late THEN 1 ELSE 0 END,
               result_due_at = NULL,
               result_code  = settlement.code,
               by_sms       = settlement.by_sms,
               last_error   = COALESCE(settlement.reason, last_error),
               completed_at = clock_timestamp()
          FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:statuses AS text[]), CAST(:codes AS text[]),
                      CAST(:by_sms AS boolean[]), CAST(:reasons AS text[]), CAST(:are_late AS boolean[]))
               AS settlement (delivery_id, status, code, by_sms, reason, is_late)
         WHERE delivery.delivery_id = settlement.delivery_id
     RETURNING delivery.delivery_id, attempts, provider, reference, completed_at, settlement.status, reason,
               is_late),
    explained AS (
        UPDATE delivery_attempt
           SET reason = settled.reason
          FROM settled
         WHERE delivery_attempt.delivery_id = settled.delivery_id
           AND delivery_attempt.message_id = settled.reference
           AND settled.reason IS NOT NULL AND NOT is_late)
    INSERT INTO delivery_attempt (delivery_id, number, provider, purpose, began_at, ended_at, outcome, reason,
                                  message_id)
    SELECT delivery_id, attempts, provider, 'LOOK_UP', completed_at, completed_at,
           CASE status WHEN 'DELIVERED' THEN 'DELIVERED' ELSE 'REJECTED' END, reason, reference
      FROM settled WHERE is_late
""")
# The history says that it arrived after all; so a look-up finds it, instead of sending another. A line of its
# own it gets only with the delivery's end: while a claim holds, its attempt has the next number.
_CONTRADICT = text("""
    WITH contradiction AS (
        SELECT * FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:message_ids AS text[]),
                             CAST(:numbers AS integer[]), CAST(:codes AS text[]), CAST(:by_sms AS boolean[]),
                             CAST(:are_settled AS boolean[]))
            AS contradiction (delivery_id, message_id, number, code, by_sms, is_settled)),
    believed AS (
        UPDATE delivery_attempt
           SET reason = NULL,
               message_id = contradiction.message_id,
               outcome = CASE WHEN is_settled THEN outcome ELSE 'DELIVERED' END
          FROM contradiction
         WHERE delivery_attempt.delivery_id = contradiction.delivery_id
           AND CASE WHEN contradiction.number IS NULL
                    THEN delivery_attempt.message_id = contradiction.message_id
                         AND delivery_attempt.reason = 'NOT_DELIVERED'
                    ELSE delivery_attempt.number = contradiction.number END),
    spared AS (
        UPDATE delivery
           SET failed_message_id = NULLIF(failed_message_id, contradiction.message_id),
               status       = CASE WHEN is_settled THEN 'DELIVERED' ELSE status END,
               attempts     = attempts + CASE WHEN is_settled THEN 1 ELSE 0 END,
               due_at       = CASE WHEN is_settled THEN NULL ELSE due_at END,
               provider     = CASE WHEN is_settled THEN :provider ELSE provider END,
               reference    = CASE WHEN is_settled THEN contradiction.message_id ELSE reference END,
               result_code  = CASE WHEN is_settled THEN contradiction.code ELSE result_code END,
               by_sms       = CASE WHEN is_settled THEN contradiction.by_sms ELSE delivery.by_sms END,
               completed_at = CASE WHEN is_settled THEN clock_timestamp() ELSE completed_at END
          FROM contradiction
         WHERE delivery.delivery_id = contradiction.delivery_id
     RETURNING delivery.delivery_id, attempts, completed_at, contradiction.message_id, is_settled)
    INSERT INTO delivery_attempt (delivery_id, number, provider, purpose, began_at, ended_at, outcome,
                                  message_id)
    SELECT delivery_id, attempts, :provider, 'LOOK_UP', completed_at, completed_at, 'DELIVERED', message_id
      FROM spared WHERE is_settled
""")
_FAILED = text("""
    SELECT delivery.delivery_id, failed.message_id, delivery.status
      FROM (SELECT delivery_id, failed_message_id AS message_id FROM delivery
             WHERE failed_message_id = ANY(:message_ids) AND provider = :provider
             UNION
            SELECT delivery_id, message_id FROM delivery_attempt
             WHERE message_id = ANY(:message_ids) AND reason = 'NOT_DELIVERED' AND provider = :provider)
        AS failed JOIN delivery USING (delivery_id)
     ORDER BY delivery.delivery_id, failed.message_id
       FOR UPDATE OF delivery
""").columns(delivery_id=Uuid)
# By our reference, for which there is an index; of a lost reply, the history has no id of the provider's.
# What this provider is sending now may be the very message, whose outcome is then recorded. What it may have
# sent, and what was given up, waits for nothing else.
_FREED = text("""
    SELECT delivery.delivery_id, reported.message_id, delivery.status, attempt.number,
           delivery.provider = :provider AND delivery.status IN ('UNKNOWN', 'GIVEN_UP')
           AND NOT EXISTS (
               SELECT FROM delivery_attempt AS other
                WHERE other.delivery_id = delivery.delivery_id AND other.number <> attempt.number
                  AND other.purpose = 'SEND' AND other.outcome IN ('ACCEPTED', 'UNKNOWN')
                  AND other.reason IS DISTINCT FROM 'NOT_DELIVERED') AS is_only
      FROM unnest(CAST(:message_ids AS text[]), CAST(:event_ids AS uuid[])) AS reported (message_id, event_id)
      JOIN delivery ON delivery.event_id = reported.event_id AND delivery.effect = 'ALIMTALK'
      JOIN delivery_attempt AS attempt
        ON attempt.delivery_id = delivery.delivery_id AND attempt.provider = :provider
       AND attempt.outcome IN ('ACCEPTED', 'UNKNOWN')
       AND attempt.reason IS DISTINCT FROM 'NOT_DELIVERED'
       AND (attempt.message_id = reported.message_id
            OR (attempt.message_id IS NULL AND attempt.purpose = 'SEND'))
     WHERE (delivery.reference IS DISTINCT FROM reported.message_id
            OR delivery.status IN ('UNKNOWN', 'GIVEN_UP'))
       AND (delivery.provider IS DISTINCT FROM :provider
            OR delivery.status IN ('UNKNOWN', 'GIVEN_UP')
            OR (delivery.status <> 'SENDING'
                AND (delivery.reference IS NOT NULL OR delivery.possibly_sent_at IS NULL)))
     ORDER BY delivery.delivery_id, reported.message_id, attempt.message_id IS NULL, attempt.number DESC
       FOR UPDATE OF delivery
""").columns(delivery_id=Uuid)
_EXPIRED_HISTORY = """
    explained AS (
        UPDATE delivery_attempt
           SET reason = expired.last_error
          FROM expired
         WHERE delivery_attempt.delivery_id = expired.delivery_id
           AND delivery_attempt.message_id = expired.reference)
    SELECT count(*) FROM expired
"""
_EXPIRED = """
           SET status = 'EXPIRED', result_due_at = NULL, last_error = 'NO_FINAL_RESULT',
               completed_at = clock_timestamp()
"""
# Only what is still awaited: a webhook may have settled it meanwhile.
_EXPIRE = text(f"""
    WITH expired AS (
        UPDATE delivery {_EXPIRED}
         WHERE delivery_id = ANY(CAST(:delivery_ids AS uuid[])) AND status = 'ACCEPTED'
     RETURNING delivery_id, reference, last_error),
    {_EXPIRED_HISTORY}
""")
# A question that is overdue for that long is one that no process puts.
_EXPIRE_UNANSWERED = text(f"""
    WITH unanswered AS (
        SELECT delivery_id FROM delivery
         WHERE result_due_at IS NOT NULL
           AND (accepted_at <= statement_timestamp() - 2 * CAST(:expire_after AS interval)
                OR (provider <> ALL(CAST(:providers AS text[]))
                    AND accepted_at <= statement_timestamp() - :expire_after
                    AND result_due_at <= statement_timestamp() - interval '10 minutes'))
         LIMIT :limit
           FOR UPDATE SKIP LOCKED),
    expired AS (
        UPDATE delivery {_EXPIRED}
          FROM unanswered
         WHERE delivery.delivery_id = unanswered.delivery_id
     RETURNING delivery.delivery_id, reference, last_error),
    {_EXPIRED_HISTORY}
""")  # noqa: S608 - our own text
_MOST_EXPIRED = 10_000

# Its message has finally failed and is distinguished by a look-up, as after an operator's retry.
_SEND_AGAIN = text("""
    WITH again AS (
        UPDATE delivery
           SET status = 'PENDING',
               due_at = clock_timestamp() + :pause_seconds * interval '1 second',
               failed_message_id = reference, reference = NULL,
               accepted_at = NULL, possibly_sent_at = NULL, result_due_at = NULL, result_questions = 0,
               result_code = failed.code, by_sms = NULL, last_error = 'NOT_DELIVERED'
          FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:codes AS text[]), CAST(:by_account AS boolean[]))
               AS failed (delivery_id, code, by_account)
         WHERE delivery.delivery_id = failed.delivery_id
           AND delivery.status = 'ACCEPTED'
           -- An erased recipient's message has failed: nothing can be sent again.
           AND EXISTS (SELECT FROM completed_order
                        WHERE completed_order.event_id = delivery.event_id AND recipient_phone IS NOT NULL)
           -- While the account is at fault, as long as anything is attempted. Else not by attempts: many of
           -- them only looked a message up.
           AND ((failed.by_account
                 AND (attempts < :least_attempts
                      OR first_attempted_at
                         > clock_timestamp() - :give_up_after_seconds * interval '1 second'))
                OR :most_messages > 1 + (
                    SELECT count(DISTINCT message_id) FROM delivery_attempt AS earlier
                     WHERE earlier.delivery_id = delivery.delivery_id AND earlier.reason = 'NOT_DELIVERED'))
     RETURNING delivery.delivery_id, failed_message_id),
    explained AS (
        UPDATE delivery_attempt SET reason = 'NOT_DELIVERED'
          FROM again
         WHERE delivery_attempt.delivery_id = again.delivery_id
           AND delivery_attempt.message_id = again.failed_message_id)
    SELECT delivery_id FROM again
""").columns(delivery_id=Uuid)


class SqlResults:
    """The awaited results on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_due(self, provider: str, limit: int) -> list[AwaitedResult]:
        accepted = func.extract("epoch", func.clock_timestamp() - delivery.c.accepted_at)
        rows = self._connection.execute(
            select(delivery, accepted.label("accepted_seconds"))
            # Not clock_timestamp(), which no index can be searched for.
            .where(delivery.c.provider == provider, delivery.c.result_due_at <= func.statement_timestamp())
            .order_by(delivery.c.result_due_at)
            .limit(limit)
            # Processes share the questions: what one has locked, the others skip.
            .with_for_update(skip_locked=True)
        )
        return [
            AwaitedResult(
                delivery_id=row.delivery_id,
                # Of alimtalk, which alone has results to come, it is the event's id.
                reference=str(row.event_id),
                provider=row.provider,
                message_id=row.reference,
                asked=row.result_questions,
                accepted_seconds=float(row.accepted_seconds),
            )
            for row in rows
        ]

    def is_any_awaited(self, provider: str) -> bool:
        awaited = exists().where(delivery.c.provider == provider, delivery.c.result_due_at.is_not(None))
        return bool(self._connection.scalar(select(awaited)))

    def postpone(self, pauses_seconds: Mapping[UUID, float]) -> None:
        self._connection.execute(
            _POSTPONE,
            {"delivery_ids": hex_array(pauses_seconds), "pauses_seconds": list(pauses_seconds.values())},
        )

    def lock(self, provider: str, message_ids: Collection[str]) -> list[AcceptedMessage]:
        rows = self._connection.execute(
            select(delivery.c.delivery_id, delivery.c.event_id, delivery.c.reference, delivery.c.status)
            .where(
                delivery.c.provider == provider,
                delivery.c.reference.in_([one for one in message_ids if _is_storable(one)]),
                # A message id that a look-up or a final acceptance left has no result to come.
                delivery.c.accepted_at.is_not(None),
            )
            # In this order, so that webhooks that report the same messages at once never deadlock.
            .order_by(delivery.c.delivery_id)
            .with_for_update()
        )
        return [
            AcceptedMessage(row.delivery_id, str(row.event_id), row.reference, DeliveryStatus(row.status))
            for row in rows
        ]

    def settle(self, settlements: Sequence[Settlement]) -> None:
        self._connection.execute(
            _SETTLE,
            {
                "delivery_ids": hex_array(settlement.delivery_id for settlement in settlements),
                "statuses": [settlement.status.value for settlement in settlements],
                "codes": [_storable(settlement.code) for settlement in settlements],
                "by_sms": [settlement.by_sms for settlement in settlements],
                "reasons": [settlement.reason and settlement.reason.value for settlement in settlements],
                "are_late": [settlement.is_late for settlement in settlements],
            },
        )

    def lock_failed(self, provider: str, message_ids: Collection[str]) -> list[FormerMessage]:
        storable = [one for one in message_ids if _is_storable(one)]
        rows = self._connection.execute(_FAILED, {"provider": provider, "message_ids": storable})
        return [FormerMessage(row.delivery_id, row.message_id, DeliveryStatus(row.status)) for row in rows]

    def lock_freed(self, provider: str, references: Mapping[str, str]) -> list[FormerMessage]:
        events = {
            message_id: event_id
            for message_id, reference in references.items()
            if _is_storable(message_id) and (event_id := _event_id(reference)) is not None
        }
        parameters = {
            "provider": provider,
            "message_ids": list(events),
            "event_ids": hex_array(events.values()),
        }
        former: dict[tuple[UUID, str], FormerMessage] = {}
        for row in self._connection.execute(_FREED, parameters):
            message = FormerMessage(
                row.delivery_id,
                row.message_id,
                DeliveryStatus(row.status),
                attempt=row.number,
                is_only=row.is_only,
            )
            # The first attempt that fits is the one that fits best.
            former.setdefault((message.delivery_id, message.message_id), message)
        return list(former.values())

    def contradict(self, provider: str, contradictions: Sequence[Contradiction]) -> None:
        self._connection.execute(
            _CONTRADICT,
            {
                "provider": provider,
                "delivery_ids": hex_array(one.message.delivery_id for one in contradictions),
                "message_ids": [one.message.message_id for one in contradictions],
                "numbers": [one.message.attempt for one in contradictions],
                "codes": [_storable(one.code) for one in contradictions],
                "by_sms": [one.by_sms for one in contradictions],
                "are_settled": [one.is_settled for one in contradictions],
            },
        )

    def expire(self, delivery_ids: Collection[UUID]) -> int:
        expired: int = self._connection.execute(
            _EXPIRE, {"delivery_ids": hex_array(delivery_ids)}
        ).scalar_one()
        return expired

    def send_again(
        self,
        codes: Mapping[UUID, str | None],
        *,
        by_account: Collection[UUID],
        pause_seconds: float,
        most_messages: int,
        retry: RetryPolicy,
    ) -> set[UUID]:
        again = self._connection.execute(
            _SEND_AGAIN,
            {
                "delivery_ids": hex_array(codes),
                "codes": [_storable(code) for code in codes.values()],
                "pause_seconds": pause_seconds,
                "by_account": [delivery_id in by_account for delivery_id in codes],
                "most_messages": most_messages,
                "least_attempts": retry.least_attempts,
                "give_up_after_seconds": retry.give_up_after_seconds,
            },
        )
        return set(again.scalars())

    def expire_unanswered(self, providers: Collection[str], expire_after_seconds: float) -> int:
        expired: int = self._connection.execute(
            _EXPIRE_UNANSWERED,
            {
                "providers": sorted(providers),
                "expire_after": timedelta(seconds=expire_after_seconds),
                "limit": _MOST_EXPIRED,
            },
        ).scalar_one()
        return expired


def _event_id(reference: str) -> UUID | None:
    # As we write it. Anything else is another system's.
    try:
        event_id = UUID(reference)
    except ValueError:
        return None
    return event_id if str(event_id) == reference else None


def _storable(code: str | None) -> str | None:
    return code if code is not None and _is_storable(code) else None


def _is_storable(value: str) -> bool:
    # What PostgreSQL's text can't hold was never stored, and must not fail a whole webhook.
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
