"""The consumer process, composed: Kafka → inbox and deliveries → three effects."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from sqlalchemy import Engine

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.apply_analytics import ApplyAnalytics
from notification_service.application.deliver_outside import ClaimLimits, Courier, DeliverOutside
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.config import NotificationConsumerSettings
from notification_service.dispatcher import Dispatcher
from notification_service.domain.delivery import Effect
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.messaging.order_completed import OrderCompletedHandler
from notification_service.monitoring.webhook import MonitoringWebhook
from notification_service.outbound import outbound_client
from notification_service.persistence.unit_of_work import (
    AcceptanceUnitOfWork,
    AnalyticsUnitOfWork,
    ClaimUnitOfWork,
)
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.http.admin import admin_app
from servicekit.http.server import HttpServer
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.run import run_consumer

SERVICE = "notification-consumer"
# Of the 10 s that a process has from the stop to its end.
_JOIN_SECONDS = 7.0


def run(settings: NotificationConsumerSettings, stop: StopSignal, *, topic: str, group_id: str) -> None:
    """Consume ``topic`` and deliver until ``stop`` is set. Raises what time and dead letters can't mend."""
    engine = create_engine(settings, SERVICE)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        if settings.admin_port:
            kafka = KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id)
            stack.callback(kafka.close)
            app = admin_app(SERVICE, {"database": database_check(engine), "kafka": kafka.check})
            stack.enter_context(HttpServer(app, settings.admin_host, settings.admin_port))
        dispatcher = _dispatcher(settings, engine, stack, stop)
        accept = AcceptCompletedOrders(
            partial(AcceptanceUnitOfWork, engine, group_id), accepted=dispatcher.wake
        )
        dispatcher.start()
        try:
            handler = OrderCompletedHandler(accept)
            run_consumer(settings, topic=topic, group_id=group_id, handler=handler, stop=stop)
        finally:
            stop.set()
            dispatcher.join(_JOIN_SECONDS)


def _dispatcher(
    settings: NotificationConsumerSettings, engine: Engine, stack: ExitStack, stop: StopSignal
) -> Dispatcher:
    def outside(effect: Effect, courier: Courier) -> DeliverOutside:
        pool = ThreadPoolExecutor(settings.delivery_parallelism, thread_name_prefix=effect.value.lower())
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        return DeliverOutside(
            effect,
            courier,
            partial(ClaimUnitOfWork, engine),
            pool=pool,
            limits=ClaimLimits(
                # Two rounds of the pool, so that a claim is worth its transactions and a lease outlasts it.
                batch_size=2 * settings.delivery_parallelism,
                lease_seconds=settings.delivery_lease_seconds,
                attempt_seconds=settings.delivery_attempt_seconds,
            ),
            retry=RetryPolicy(),
            jitter=random.random,
        )

    client = stack.enter_context(
        outbound_client(settings.delivery_timeout_seconds, 2 * settings.delivery_parallelism)
    )
    provider = SandboxAlimtalkProvider(client, settings.alimtalk_url)
    webhook = MonitoringWebhook(client, settings.monitoring_webhook_url)
    return Dispatcher(
        {
            Effect.ALIMTALK: outside(Effect.ALIMTALK, SendAlimtalk(provider)),
            Effect.ANALYTICS: ApplyAnalytics(partial(AnalyticsUnitOfWork, engine)),
            Effect.MONITORING: outside(Effect.MONITORING, webhook),
        },
        stop,
    )
