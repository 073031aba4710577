"""Ending a cancellation: what was returned, the order, its stock and the event commit together."""

import structlog

from order_service.application.ports import CancellationEvent, UnitOfWork
from order_service.domain.cancellation import Cancellation, CancelledOrder
from order_service.domain.errors import OrderNotFound
from order_service.domain.refund import Refund

_log = structlog.get_logger(__name__)


class EndCancellation:
    """Ends the cancellation that waits for a refund, in the transaction that stores the refund as made.

    It comes before the refund's row is locked: the order comes first everywhere. The database refuses one
    without the other. Doing it again, or in two processes at once, changes nothing more: each cancellation
    has one event.
    """

    def __init__(self, cancellation_event: CancellationEvent) -> None:
        self._cancellation_event = cancellation_event

    def of_refund(self, unit_of_work: UnitOfWork, refund: Refund) -> Cancellation | None:
        """The one that waits for ``refund``, ended; None where none does."""
        if unit_of_work.cancellations.of_refund(refund) is None:
            # What was taken wrongly: the order may be paid at this moment, and isn't held up.
            return None
        unit_of_work.orders.lock(refund.request.payment.order_id)
        # Read again: another process may have ended it before the lock.
        cancellation = unit_of_work.cancellations.of_refund(refund)
        if cancellation is None or cancellation.cancelled_at is not None:
            return None
        return self(unit_of_work, cancellation)

    def __call__(self, unit_of_work: UnitOfWork, cancellation: Cancellation) -> Cancellation:
        """End the one that is stored and under way. Its order is locked."""
        order = unit_of_work.orders.get(cancellation.order_id)
        if order is None:
            raise OrderNotFound
        now = unit_of_work.now()
        ended = cancellation.ended(now)
        unit_of_work.cancellations.end(ended)
        after = CancelledOrder(order, unit_of_work.cancellations.of_order(order.order_id))
        if after.is_whole:
            unit_of_work.orders.cancel(order.cancelled(now))
        unit_of_work.products.give_back(order.stock_of(ended.quantities))
        unit_of_work.outbox.append(self._cancellation_event(after, ended))
        return ended


def report_ended(cancellation: Cancellation | None) -> None:
    """To be called after the commit: the log must not report what was rolled back."""
    if cancellation is not None:
        _log.info(
            "order_cancelled",
            order_id=str(cancellation.order_id),
            cancellation_id=str(cancellation.cancellation_id),
            amount=cancellation.amount,
        )
