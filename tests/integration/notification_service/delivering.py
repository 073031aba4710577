"""The outside effects' work, composed as the consumer process composes it, with short waits."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.deliver_outside import ClaimLimits, Courier, DeliverOutside
from notification_service.application.effect_work import EffectWork
from notification_service.application.list_notifications import ListNotifications
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.monitoring.webhook import MonitoringWebhook
from notification_service.outbound import outbound_client
from notification_service.persistence.unit_of_work import AnalyticsUnitOfWork, ClaimUnitOfWork
from servicekit.lifecycle import StopSignal
from tests.support.processes import Sandbox
from tests.support.waiting import wait_until

QUICK = RetryPolicy(base_seconds=0.05, cap_seconds=0.2, settle_seconds=0.1, pause_cap_seconds=0.05)
LIMITS = ClaimLimits(batch_size=8, lease_seconds=20.0, attempt_seconds=5.0)


@contextmanager
def delivering(
    engine: Engine,
    effect: Effect,
    sandbox: Sandbox,
    *,
    retry: RetryPolicy = QUICK,
    limits: ClaimLimits = LIMITS,
    timeout_seconds: float = 1.0,
    courier: Courier | None = None,
) -> Iterator[DeliverOutside]:
    with outbound_client(timeout_seconds, 8) as client, ThreadPoolExecutor(4) as pool:
        couriers: dict[Effect, Courier] = {
            Effect.ALIMTALK: SendAlimtalk(SandboxAlimtalkProvider(client, sandbox.url)),
            Effect.MONITORING: MonitoringWebhook(client, sandbox.monitoring_url),
        }
        begin: Any = partial(ClaimUnitOfWork, engine)
        yield DeliverOutside(
            effect,
            courier or couriers[effect],
            begin,
            pool=pool,
            limits=limits,
            retry=retry,
            jitter=lambda: 0.5,
        )


def delivery_of(engine: Engine, order: CompletedOrder, effect: Effect) -> Delivery:
    """That effect's delivery as it is stored now."""
    found = ListNotifications(partial(AnalyticsUnitOfWork, engine))(order.order_id)
    return next(delivery for delivery in found if delivery.effect == effect)


def run_until_final(
    work: EffectWork, engine: Engine, orders: Sequence[CompletedOrder], effect: Effect
) -> list[Delivery]:
    """Run ``work`` until nothing of ``orders`` is left to do; their deliveries then."""
    stop = StopSignal()

    def probe() -> list[Delivery]:
        work.run_once(stop)
        found = [delivery_of(engine, order, effect) for order in orders]
        final = {DeliveryStatus.DELIVERED, DeliveryStatus.FAILED}
        return found if all(delivery.status in final for delivery in found) else []

    return wait_until(probe, f"{effect} of {len(orders)} orders to be final")
