"""A payment as operators see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.cancellation import Cancellation
from order_service.domain.order import Order
from order_service.domain.payment import Payment
from order_service.domain.payment_operation import PaymentOperation
from order_service.domain.refund import Refund, RefundStatus


@dataclass(frozen=True, slots=True)
class OperatedPayment:
    """A payment with its refunds, the newest last: of what was taken wrongly, or of cancellations.

    ``taken_back_at`` is when its gateway first said that it no longer has the money of an approved payment,
    and ``restored_at`` when it said that it has it again.
    """

    payment: Payment
    looked_up_at: datetime | None
    refunded_at: datetime | None
    refunded_by: str | None
    refunds: Sequence[Refund]
    taken_back_at: datetime | None
    restored_at: datetime | None
    acknowledged_at: datetime | None

    @property
    def refund(self) -> Refund | None:
        """The newest."""
        return self.refunds[-1] if self.refunds else None

    @property
    def returned_amount(self) -> int:
        """So much has been returned, of what ``payment.to_return`` says."""
        return sum(each.request.amount for each in self.refunds if each.status is RefundStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class PaymentHistory:
    """A payment with its order, the order's cancellations, and what operators did, the newest first."""

    operated: OperatedPayment
    order: Order
    cancellations: Sequence[Cancellation]
    operations: Sequence[PaymentOperation]
