"""Webhooks of payments, and the worker that follows them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import Engine
from werkzeug.test import TestResponse

from order_service.application.ports import PaymentGateway
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_payment import SettlePayment
from order_service.domain.payment import Payment
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop


def a_follower(
    engine: Engine,
    gateway: PaymentGateway,
    name: str = "toss",
    report: Callable[[Payment], None] = lambda payment: None,
    clock_seconds: Callable[[], float] = lease_clock_seconds,
    failures: list[str] | None = None,
    report_again: Callable[[Payment], None] = lambda payment: None,
) -> SettleHintedPayments:
    unit_of_work = partial(OrderUnitOfWork, engine)
    settle = SettlePayment(unit_of_work, order_completed)
    stop = StopSignal()
    postponed = a_report(failures)
    return SettleHintedPayments(
        unit_of_work, gateway, name, settle, IN_PROGRESS_LIMIT, report, stop, postponed, clock_seconds,
        report_again,
    )  # fmt: skip


def a_toss_body(order_id: str, payment_key: str, status: str = "DONE", **changes: Any) -> dict[str, Any]:
    data = {
        "orderId": order_id,
        "paymentKey": payment_key,
        "status": status,
        "totalAmount": 1,
        "mId": "other",
    }
    return {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-11-30T09:00:00",
        "data": data,
        **changes,
    }


def report(shop: Shop, body: Any, gateway: str = "toss") -> TestResponse:
    return shop.client.post(f"/api/v1/gateways/{gateway}/webhooks", json=body)


def time_passes_for_hints(shop: Shop, seconds: float) -> None:
    """As if all hints, and the look-ups of payments, had been so much earlier."""
    earlier = f"- interval '{seconds} seconds'"
    shop.execute(f"UPDATE payment_hint SET due_at = due_at {earlier}, hinted_at = hinted_at {earlier}")  # noqa: S608
    shop.execute(f"UPDATE payment SET looked_up_at = looked_up_at {earlier}")  # noqa: S608
