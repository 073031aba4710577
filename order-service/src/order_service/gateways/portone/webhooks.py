"""PortOne's webhooks, signed as Standard Webhooks."""

from collections.abc import Mapping, Sequence

from pydantic import AliasPath, BaseModel, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from order_service.domain.errors import ForgedWebhook, MalformedWebhook
from order_service.domain.payment_hint import PaymentHint, ReportedChange
from order_service.gateways.portone.keys import PortoneKey
from order_service.gateways.webhook_fields import StorableText, shop_order_id

_TYPE_BEGINS = "Transaction."
_CHANGES: Mapping[str, ReportedChange] = {
    "Paid": ReportedChange.PAID,
    "Cancelled": ReportedChange.RETURNED,
    "PartialCancelled": ReportedChange.RETURNED,
    "VirtualAccountIssued": ReportedChange.OTHER,
    "Failed": ReportedChange.OTHER,
}


class _Webhook(BaseModel):
    """The fields that tell its version: the one of 2024-01-01 has a status, and no type."""

    type: StorableText | None = None
    status: StorableText | None = None


class _Named(BaseModel):
    """What the webhook is about."""

    store_id: StorableText = Field(validation_alias=AliasPath("data", "storeId"))
    payment_id: StorableText = Field(validation_alias=AliasPath("data", "paymentId"))
    transaction_id: StorableText = Field(default="", validation_alias=AliasPath("data", "transactionId"))


class _FormerNamed(BaseModel):
    """The same, of 2024-01-01."""

    payment_id: StorableText
    tx_id: StorableText = ""


class PortoneWebhooks:
    """Reads the webhooks of one store. Several ``secrets`` are accepted while one replaces another."""

    def __init__(self, secrets: Sequence[str], store_id: str) -> None:
        self._verifiers = [Webhook(secret) for secret in secrets]
        self._store_id = store_id

    def parse(self, headers: Mapping[str, str], body: bytes) -> PaymentHint | None:
        """See :data:`order_service.application.ports.WebhookParser`."""
        if not any(_is_signed(verifier, headers, body) for verifier in self._verifiers):
            raise ForgedWebhook
        try:
            webhook = _Webhook.model_validate_json(body)
            change = _CHANGES.get(_kind(webhook))
            return None if change is None else self._hint(webhook, body, change)
        except ValidationError as error:
            raise MalformedWebhook from error

    def _hint(self, webhook: _Webhook, body: bytes, change: ReportedChange) -> PaymentHint | None:
        if webhook.type is None:
            former = _FormerNamed.model_validate_json(body)
            payment_id, transaction_id = former.payment_id, former.tx_id
        else:
            named = _Named.model_validate_json(body)
            if named.store_id != self._store_id:
                return None
            payment_id, transaction_id = named.payment_id, named.transaction_id
        order_id = shop_order_id(payment_id)
        if order_id is None:
            return None
        return PaymentHint(order_id, PortoneKey.beginning(transaction_id), change)


def _kind(webhook: _Webhook) -> str:
    if webhook.type is None:
        return webhook.status or ""
    return webhook.type.removeprefix(_TYPE_BEGINS) if webhook.type.startswith(_TYPE_BEGINS) else ""


def _is_signed(verifier: Webhook, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        verifier.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        # A ValueError is a header that isn't written as the standard has it.
        return False
    return True
