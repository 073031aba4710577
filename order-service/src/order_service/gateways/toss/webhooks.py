"""Toss's webhooks. Of payments they aren't signed: who knows an order and its payment key can write one."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError

from order_service.domain.errors import MalformedWebhook
from order_service.domain.payment_hint import PaymentHint, ReportedChange
from order_service.gateways.webhook_fields import StorableText, shop_order_id

_STATUS_CHANGED = "PAYMENT_STATUS_CHANGED"
_CHANGES: Mapping[str, ReportedChange] = {
    "DONE": ReportedChange.PAID,
    "CANCELED": ReportedChange.RETURNED,
    "PARTIAL_CANCELED": ReportedChange.RETURNED,
    # Toss had said that the deposit was made.
    "WAITING_FOR_DEPOSIT": ReportedChange.RETURNED,
}


class _Webhook(BaseModel):
    event_type: StorableText | None = Field(default=None, alias="eventType")
    data: Any = None


class _Payment(BaseModel):
    order_id: StorableText = Field(alias="orderId")
    payment_key: StorableText = Field(alias="paymentKey", min_length=1)
    status: StorableText


class _Deposit(BaseModel):
    """DEPOSIT_CALLBACK: alone it has neither a type nor the payment's key."""

    order_id: StorableText = Field(alias="orderId")
    secret: StorableText
    status: StorableText
    payment_key: ClassVar[str] = ""


def parse_webhook(headers: Mapping[str, str], body: bytes) -> PaymentHint | None:
    """See :data:`order_service.application.ports.WebhookParser`."""
    try:
        webhook = _Webhook.model_validate_json(body)
        payment: _Payment | _Deposit
        if webhook.event_type is None:
            payment = _Deposit.model_validate_json(body)
        elif webhook.event_type == _STATUS_CHANGED:
            payment = _Payment.model_validate(webhook.data)
        else:
            return None
    except ValidationError as error:
        raise MalformedWebhook from error
    order_id = shop_order_id(payment.order_id)
    if order_id is None:
        return None
    return PaymentHint(order_id, payment.payment_key, _CHANGES.get(payment.status, ReportedChange.OTHER))
