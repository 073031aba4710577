"""The history of deliveries; :mod:`.claims` writes it, in the statements that claim and record."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, select

from notification_service.domain.attempt_history import Attempt, AttemptOutcome, Purpose
from notification_service.domain.failure_reason import stored_reason
from notification_service.persistence.tables import delivery_attempt


class SqlAttempts:
    """The attempts on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, delivery_ids: Collection[UUID]) -> dict[UUID, list[Attempt]]:
        rows = self._connection.execute(
            select(delivery_attempt)
            .where(delivery_attempt.c.delivery_id.in_(delivery_ids))
            .order_by(delivery_attempt.c.delivery_id, delivery_attempt.c.number)
        )
        histories: defaultdict[UUID, list[Attempt]] = defaultdict(list)
        for row in rows:
            attempt = Attempt(
                number=row.number,
                provider=row.provider,
                purpose=Purpose(row.purpose),
                began_at=row.began_at,
                ended_at=row.ended_at,
                outcome=None if row.outcome is None else AttemptOutcome(row.outcome),
                reason=stored_reason(row.reason),
                message_id=row.message_id,
            )
            histories[row.delivery_id].append(attempt)
        return histories
