"""Cancellations; how far one has come is its refund's state."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from order_service.domain.cancellation import Cancellation, CancellationStatus, CancelledLine
from order_service.domain.errors import CancellationInProgress
from order_service.domain.refund import Refund, RefundStatus
from order_service.persistence.tables import cancellation as cancellations
from order_service.persistence.tables import cancellation_item as lines
from order_service.persistence.tables import refund as refunds
from servicekit.db.errors import constraint_name

_ONE_UNDER_WAY = "cancellation_under_way"


class SqlCancellations:
    """The cancellations on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, cancellation: Cancellation) -> None:
        """Raises :class:`CancellationInProgress`."""
        try:
            self._connection.execute(
                insert(cancellations).values(
                    cancellation_id=cancellation.cancellation_id,
                    order_id=cancellation.order_id,
                    payment_id=cancellation.payment_id,
                    refund_id=cancellation.refund_id,
                    amount=cancellation.amount,
                    reason=cancellation.reason,
                    requested_at=cancellation.requested_at,
                )
            )
        except IntegrityError as error:
            # Callers lock the order first; the index holds even for one that doesn't.
            if constraint_name(error) == _ONE_UNDER_WAY:
                raise CancellationInProgress from error
            raise
        self._connection.execute(
            insert(lines),
            [
                {
                    "cancellation_id": cancellation.cancellation_id,
                    "order_id": cancellation.order_id,
                    "line_number": line.line_number,
                    "quantity": line.quantity,
                }
                for line in cancellation.lines
            ],
        )

    def get(self, cancellation_id: UUID) -> Cancellation | None:
        return next(iter(self._all(cancellations.c.cancellation_id == cancellation_id)), None)

    def of_order(self, order_id: UUID) -> Sequence[Cancellation]:
        return self._all(cancellations.c.order_id == order_id)

    def of_orders(self, order_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Cancellation]]:
        found: defaultdict[UUID, list[Cancellation]] = defaultdict(list)
        for cancellation in self._all(cancellations.c.order_id.in_(order_ids)):
            found[cancellation.order_id].append(cancellation)
        return found

    def of_refund(self, refund: Refund) -> Cancellation | None:
        return next(iter(self._all(cancellations.c.refund_id == refund.request.refund_id)), None)

    def end(self, cancellation: Cancellation) -> None:
        self._connection.execute(
            update(cancellations)
            .where(cancellations.c.cancellation_id == cancellation.cancellation_id)
            .values(cancelled_at=cancellation.cancelled_at)
        )

    def _all(self, condition: ColumnElement[bool]) -> list[Cancellation]:
        is_refused = (refunds.c.status == RefundStatus.REFUSED.value).label("is_refused")
        # Not by id, whose time is the host's that made it.
        in_order = (cancellations.c.requested_at, cancellations.c.cancellation_id)
        rows = self._connection.execute(
            select(cancellations, is_refused)
            .outerjoin(refunds, refunds.c.refund_id == cancellations.c.refund_id)
            .where(condition)
            .order_by(*in_order)
        ).all()
        of_each: defaultdict[UUID, list[CancelledLine]] = defaultdict(list)
        if rows:
            # Lines never change, so this second query can't contradict the first one.
            query = (
                select(lines)
                .where(lines.c.cancellation_id.in_([row.cancellation_id for row in rows]))
                .order_by(lines.c.cancellation_id, lines.c.line_number)
            )
            for line in self._connection.execute(query):
                of_each[line.cancellation_id].append(CancelledLine(line.line_number, line.quantity))
        return [_cancellation(row, of_each[row.cancellation_id]) for row in rows]


def _cancellation(row: Row[Any], of_it: Sequence[CancelledLine]) -> Cancellation:
    return Cancellation(
        row.cancellation_id,
        row.order_id,
        row.payment_id,
        tuple(of_it),
        row.amount,
        row.reason,
        row.requested_at,
        _status(row),
        row.cancelled_at,
    )


def _status(row: Row[Any]) -> CancellationStatus:
    if row.cancelled_at is not None:
        return CancellationStatus.CANCELLED
    return CancellationStatus.REFUSED if row.is_refused else CancellationStatus.REFUNDING
