"""Showing a payment to an operator."""

from uuid import UUID

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.errors import OrderNotFound, PaymentNotFound
from order_service.domain.payment_history import PaymentHistory

_OPERATIONS_SHOWN = 100


class ShowPayment:
    """A payment with its order and what was done to it."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, payment_id: UUID) -> PaymentHistory:
        """Raises PaymentNotFound."""
        with self._unit_of_work() as unit_of_work:
            found = unit_of_work.operated_payments.get(payment_id)
            if found is None:
                raise PaymentNotFound(f"there is no payment {payment_id}")
            order = unit_of_work.orders.get(found.payment.request.order_id)
            if order is None:
                raise OrderNotFound
            cancellations = unit_of_work.cancellations.of_order(order.order_id)
            operations = unit_of_work.payment_operations.of_payment(payment_id, _OPERATIONS_SHOWN)
        return PaymentHistory(found, order, cancellations, operations)
