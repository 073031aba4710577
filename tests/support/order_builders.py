"""Orders and payments with every part filled in, for tests that care about one of them."""

import uuid
from datetime import UTC, datetime

from order_service.domain.order import Order, OrderItem, Recipient
from order_service.domain.payment import Payment, PaymentStatus
from order_service.domain.payment_request import PaymentMethod, PaymentRequest
from order_service.domain.refund_request import RefundRequest
from servicekit.identifiers import uuid7

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def an_order(*items: OrderItem, currency: str = "KRW") -> Order:
    return Order.place(
        uuid7(),
        7,
        currency,
        items or (OrderItem("P-1", 2, 15_000),),
        Recipient("김하늘", "010-1234-5678"),
        NOON,
    )


def a_request(
    payment_key: str = "pay-1",
    *,
    order_id: uuid.UUID | None = None,
    amount: int = 30_000,
    currency: str = "KRW",
    attempt: int = 1,
    gateway: str = "in-process",
    account: str | None = None,
    requested_at: datetime = NOON,
) -> PaymentRequest:
    return PaymentRequest(
        payment_id=uuid7(),
        order_id=order_id or uuid7(),
        method=PaymentMethod.CARD,
        gateway=gateway,
        account=account,
        payment_key=payment_key,
        amount=amount,
        currency=currency,
        attempt=attempt,
        requested_at=requested_at,
    )


def a_refund(payment: PaymentRequest) -> RefundRequest:
    return RefundRequest(uuid7(), payment, payment.amount, payment.amount, "단순 변심")


def a_payment(status: PaymentStatus, *, attempt: int = 1) -> Payment:
    approved = status in {PaymentStatus.APPROVED, PaymentStatus.REFUND_DUE}
    return Payment(a_request(attempt=attempt), status, NOON if approved else None)
