"""PortOne's webhooks, signed as Standard Webhooks. They name a payment and show nothing of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic_core import to_json
from standardwebhooks import Webhook

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.portone.account import FORGERS_SECRET, STORE_ID, WEBHOOK_SECRET
from provider_sandbox.gateways.portone.replies import status_of
from provider_sandbox.korean_time import in_utc
from provider_sandbox.webhooks.queue import QueuedWebhook

_TYPES = {
    "READY": "Ready",
    "VIRTUAL_ACCOUNT_ISSUED": "VirtualAccountIssued",
    "PAID": "Paid",
    "FAILED": "Failed",
    "PARTIAL_CANCELLED": "PartialCancelled",
    "CANCELLED": "Cancelled",
}


class PortoneWebhooks:
    """See :class:`provider_sandbox.gateways.reporting.WebhookDialect`."""

    timeout_seconds = 30.0
    retry_minutes: Sequence[float] = (1, 4, 16, 64, 256)

    def __init__(self, controls: GatewayControlSource) -> None:
        self._controls = controls

    def bodies(self, payment: Payment, former: Payment | None, at: float) -> Sequence[bytes]:
        # READY is reported of an open window: PortOne's status doesn't change until the shop confirms.
        if payment.status in {"IN_PROGRESS", "EXPIRED"}:
            return []
        kind = _TYPES[status_of(payment)]
        if self._controls.controls.webhook_version == "2024-01-01":
            return [to_json({"payment_id": payment.order_id, "tx_id": payment.key, "status": kind})]
        data = {"storeId": STORE_ID, "paymentId": payment.order_id, "transactionId": payment.key}
        if payment.cancellations:
            data["cancellationId"] = payment.cancellations[-1].transaction_key
        return [to_json({"type": f"Transaction.{kind}", "timestamp": in_utc(at), "data": data})]

    def headers(self, webhook: QueuedWebhook) -> Mapping[str, str]:
        message_id, sent_at = f"msg_{webhook.event_id.hex}", datetime.now(UTC)
        secret = FORGERS_SECRET if webhook.is_forged else WEBHOOK_SECRET
        return {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": Webhook(secret).sign(message_id, sent_at, webhook.body.decode()),
        }

    def is_received(self, status: int) -> bool:
        return 200 <= status < 300
