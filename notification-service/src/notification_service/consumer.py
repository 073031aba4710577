"""The consumer's composition root: Kafka → inbox and deliveries → three effects."""

import logging
import random
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import httpx
from sqlalchemy import Engine

from notification_service.alimtalk_effect import AlimtalkEffect, connections_for
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.adopt_time_zone import AdoptTimeZone
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.count_cancellations import CountCancellations
from notification_service.application.count_delays import CountDelays
from notification_service.application.count_in_time_zone import CountInTimeZone
from notification_service.application.count_sales import CountSales
from notification_service.application.deliver_effect import HELD_CALLS, ClaimLimits, DeliverEffect
from notification_service.application.delivering.provider_gate import OpenGate
from notification_service.application.delivering.turns import Together
from notification_service.application.measure_notifications import MeasureNotifications
from notification_service.application.ports import DeliveryWork, Gate, UnitOfWorkFactory
from notification_service.application.raise_alerts import RaiseAlerts
from notification_service.application.send_alerts import NoticeLease, SendAlerts
from notification_service.config import ConsumerSettings
from notification_service.dispatcher import Dispatcher
from notification_service.domain.alert_rule import AlertRule, OrderRule
from notification_service.domain.delivery import Effect
from notification_service.domain.provider_call import CallElsewhere
from notification_service.domain.provider_state import ProbePolicy
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.messaging.event_handling import IncomingEventHandler
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.metrics import expect_figures, show_figures
from notification_service.migrations import SCHEMA
from notification_service.monitoring.receivers import create_receiver
from notification_service.monitoring.webhook import MonitoringWebhook
from notification_service.persistence.retention import SqlRetention
from notification_service.persistence.tables import delivery
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from notification_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.db.engine import create_engine
from servicekit.db.errors import is_bug
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.http.health import HealthCheck
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.consumption import Consumption, check_all, consume_all
from servicekit.messaging.status import ConsumerStatus
from servicekit.outbound.http_client import CONNECT_TIMEOUT_SECONDS, create_http_client

PROCESS = "notification-consumer"
# Of the 10 s that a process has from the stop to its end.
_JOIN_SECONDS = 7.0
# An hour is judged 10 minutes after its end or later, hence after this.
_CAUGHT_UP_SECONDS = 300.0
_RETRY = RetryPolicy()


def run(
    settings: ConsumerSettings,
    templates: TemplateCatalog,
    stop: StopSignal,
    rules: Sequence[AlertRule] = (),
    subscriptions: Sequence[Subscription] = SUBSCRIPTIONS,
) -> None:
    """Consume and deliver until ``stop`` is set. Raises the error that ended consuming or an effect."""
    # It logs every request; what matters of them is in our own lines.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine = create_engine(settings, PROCESS)
    kafka = KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id)
    statuses = {
        each: ConsumerStatus(each.topic, settings.consumer_stuck_after_seconds) for each in subscriptions
    }
    checks: dict[str, HealthCheck] = {
        "database": database_check(engine, SCHEMA, delivery),
        "kafka": kafka.check,
        "consumer": partial(check_all, list(statuses.values())),
    }
    with ExitStack() as scope:
        # Closed in reverse order: the engine last, since all else uses it.
        scope.callback(engine.dispose)
        scope.callback(kafka.close)
        scope.enter_context(admin_server(PROCESS, settings, checks))
        unit_of_work = partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
        counting = [status for each, status in statuses.items() if Effect.ANALYTICS in each.effects]
        raise_alerts = RaiseAlerts(unit_of_work, rules, partial(_are_caught_up, counting), is_bug=is_bug)
        dispatcher = _dispatcher(settings, templates, rules, raise_alerts, unit_of_work, scope, stop)
        consumptions = []
        for each, status in statuses.items():
            accept = AcceptOrderEvents(
                partial(NotificationUnitOfWork, engine, each.consumer_group),
                dispatcher.wake,
                each.template_of(templates, settings.alimtalk_locale),
                each.effects,
            )
            handler = IncomingEventHandler(each.event, accept)
            consumptions.append(Consumption(each.topic, each.consumer_group, handler, status))
        RetentionThread(_retention(settings, engine), stop).start()
        expect_figures()
        dispatcher.start()
        try:
            consume_all(consumptions, settings, engine, stop)
        finally:
            # Consuming may have ended by an error; the effects' threads have to end as well.
            stop.set()
            dispatcher.join(_JOIN_SECONDS)


def _are_caught_up(statuses: Collection[ConsumerStatus]) -> bool:
    return all(status.is_caught_up(_CAUGHT_UP_SECONDS) for status in statuses)


def _retention(settings: ConsumerSettings, engine: Engine) -> Retention:
    return Retention(
        engine,
        SqlRetention(
            recipients=timedelta(hours=settings.recipient_retention_hours),
            deliveries=timedelta(hours=settings.delivery_retention_hours),
            inbox_events=timedelta(hours=settings.inbox_retention_hours),
            customers=timedelta(hours=settings.customer_retention_hours),
            idempotency_keys=timedelta(hours=settings.idempotency_key_retention_hours),
        ).sweeps(),
    )


def _dispatcher(
    settings: ConsumerSettings,
    templates: TemplateCatalog,
    rules: Sequence[AlertRule],
    raise_alerts: RaiseAlerts,
    unit_of_work: UnitOfWorkFactory,
    scope: ExitStack,
    stop: StopSignal,
) -> Dispatcher:
    # Monitoring and alerts share it with all of alimtalk: none waits for a connection.
    client = scope.enter_context(
        create_http_client(
            settings.delivery_timeout_seconds, settings.delivery_parallelism + connections_for(settings) + 1
        )
    )
    deliver_effect = partial(_deliver_effect, settings, unit_of_work, scope)
    alimtalk = AlimtalkEffect(
        settings,
        templates,
        client,
        unit_of_work,
        _RETRY,
        deliver_effect,
        lambda calls, name: _pool(calls, scope, name),
        ProbePolicy(),
    )
    # Before the first message is sent.
    alimtalk.check_first_templates(stop)
    webhook = MonitoringWebhook(client, settings.monitoring_webhook_url)
    notify_monitoring = AttemptDelivery(Effect.MONITORING, webhook, _RETRY, random.random)
    count_in_time_zone = partial(
        CountInTimeZone, adopt_time_zone=AdoptTimeZone(unit_of_work), time_zone=settings.shop_time_zone
    )
    return Dispatcher(
        {
            **alimtalk.work_by_name(),
            Effect.ANALYTICS: count_in_time_zone(
                CountSales(
                    unit_of_work,
                    rules=[rule for rule in rules if isinstance(rule, OrderRule)],
                    is_bug=is_bug,
                )
            ),
            "ANALYTICS_DELAYS": count_in_time_zone(CountDelays(unit_of_work)),
            Effect.CANCELLED_SALES: count_in_time_zone(CountCancellations(unit_of_work, is_bug=is_bug)),
            Effect.MONITORING: deliver_effect(
                Effect.MONITORING,
                notify_monitoring,
                "webhook",
                OpenGate(),
                most=HELD_CALLS * settings.delivery_parallelism,
            ),
            "MEASUREMENT": MeasureNotifications(
                unit_of_work,
                list(alimtalk.providers),
                show_figures,
                notices_are_sent=settings.alert_receiver is not None,
            ),
            **_alerts(settings, raise_alerts, client, unit_of_work),
        },
        stop,
    )


def _alerts(
    settings: ConsumerSettings,
    raise_alerts: RaiseAlerts,
    client: httpx.Client,
    unit_of_work: UnitOfWorkFactory,
) -> dict[str, DeliveryWork]:
    receiver = create_receiver(settings, client)
    if receiver is None:
        return {}
    lease = NoticeLease(
        settings.delivery_lease_seconds, CONNECT_TIMEOUT_SECONDS + settings.delivery_timeout_seconds
    )
    return {
        "ALERTS": raise_alerts,
        "ALERT_NOTICES": SendAlerts(unit_of_work, receiver, _RETRY, lease, random.random),
    }


def _deliver_effect(
    settings: ConsumerSettings,
    unit_of_work: UnitOfWorkFactory,
    scope: ExitStack,
    effect: Effect,
    attempt: AttemptDelivery,
    provider: str,
    gate: Gate,
    held_templates: Callable[[], Collection[str]] = frozenset,
    most: int = 0,
    learn_elsewhere: Callable[[Sequence[CallElsewhere]], None] = lambda _: None,
    together: Together | None = None,
) -> DeliverEffect:
    limits = ClaimLimits(
        most=max(most, settings.delivery_parallelism),
        lease_seconds=settings.delivery_lease_seconds,
        attempt_seconds=settings.delivery_attempt_seconds,
        parallel=settings.delivery_parallelism,
    )
    return DeliverEffect(
        effect,
        attempt,
        unit_of_work,
        provider=provider,
        gate=gate,
        pool=_pool(settings.delivery_parallelism, scope, f"{effect.value.lower()}-{provider}"),
        limits=limits,
        retry=_RETRY,
        held_templates=held_templates,
        learn_elsewhere=learn_elsewhere,
        is_bug=is_bug,
        together=together,
    )


def _pool(calls: int, scope: ExitStack, name: str) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(calls, thread_name_prefix=name)
    # Not waited for: a call that hangs would outlast the time that a stop has.
    scope.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool
