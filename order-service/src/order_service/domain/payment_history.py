"""A payment as operators see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.order import Order
from order_service.domain.payment import Payment
from order_service.domain.payment_operation import PaymentOperation
from order_service.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class OperatedPayment:
    """A payment with what became of its refund, if one is due."""

    payment: Payment
    looked_up_at: datetime | None
    refunded_at: datetime | None
    refunded_by: str | None
    refund: Refund | None


@dataclass(frozen=True, slots=True)
class PaymentHistory:
    """A payment with its order and what operators did, the newest first."""

    operated: OperatedPayment
    order: Order
    operations: Sequence[PaymentOperation]
