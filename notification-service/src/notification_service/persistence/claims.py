"""Claims on deliveries: leases on the server's clock, each fenced by an id of its own.

A claim begins an attempt in the delivery's history, and recording its outcome ends it: in one statement with
the change of the delivery, so that neither is ever there without the other.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, TextualSelect, Uuid, text

from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.attempt import Outcome
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.provider_state import WATCH_SECONDS
from notification_service.domain.recorded_outcome import recorded_outcome
from notification_service.persistence.earlier_messages import SqlEarlierMessages
from notification_service.persistence.order_events import ORDER_COLUMNS, order_event_of
from servicekit.db.arrays import hex_array, optional_array
from servicekit.db.prepared import text_array

# Surely no provider has the message. As in the index of what is bound to one.
_FREE = "(status = 'PENDING' AND possibly_sent_at IS NULL AND reference IS NULL)"
_BOUND_HERE = f"NOT {_FREE} AND provider = :provider"
# What is bound to a provider that no consumer uses any more: the courier of the first one says so.
_STRAY = """
    (provider IS NULL
     OR (provider <> ALL(CAST(:others AS text[]))
         AND NOT EXISTS (
             SELECT FROM alimtalk_provider AS watched
              WHERE watched.name = delivery.provider
                AND watched.watched_at > clock_timestamp() - :watch_seconds * interval '1 second')))
"""
_IN_REACH = f"""
    CASE WHEN {_FREE} THEN due_at <= statement_timestamp() - :free_after_seconds * interval '1 second'
         ELSE provider = :provider OR (NOT :is_stand_in AND {_STRAY}) END
"""
# Whether one of these providers may have got it by an attempt that a restored database has forgotten.
_MAY_BE_FORGOTTEN = """
    EXISTS (SELECT FROM unnest({names}) AS asked (name)
              LEFT JOIN alimtalk_provider AS watched USING (name)
             WHERE watched.watched_since IS NULL
                OR watched.watched_since > completed_order.completed_at
                OR watched.watched_at <= clock_timestamp() - :watch_seconds * interval '1 second')
"""
_MAY_BE_ELSEWHERE = _MAY_BE_FORGOTTEN.format(names="CAST(:others AS text[])")
_MAY_BE_HERE = f"""
    (claimed.possibly_sent_at IS NOT NULL OR claimed.reference IS NOT NULL
     OR {_MAY_BE_FORGOTTEN.format(names="ARRAY[CAST(:provider AS text)]")})
"""
# A common table expression with FOR UPDATE runs once; as a subquery it might run for each row.
# Skipping, not waiting: another process is claiming or recording the locked rows.
# Not now(), which stands still while the transaction waits.
_CLAIM = """
    WITH due AS (
        SELECT delivery_id, status AS former_status, due_at AS former_due_at,
               CASE WHEN :looks_up AND status IN ('SENDING', 'UNKNOWN') THEN 'LOOK_UP' ELSE 'SEND' END
               AS purpose
          FROM delivery
         WHERE effect = :effect AND due_at <= statement_timestamp()
           AND (NOT :sends_only OR status = 'PENDING')
           AND {in_reach}
           -- A backlog of what waits anyway would keep everyone from the rest.
           AND NOT (status = 'PENDING'
                    AND (:is_stand_in OR last_error IS NOT DISTINCT FROM 'TEMPLATE_NOT_USABLE')
                    AND COALESCE(template, :original_template) = ANY(CAST(:held_templates AS text[])))
         ORDER BY due_at LIMIT :limit
           FOR UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE delivery
           SET status   = 'SENDING',
               attempts = attempts + 1,
               due_at   = clock_timestamp() + :lease_seconds * interval '1 second',
               claim_id = :claim_id,
               -- What waited on purpose, for longer than planned, still did.
               first_attempted_at = COALESCE(
                   first_attempted_at
                       + CASE WHEN due.former_status <> 'SENDING'
                               AND last_error IN ('QUIET_HOURS', 'TEMPLATE_NOT_USABLE', 'PROVIDER_STOPPED',
                                                 'EARLIER_MESSAGE')
                              THEN clock_timestamp() - due.former_due_at ELSE interval '0' END,
                   clock_timestamp()),
               -- A claim that ended without an outcome may have sent until its lease ended.
               possibly_sent_at = CASE WHEN due.former_status = 'SENDING' THEN due.former_due_at
                                       ELSE possibly_sent_at END,
               -- The provider that may have the message is kept: only there it can be looked up. Which one it
               -- was, a former release did not record; an operator's retry says that it is the present one's.
               provider = CASE WHEN due.purpose = 'LOOK_UP' THEN provider
                               WHEN possibly_sent_at IS NULL AND reference IS NULL THEN :provider
                               WHEN retried_at IS NOT NULL THEN COALESCE(provider, :provider)
                               ELSE provider END
          FROM due
         WHERE delivery.delivery_id = due.delivery_id
     RETURNING delivery.*, due.purpose),
    interrupted AS (
        UPDATE delivery_attempt
           SET ended_at = due.former_due_at, outcome = 'UNKNOWN', reason = 'INTERRUPTED'
          FROM due
         WHERE delivery_attempt.delivery_id = due.delivery_id AND delivery_attempt.ended_at IS NULL),
    begun AS (
        INSERT INTO delivery_attempt (delivery_id, number, provider, purpose, began_at)
        SELECT delivery_id, attempts, :provider, purpose, clock_timestamp() FROM claimed)
    SELECT claimed.delivery_id, claimed.attempts, claimed.purpose, claimed.provider,
           claimed.failed_message_id, claimed.template,
           -- A first attempt has none, and is most of them.
           CASE WHEN claimed.attempts > 1 THEN ARRAY(
               SELECT message_id FROM delivery_attempt AS failed
                WHERE failed.delivery_id = claimed.delivery_id AND failed.reason = 'NOT_DELIVERED'
                  AND failed.message_id IS NOT NULL) END AS failed_message_ids,
           CAST(EXTRACT(epoch FROM clock_timestamp() - claimed.first_attempted_at) AS double precision)
           AS age_seconds,
           CAST(EXTRACT(epoch FROM clock_timestamp() - claimed.possibly_sent_at) AS double precision)
           AS seconds_since_possibly_sent,
           CAST(EXTRACT(epoch FROM clock_timestamp() - completed_order.completed_at) AS double precision)
           AS seconds_since_ordered,
           {may_be_elsewhere} AS may_be_elsewhere,
           {may_be_here} AS may_be_here,
           {order_columns}
      FROM claimed JOIN completed_order ON completed_order.event_id = claimed.event_id
"""
# The items are the longest part, and no delivery says what they are.
_ORDER_COLUMNS = ", ".join(f"completed_order.{name}" for name in ORDER_COLUMNS)


def _claim_of(
    in_reach: str, may_be_elsewhere: str = _MAY_BE_ELSEWHERE, may_be_here: str = _MAY_BE_HERE
) -> TextualSelect:
    statement = _CLAIM.format(
        in_reach=in_reach,
        may_be_elsewhere=may_be_elsewhere,
        may_be_here=may_be_here,
        order_columns=_ORDER_COLUMNS,
    )
    return text(statement).columns(delivery_id=Uuid, event_id=Uuid, order_id=Uuid)


# A statement of its own, for which the index of what is bound serves.
_CLAIM_BOUND = _claim_of(_BOUND_HERE)
_CLAIM_IN_REACH = _claim_of(_IN_REACH)
# Planned for each claim and asked for each row, what only another provider makes worth asking would take most
# of a claim's time.
_CLAIM_OF_ONLY_PROVIDER = _claim_of(_IN_REACH, may_be_elsewhere="false", may_be_here="true")
_CLAIM_TO_REPEAT = _claim_of("true", may_be_elsewhere="false", may_be_here="true")

# One statement for a batch of any outcomes. A delivery whose lease expired and that was claimed again has
# another claim_id by now, and stays as it is.
_RECORD = text("""
    WITH outcome AS (
        SELECT * FROM unnest(
            CAST(:delivery_ids AS uuid[]), CAST(:claim_ids AS uuid[]), CAST(:numbers AS integer[]),
            CAST(:statuses AS text[]), CAST(:attempt_outcomes AS text[]),
            CAST(:delays_seconds AS double precision[]), CAST(:references AS text[]),
            CAST(:reasons AS text[]), CAST(:possibly_sent AS boolean[]), CAST(:free AS boolean[]),
            CAST(:providers AS text[]))
        AS outcome (delivery_id, claim_id, number, status, attempt_outcome, delay_seconds, reference, reason,
                    possibly_sent, is_free, provider)),
    recorded AS (
        UPDATE delivery
           SET status       = outcome.status,
               -- An attempt that was not made is given back.
               attempts     = attempts - CASE WHEN attempt_outcome IS NULL THEN 1 ELSE 0 END,
               -- Time in which nothing may be sent doesn't count towards giving up, nor does that in which a
               -- human has to mend the account. That of waiting for another provider's word does, so that it
               -- is seen: what waits for long is overdue.
               first_attempted_at = CASE WHEN outcome.reason IS DISTINCT FROM 'PROVIDER_STOPPED'
                                          AND (attempt_outcome IS NOT NULL
                                               OR COALESCE(outcome.reason, last_error) = 'NOT_CONFIRMED')
                                         THEN first_attempted_at
                                         WHEN attempts > 1 OR outcome.reason = 'PROVIDER_STOPPED'
                                         THEN first_attempted_at
                                             + COALESCE(delay_seconds, 0) * interval '1 second' END,
               -- What the provider surely does not have, any provider may send.
               possibly_sent_at = CASE WHEN possibly_sent THEN clock_timestamp()
                                       WHEN NOT is_free THEN possibly_sent_at END,
               due_at       = CASE WHEN outcome.status <> 'ACCEPTED' THEN outcome.next_at END,
               result_due_at = CASE WHEN outcome.status = 'ACCEPTED' THEN outcome.next_at END,
               accepted_at  = CASE WHEN outcome.status = 'ACCEPTED' THEN clock_timestamp()
                                   ELSE accepted_at END,
               claim_id     = NULL,
               -- A former release may have sent it; the provider that has it is the one of this attempt.
               provider     = CASE WHEN outcome.reference IS NULL THEN delivery.provider
                                   ELSE COALESCE(outcome.provider, delivery.provider, (
                                       SELECT asked.provider FROM delivery_attempt AS asked
                                        WHERE asked.delivery_id = outcome.delivery_id
                                          AND asked.number = outcome.number)) END,
               reference    = COALESCE(outcome.reference, delivery.reference),
               -- Why it waited is no error of what was attempted then.
               last_error   = COALESCE(outcome.reason,
                                       CASE WHEN attempt_outcome IS NULL
                                              OR last_error NOT IN ('QUIET_HOURS', 'TEMPLATE_NOT_USABLE',
                                                                    'EARLIER_MESSAGE')
                                            THEN last_error END),
               completed_at = CASE WHEN outcome.status IN ('DELIVERED', 'FAILED', 'GIVEN_UP', 'SKIPPED')
                                   THEN clock_timestamp() END
          FROM (SELECT *, clock_timestamp() + delay_seconds * interval '1 second' AS next_at
                  FROM outcome) AS outcome
         WHERE delivery.delivery_id = outcome.delivery_id
           AND delivery.claim_id = outcome.claim_id
     RETURNING outcome.*),
    not_made AS (
        DELETE FROM delivery_attempt USING recorded
         WHERE delivery_attempt.delivery_id = recorded.delivery_id
           AND delivery_attempt.number = recorded.number
           AND recorded.attempt_outcome IS NULL)
    UPDATE delivery_attempt
       SET ended_at   = clock_timestamp(),
           outcome    = recorded.attempt_outcome,
           reason     = recorded.reason,
           message_id = recorded.reference,
           provider   = COALESCE(recorded.provider, delivery_attempt.provider)
      FROM recorded
     WHERE delivery_attempt.delivery_id = recorded.delivery_id
       AND delivery_attempt.number = recorded.number
       AND recorded.attempt_outcome IS NOT NULL
""")

# A first attempt asks nothing, unless it ended without an outcome.
_LOOK_UP_DUE = text("""
    SELECT EXISTS (
        SELECT FROM delivery
         WHERE effect = 'ALIMTALK' AND due_at IS NOT NULL AND provider = :provider
           AND (attempts > 1
                OR (attempts = 1 AND (status <> 'SENDING' OR due_at <= statement_timestamp()))))
        -- Another provider's message may wait for this one's word.
        OR EXISTS (
            SELECT FROM delivery
             WHERE effect = 'ALIMTALK' AND due_at IS NOT NULL AND last_error = 'NOT_CONFIRMED')
""")


class SqlClaims:
    """The claims on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self,
        effect: Effect,
        limit: int,
        lease_seconds: float,
        provider: str,
        held_templates: Collection[str] = (),
        *,
        sends_only: bool = False,
        reach: ClaimReach = EVERYTHING,
    ) -> Sequence[ClaimedDelivery]:
        """Claim up to ``limit`` due deliveries for ``lease_seconds``, oldest due first.

        Due are deliveries whose next attempt is due and those whose lease has expired. Concurrent claimants
        get different ones. The claim holds from the caller's commit on.
        """
        claim_id = uuid4()
        rows = self._connection.execute(
            _claim_for(effect, reach),
            {
                "effect": effect.value,
                "limit": limit,
                "lease_seconds": lease_seconds,
                "provider": provider,
                "claim_id": str(claim_id),
                # What may be repeated needs no look-up.
                "looks_up": not effect.may_be_repeated,
                "sends_only": sends_only,
                "held_templates": sorted(held_templates),
                "original_template": ORDER_COMPLETED_TEMPLATE_CODE,
                "free_after_seconds": reach.free_after_seconds,
                "others": sorted(reach.others),
                "is_stand_in": reach.is_stand_in,
                "watch_seconds": WATCH_SECONDS,
            },
        )
        claimed = [
            ClaimedDelivery(
                delivery_id=row.delivery_id,
                claim_id=claim_id,
                attempt=row.attempts,
                purpose=Purpose(row.purpose),
                provider=row.provider,
                age_seconds=row.age_seconds,
                seconds_since_possibly_sent=row.seconds_since_possibly_sent,
                seconds_since_ordered=row.seconds_since_ordered,
                failed_message_ids=_failed_message_ids(row),
                order=order_event_of(row),
                template=row.template,
                may_be_elsewhere=row.may_be_elsewhere,
                may_be_here=row.may_be_here,
            )
            for row in rows
        ]
        if effect is not Effect.ALIMTALK:
            return claimed
        return SqlEarlierMessages(self._connection).noted_on(claimed)

    def is_any_look_up_due(self, provider: str) -> bool:
        return bool(self._connection.execute(_LOOK_UP_DUE, {"provider": provider}).scalar_one())

    def record(self, outcomes: Sequence[Outcome]) -> None:
        deliveries = [outcome.delivery for outcome in outcomes]
        recorded = [recorded_outcome(outcome) for outcome in outcomes]
        self._connection.execute(
            _RECORD,
            # One literal for each column: the driver would write a list value by value, and PostgreSQL would
            # parse each for itself.
            {
                "delivery_ids": hex_array(delivery.delivery_id for delivery in deliveries),
                "claim_ids": hex_array(delivery.claim_id for delivery in deliveries),
                "numbers": optional_array(delivery.attempt for delivery in deliveries),
                "statuses": text_array(one.status for one in recorded),
                "attempt_outcomes": text_array(one.attempt_outcome for one in recorded),
                "delays_seconds": optional_array(one.delay_seconds for one in recorded),
                "references": text_array(one.reference for one in recorded),
                "reasons": text_array(one.reason for one in recorded),
                "possibly_sent": optional_array(one.possibly_sent for one in recorded),
                "free": optional_array(one.is_free for one in recorded),
                "providers": text_array(one.provider for one in recorded),
            },
        )


def _claim_for(effect: Effect, reach: ClaimReach) -> TextualSelect:
    if effect.may_be_repeated:
        return _CLAIM_TO_REPEAT
    if reach.free_after_seconds is None:
        return _CLAIM_BOUND
    return _CLAIM_IN_REACH if reach.others else _CLAIM_OF_ONLY_PROVIDER


def _failed_message_ids(row: Row[Any]) -> frozenset[str]:
    # The column has the last one that failed before the history said so.
    ids = frozenset(row.failed_message_ids or ())
    return ids if row.failed_message_id is None else ids | {row.failed_message_id}
