"""What tests and operators receive."""

from datetime import UTC, datetime
from typing import Self

from provider_sandbox.gateways.controls import GatewayControls
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.providers.clock import ClockControl
from provider_sandbox.providers.request_record import ProviderRequest
from servicekit.fields import JsonModel
from servicekit.rfc3339 import format_rfc3339


class ControlsReply(JsonModel):
    """The controls, with the counts that are left."""

    toss: GatewayControls
    portone: GatewayControls
    clock: ClockControl


class PaymentReply(JsonModel):
    """A payment; amounts are in the currency's smallest unit."""

    gateway: str
    payment_key: str
    payment_token: str | None
    """What PortOne's payments are confirmed with."""
    order_id: str
    amount: int
    currency: str
    method: str
    status: str
    charged_amount: int
    cancelled_amount: int
    cancellations: list[int]

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            gateway=payment.gateway,
            payment_key=payment.key,
            payment_token=payment.secret if payment.gateway == "portone" else None,
            order_id=payment.order_id,
            amount=payment.amount,
            currency=payment.currency,
            method=payment.method,
            status=payment.status,
            charged_amount=payment.charged_amount,
            cancelled_amount=payment.cancelled_amount,
            cancellations=[each.amount for each in payment.cancellations],
        )


class PaymentsReply(JsonModel):
    """A page of payments. ``next`` is null on the last page."""

    payments: list[PaymentReply]
    next: int | None

    @classmethod
    def of(cls, page: list[tuple[int, Payment]], limit: int) -> Self:
        last = page[-1][0] if len(page) == limit else None
        return cls(payments=[PaymentReply.of(payment) for _, payment in page], next=last)


class RequestReply(JsonModel):
    """A request to a gateway. ``status`` is null until it is answered, and if it never is."""

    gateway: str
    method: str
    target: str
    body: str
    idempotency_key: str | None
    received_at: str
    status: int | None
    fault: str | None


class RequestsReply(JsonModel):
    """A page of requests. ``next`` is null on the last page."""

    requests: list[RequestReply]
    next: int | None

    @classmethod
    def of(cls, page: list[ProviderRequest], limit: int) -> Self:
        replies = [
            RequestReply(
                gateway=each.provider,
                method=each.method,
                target=each.target,
                body=each.body,
                idempotency_key=each.idempotency_key,
                received_at=format_rfc3339(datetime.fromtimestamp(each.received_at, UTC)),
                status=each.status,
                fault=each.fault,
            )
            for each in page
        ]
        return cls(requests=replies, next=page[-1].sequence if len(page) == limit else None)


class MoneyReply(JsonModel):
    """What one gateway took and gave back in one currency, in its smallest unit."""

    gateway: str
    currency: str
    payments: int
    charged: int
    cancelled: int


class RecordsReply(JsonModel):
    """Totals. ``ordersChargedTwice`` have more than one payment whose money wasn't given back."""

    money: list[MoneyReply]
    orders_charged_twice: int
    webhooks_pending: int
