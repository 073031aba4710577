"""What operators did to payments."""

from uuid import UUID

from sqlalchemy import Connection, func, insert, select, update

from order_service.domain.payment_operation import Operation, PaymentOperation
from order_service.persistence.tables import payment_operation as operations


class SqlPaymentOperations:
    """The operations on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, payment_id: UUID, operation: Operation, by: str, reason: str) -> int:
        number: int = self._connection.execute(
            insert(operations)
            .values(payment_id=payment_id, operation=operation.value, by=by, because=reason)
            .returning(operations.c.operation_id)
        ).scalar_one()
        return number

    def end(self, number: int, outcome: str) -> None:
        self._connection.execute(
            update(operations)
            .where(operations.c.operation_id == number, operations.c.ended_at.is_(None))
            .values(ended_at=func.clock_timestamp(), outcome=outcome)
        )

    def of_payment(self, payment_id: UUID, limit: int) -> list[PaymentOperation]:
        query = (
            select(operations)
            .where(operations.c.payment_id == payment_id)
            .order_by(operations.c.operation_id.desc())
            .limit(limit)
        )
        return [
            PaymentOperation(
                Operation(row.operation), row.by, row.because, row.began_at, row.ended_at, row.outcome
            )
            for row in self._connection.execute(query)
        ]
