"""Toss's webhooks of payments. They aren't signed: all that they prove is knowledge of a payment's secret."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.gateways.toss.replies import payment_view
from provider_sandbox.korean_time import SEOUL, in_seoul
from provider_sandbox.webhooks.queue import QueuedWebhook

_REPORTED = {"DONE", "CANCELED", "PARTIAL_CANCELED", "ABORTED", "EXPIRED"}
_OF_DEPOSITS = {"DONE", "CANCELED", "PARTIAL_CANCELED"}


class TossWebhooks:
    """See :class:`provider_sandbox.gateways.reporting.WebhookDialect`."""

    timeout_seconds = 10.0
    retry_minutes: Sequence[float] = (1, 4, 16, 64, 256, 1024, 4096)

    def __init__(self, controls: GatewayControlSource) -> None:
        self._controls = controls

    def bodies(self, payment: Payment, former: Payment | None, at: float) -> Sequence[bytes]:
        bodies = []
        if payment.status in _REPORTED:
            bodies.append(to_json(_status_changed(payment, at)))
        if self._controls.controls.deposit_callbacks and _is_of_a_deposit(payment, former):
            bodies.append(to_json(_deposit_callback(payment, at)))
        return bodies

    def headers(self, webhook: QueuedWebhook) -> Mapping[str, str]:
        return {
            "Content-Type": "application/json",
            "tosspayments-webhook-transmission-time": datetime.now(SEOUL).isoformat(timespec="microseconds"),
            "tosspayments-webhook-transmission-retried-count": str(webhook.calls),
            "tosspayments-webhook-transmission-id": f"whtrans_{webhook.event_id.hex}",
        }

    def is_received(self, status: int) -> bool:
        return status == 200


def _is_of_a_deposit(payment: Payment, former: Payment | None) -> bool:
    if payment.method != "VIRTUAL_ACCOUNT":
        return False
    is_taken_back = payment.status == "WAITING_FOR_DEPOSIT" and former is not None and former.status == "DONE"
    return is_taken_back or payment.status in _OF_DEPOSITS


def _status_changed(payment: Payment, at: float) -> Mapping[str, Any]:
    created_at = in_seoul(at).replace(tzinfo=None).isoformat(timespec="microseconds")
    return {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": created_at, "data": payment_view(payment)}


def _deposit_callback(payment: Payment, at: float) -> Mapping[str, Any]:
    """Without a type and without the payment's key, as the real one."""
    return {
        "createdAt": in_seoul(at).isoformat(timespec="milliseconds"),
        "secret": payment.secret,
        "status": payment.status,
        "transactionKey": payment.transaction_key,
        "orderId": payment.order_id,
    }
