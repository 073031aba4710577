"""Claims on deliveries: leases on the server's clock, each fenced by an id of its own."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, case, func, select, text, update

from notification_service.domain.attempt import Delivered, GivenUp, Outcome, Released, RetryLater, Skipped
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.persistence.completed_orders import completed_order_of
from notification_service.persistence.tables import completed_order, delivery

# One statement for a batch of any outcomes. A delivery whose lease expired and that was claimed again has
# another claim_id by now, and stays as it is.
_RECORD = text("""
    UPDATE delivery
       SET status       = outcome.status,
           attempts     = delivery.attempts - outcome.unused_attempts,
           first_attempted_at = CASE WHEN delivery.attempts > outcome.unused_attempts
                                     THEN delivery.first_attempted_at END,
           possibly_sent_at = CASE WHEN outcome.possibly_sent THEN clock_timestamp()
                                   ELSE delivery.possibly_sent_at END,
           due_at       = clock_timestamp() + outcome.delay_seconds * interval '1 second',
           claim_id     = NULL,
           reference    = COALESCE(outcome.reference, delivery.reference),
           last_error   = COALESCE(outcome.last_error, delivery.last_error),
           completed_at = CASE WHEN outcome.status IN ('DELIVERED', 'FAILED', 'SKIPPED')
                               THEN clock_timestamp() END
      FROM unnest(CAST(:delivery_ids AS uuid[]), CAST(:claim_ids AS uuid[]), CAST(:statuses AS text[]),
                  CAST(:unused_attempts AS integer[]), CAST(:delays_seconds AS double precision[]),
                  CAST(:references AS text[]), CAST(:errors AS text[]), CAST(:possibly_sent AS boolean[]))
           AS outcome (delivery_id, claim_id, status, unused_attempts, delay_seconds, reference, last_error,
                       possibly_sent)
     WHERE delivery.delivery_id = outcome.delivery_id
       AND delivery.claim_id = outcome.claim_id
""")


class SqlClaims:
    """The claims on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, effect: Effect, limit: int, lease_seconds: float) -> list[ClaimedDelivery]:
        """Claim up to ``limit`` due deliveries for ``lease_seconds``, oldest due first.

        Due are deliveries whose next attempt is due and those whose lease has expired. Concurrent claimants
        get different ones. The claim holds from the caller's commit on.
        """
        # Not now(), which stands still while the transaction waits.
        now = func.clock_timestamp()
        # A common table expression with FOR UPDATE runs once; as a subquery it might run for each row.
        due = (
            select(delivery.c.delivery_id)
            .where(delivery.c.effect == effect.value, delivery.c.due_at <= func.statement_timestamp())
            .order_by(delivery.c.due_at)
            .limit(limit)
            # Skipping, not waiting: another process is claiming or recording the locked rows.
            .with_for_update(skip_locked=True)
            .cte("due")
        )
        claim_id = uuid4()
        rows = self._connection.execute(
            update(delivery)
            .where(
                delivery.c.delivery_id == due.c.delivery_id,
                completed_order.c.event_id == delivery.c.event_id,
            )
            .values(
                status=DeliveryStatus.SENDING.value,
                attempts=delivery.c.attempts + 1,
                due_at=now + timedelta(seconds=lease_seconds),
                claim_id=claim_id,
                first_attempted_at=func.coalesce(delivery.c.first_attempted_at, now),
                # A claim that ended without an outcome may have sent until its lease ended.
                possibly_sent_at=case(
                    (delivery.c.status == DeliveryStatus.SENDING.value, delivery.c.due_at),
                    else_=delivery.c.possibly_sent_at,
                ),
            )
            .returning(
                delivery.c.delivery_id,
                delivery.c.attempts,
                func.extract("epoch", now - delivery.c.first_attempted_at).label("age_seconds"),
                func.extract("epoch", now - delivery.c.possibly_sent_at).label("seconds_since_possibly_sent"),
                func.extract("epoch", now - completed_order.c.completed_at).label("seconds_since_ordered"),
                *completed_order.c,
            )
        )
        return [
            ClaimedDelivery(
                delivery_id=row.delivery_id,
                claim_id=claim_id,
                attempt=row.attempts,
                age_seconds=float(row.age_seconds),
                seconds_since_possibly_sent=_optional_float(row.seconds_since_possibly_sent),
                seconds_since_ordered=float(row.seconds_since_ordered),
                order=completed_order_of(row),
            )
            for row in rows
        ]

    def record(self, outcomes: Sequence[Outcome]) -> None:
        columns = zip(*(_recorded(outcome) for outcome in outcomes), strict=True)
        names = (
            "delivery_ids",
            "claim_ids",
            "statuses",
            "unused_attempts",
            "delays_seconds",
            "references",
            "errors",
            "possibly_sent",
        )
        self._connection.execute(_RECORD, dict(zip(names, map(list, columns), strict=True)))


def _recorded(outcome: Outcome) -> tuple[Any, ...]:
    identifiers = (str(outcome.delivery.delivery_id), str(outcome.delivery.claim_id))
    match outcome:
        case Delivered(reference=reference):
            return *identifiers, DeliveryStatus.DELIVERED.value, 0, None, reference, None, False
        case GivenUp(reason=reason, possibly_sent=possibly_sent):
            return *identifiers, DeliveryStatus.FAILED.value, 0, None, None, reason.value, possibly_sent
        case RetryLater(delay_seconds=delay_seconds, reason=reason, possibly_sent=possibly_sent):
            return (
                *identifiers,
                DeliveryStatus.PENDING.value,
                0,
                delay_seconds,
                None,
                reason.value,
                possibly_sent,
            )
        case Skipped(reason=reason):
            return *identifiers, DeliveryStatus.SKIPPED.value, 1, None, None, reason.value, False
        case Released():
            # The attempt is given back: nothing was sent, so the next one needs no look-up first.
            return *identifiers, DeliveryStatus.PENDING.value, 1, 0.0, None, None, False


def _optional_float(number: Decimal | None) -> float | None:
    return None if number is None else float(number)
