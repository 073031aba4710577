"""Work on deliveries, composed as in the consumer process, with short pauses."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import httpx
from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.attempt_together import AttemptTogether
from notification_service.application.change_deliveries import ChangeDeliveries, ChangeDeliveriesCommand
from notification_service.application.deliver_effect import ClaimLimits, DeliverEffect
from notification_service.application.delivering.provider_gate import OpenGate
from notification_service.application.delivering.turns import Together
from notification_service.application.list_notifications import ListNotifications
from notification_service.application.ports import (
    CheckDelivery,
    Courier,
    DeliveryWork,
    Gate,
    UnitOfWorkFactory,
)
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.application.send_together import SendTogether
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.operator_action import OperatorAction
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.monitoring.webhook import MonitoringWebhook
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.lifecycle import StopSignal
from servicekit.outbound.http_client import create_http_client
from tests.support.notification_builders import WRITE_ALIMTALK
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

QUICK = RetryPolicy(
    base_seconds=0.05, cap_seconds=0.2, settle_seconds=0.1, pause_cap_seconds=0.05, least_attempts=2
)
PROVIDERS = {Effect.ALIMTALK: "sandbox", Effect.MONITORING: "webhook"}
FINAL = frozenset(
    {
        DeliveryStatus.DELIVERED,
        DeliveryStatus.FAILED,
        DeliveryStatus.EXPIRED,
        DeliveryStatus.GIVEN_UP,
        DeliveryStatus.SKIPPED,
    }
)
LIMITS = ClaimLimits(most=8, lease_seconds=20.0, attempt_seconds=5.0)


def transactions(engine: Engine) -> Callable[[], NotificationUnitOfWork]:
    """Makes units of work on the test's database."""
    return partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)


def retry_deliveries(engine: Engine, selection: DeliverySelection, *, reason: str) -> int:
    """Make all that match due again, as an operator does; returns how many."""
    change = ChangeDeliveries(transactions(engine))
    command = ChangeDeliveriesCommand(OperatorAction.RETRY, selection, "kim", reason)
    matching = change(command).result.matching
    return change(replace(command, expected_count=matching)).result.changed


@contextmanager
def delivering(
    engine: Engine,
    effect: Effect,
    sandbox: Sandbox,
    *,
    retry: RetryPolicy = QUICK,
    limits: ClaimLimits = LIMITS,
    timeout_seconds: float = 1.0,
    processing_seconds: float = 0.0,
    courier: Courier | None = None,
    provider: str | None = None,
    gate: Gate | None = None,
    checks: Sequence[CheckDelivery] = (),
    unit_of_work: UnitOfWorkFactory | None = None,
    in_batches: bool = False,
    wire: httpx.BaseTransport | None = None,
) -> Iterator[DeliverEffect]:
    """``effect``'s use case, by ``courier`` or else to the sandbox; without a ``gate``, nothing limits it.

    ``in_batches``: first attempts at alimtalk, as the process makes them. Calls go over ``wire``, if there is
    one, which then limits their time.
    """
    client = create_http_client(timeout_seconds, 8) if wire is None else httpx.Client(transport=wire)
    with client, ThreadPoolExecutor(4) as pool:
        alimtalk = SandboxAlimtalkProvider(client, sandbox.url)
        couriers: dict[Effect, Courier] = {
            Effect.ALIMTALK: SendAlimtalk(alimtalk, processing_seconds, WRITE_ALIMTALK),
            Effect.MONITORING: MonitoringWebhook(client, sandbox.monitoring_url),
        }
        attempt = AttemptDelivery(effect, courier or couriers[effect], retry, lambda: 0.5, checks=checks)
        send_together = SendTogether(
            alimtalk,
            alimtalk.batches,
            WRITE_ALIMTALK,
            checks=checks,
            doubt=lambda delivery: None,
        )
        together = Together(
            send_together.most, send_together.place_of, AttemptTogether(attempt, send_together)
        )
        yield DeliverEffect(
            effect,
            attempt,
            unit_of_work or transactions(engine),
            provider=provider or PROVIDERS[effect],
            gate=gate or OpenGate(),
            pool=pool,
            limits=limits,
            retry=retry,
            together=together if in_batches else None,
        )


def delivery_of(engine: Engine, order: OrderEvent, effect: Effect) -> Delivery:
    """That effect's delivery as it is stored now."""
    found = ListNotifications(transactions(engine))(order.order_id)
    return next(delivery for delivery in found if delivery.effect == effect)


def run_until_final(
    work: DeliveryWork, engine: Engine, orders: Sequence[OrderEvent], effect: Effect
) -> list[Delivery]:
    """Call ``work`` until the deliveries of all ``orders`` are final; returns them."""
    stop = StopSignal()

    def probe() -> list[Delivery]:
        work(stop)
        found = [delivery_of(engine, order, effect) for order in orders]
        return found if all(delivery.status in FINAL for delivery in found) else []

    return wait_until(probe, f"{effect} of {len(orders)} orders to be final")
