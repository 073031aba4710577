"""The consumer's composition root: Kafka → inbox and deliveries → three effects."""

import logging
import math
import random
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import structlog
from sqlalchemy import Engine

from notification_service.alimtalk.providers import create_provider, create_template_register
from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.application.adopt_time_zone import AdoptTimeZone
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.check_templates import CheckTemplates
from notification_service.application.count_delays import CountDelays
from notification_service.application.count_in_time_zone import CountInTimeZone
from notification_service.application.count_sales import CountSales
from notification_service.application.deliver_effect import ClaimLimits, DeliverEffect
from notification_service.application.delivering.provider_gate import OpenGate, ProviderGate
from notification_service.application.hold_unapproved import HoldUnapproved
from notification_service.application.keep_quiet_hours import KeepQuietHours
from notification_service.application.measure_notifications import MeasureNotifications
from notification_service.application.ports import (
    AlimtalkProvider,
    CheckDelivery,
    Courier,
    DeliveryWork,
    Gate,
    UnitOfWorkFactory,
)
from notification_service.application.raise_alerts import RaiseAlerts
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alerts import NoticeLease, SendAlerts
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.config import ConsumerSettings
from notification_service.consumption import Consumption, consume_all
from notification_service.dispatcher import Dispatcher
from notification_service.domain.alert_rule import AlertRule, OrderRule
from notification_service.domain.delivery import Effect
from notification_service.domain.provider_state import ProbePolicy
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.messaging.incoming_event import IncomingEventHandler
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.metrics import count_call, show_figures, show_oldest_notice
from notification_service.migrations import SCHEMA
from notification_service.monitoring.receivers import create_receiver
from notification_service.monitoring.webhook import MonitoringWebhook
from notification_service.persistence.retention import SqlRetention
from notification_service.persistence.tables import delivery
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from notification_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.http.health import HealthCheck
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.status import ConsumerStatus
from servicekit.outbound.http_client import CONNECT_TIMEOUT_SECONDS, create_http_client

PROCESS = "notification-consumer"
# Of the 10 s that a process has from the stop to its end.
_JOIN_SECONDS = 7.0
# Of DELIVERY_PARALLELISM: SENS is asked about one message a call, while as many are sent.
_CALLS_FOR_RESULTS = 2
_MOST_RESULTS = 1_000
# Of the provider's limit. Three processes hold three times as much, and claim again at half of it.
_HELD_SECONDS = 0.25
# An hour is judged 10 minutes after its end or later, hence after this.
_CAUGHT_UP_SECONDS = 300.0
_RETRY = RetryPolicy()

_log = structlog.get_logger(__name__)


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
        "consumer": partial(_check_all, statuses.values()),
    }
    with ExitStack() as scope:
        # Closed in reverse order: the engine last, since all else uses it.
        scope.callback(engine.dispose)
        scope.callback(kafka.close)
        scope.enter_context(admin_server(PROCESS, settings, checks))
        unit_of_work = partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
        counting = [status for each, status in statuses.items() if Effect.ANALYTICS in each.effects]
        raise_alerts = RaiseAlerts(unit_of_work, rules, partial(_are_caught_up, counting), show_oldest_notice)
        dispatcher = _dispatcher(settings, templates, rules, raise_alerts, unit_of_work, scope, stop)
        consumptions = []
        for each, status in statuses.items():
            template = each.template_code(templates, settings.alimtalk_locale)
            accept = AcceptCompletedOrders(
                partial(NotificationUnitOfWork, engine, each.consumer_group),
                dispatcher.wake,
                template,
                each.effects,
            )
            handler = IncomingEventHandler(each.event, accept)
            consumptions.append(Consumption(each.topic, each.consumer_group, handler, status))
        RetentionThread(_retention(settings, engine), stop).start()
        dispatcher.start()
        try:
            consume_all(consumptions, settings, engine, stop)
        finally:
            # Consuming may have ended by an error; the effects' threads have to end as well.
            stop.set()
            dispatcher.join(_JOIN_SECONDS)


def _check_all(statuses: Collection[ConsumerStatus]) -> None:
    for status in statuses:
        status.check()


def _are_caught_up(statuses: Collection[ConsumerStatus]) -> bool:
    return all(status.is_caught_up(_CAUGHT_UP_SECONDS) for status in statuses)


def _retention(settings: ConsumerSettings, engine: Engine) -> Retention:
    return Retention(
        engine,
        SqlRetention(
            recipients=timedelta(hours=settings.recipient_retention_hours),
            deliveries=timedelta(hours=settings.delivery_retention_hours),
            inbox_events=timedelta(hours=settings.inbox_retention_hours),
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
    # Sending and asking for results share it with monitoring, and templates and alerts go one by one: none
    # waits for a connection.
    client = scope.enter_context(
        create_http_client(
            settings.delivery_timeout_seconds, (2 + _CALLS_FOR_RESULTS) * settings.delivery_parallelism + 2
        )
    )
    provider = create_provider(settings, client)
    check_templates = _check_templates(settings, templates, client)
    # Before the first message is sent.
    check_templates(stop)
    without_id = _codes_without_id(settings, templates)
    send_alimtalk = _send_alimtalk(settings, templates, provider, check_templates)
    gate = ProviderGate(
        provider.name, settings.alimtalk_limit_per_second, ProbePolicy(), settings.delivery_lease_seconds
    )
    webhook = MonitoringWebhook(client, settings.monitoring_webhook_url)
    notify_monitoring = AttemptDelivery(Effect.MONITORING, webhook, _RETRY, random.random)
    deliver_effect = partial(_deliver_effect, settings, unit_of_work, scope)
    count_in_time_zone = partial(
        CountInTimeZone, adopt_time_zone=AdoptTimeZone(unit_of_work), time_zone=settings.shop_time_zone
    )
    return Dispatcher(
        {
            Effect.ALIMTALK: deliver_effect(
                Effect.ALIMTALK,
                send_alimtalk,
                provider.name,
                gate,
                lambda: check_templates.held() | without_id,
                most=_most_held(settings, provider),
            ),
            Effect.ANALYTICS: count_in_time_zone(
                CountSales(unit_of_work, rules=[rule for rule in rules if isinstance(rule, OrderRule)])
            ),
            "ANALYTICS_DELAYS": count_in_time_zone(CountDelays(unit_of_work)),
            Effect.MONITORING: deliver_effect(Effect.MONITORING, notify_monitoring, "webhook", OpenGate()),
            "ALIMTALK_RESULTS": _ask_for_results(settings, unit_of_work, scope, provider),
            "ALIMTALK_TEMPLATES": check_templates,
            "MEASUREMENT": MeasureNotifications(unit_of_work, [provider.name], show_figures),
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


def _send_alimtalk(
    settings: ConsumerSettings,
    templates: TemplateCatalog,
    provider: AlimtalkProvider,
    check_templates: CheckTemplates,
) -> AttemptDelivery:
    write = WriteAlimtalk(
        templates,
        has_sms=settings.alimtalk_has_sms,
        codes_with_ids=templates.codes - _codes_without_id(settings, templates),
    )
    held = HoldUnapproved(
        SendAlimtalk(provider, settings.alimtalk_processing_seconds, write),
        check_templates.obstacle_of,
        check_templates.doubt,
    )
    courier: Courier = held
    checks: list[CheckDelivery] = [held.check, write]
    if settings.quiet_hours is not None:
        quiet = KeepQuietHours(held, settings.quiet_hours, partial(datetime.now, UTC))
        courier = quiet
        checks.insert(0, quiet.check)
    count = partial(count_call, provider.name)
    return AttemptDelivery(Effect.ALIMTALK, courier, _RETRY, random.random, count, checks)


def _codes_without_id(settings: ConsumerSettings, templates: TemplateCatalog) -> frozenset[str]:
    """Of templates that the provider knows by an id of its own, which isn't set."""
    ids = settings.alimtalk_template_ids
    return frozenset() if ids is None else templates.codes - ids[1].keys()


def _check_templates(
    settings: ConsumerSettings, templates: TemplateCatalog, client: httpx.Client
) -> CheckTemplates:
    register = create_template_register(settings, client)
    if register is None:
        _log.info("alimtalk_templates_not_checked", provider=settings.alimtalk_provider)
    return CheckTemplates(register, templates, settings.alimtalk_locale)


def _most_held(settings: ConsumerSettings, provider: AlimtalkProvider) -> int:
    """How many messages a process claims ahead, so that no slot is lost while it waits for the database.

    After a crash, what was sent of them is unknown: none are claimed ahead if the provider can't say.
    """
    return math.ceil(_HELD_SECONDS * settings.alimtalk_limit_per_second) if provider.can_look_up else 0


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
) -> DeliverEffect:
    limits = ClaimLimits(
        most=max(most, settings.delivery_parallelism),
        lease_seconds=settings.delivery_lease_seconds,
        attempt_seconds=settings.delivery_attempt_seconds,
    )
    return DeliverEffect(
        effect,
        attempt,
        unit_of_work,
        provider=provider,
        gate=gate,
        pool=_pool(settings.delivery_parallelism, scope, effect.value.lower()),
        limits=limits,
        retry=_RETRY,
        held_templates=held_templates,
    )


def _ask_for_results(
    settings: ConsumerSettings, unit_of_work: UnitOfWorkFactory, scope: ExitStack, provider: AlimtalkProvider
) -> AskForResults:
    calls = _CALLS_FOR_RESULTS * settings.delivery_parallelism
    return AskForResults(
        provider,
        unit_of_work,
        RecordResults(unit_of_work),
        pool=_pool(calls, scope, "alimtalk-results"),
        batch_size=min(_MOST_RESULTS, 2 * calls * (provider.results_at_once or _MOST_RESULTS)),
        # Two rounds of the pool: other processes may take what a slow one left.
        most_calls=2 * calls,
        expire_after_seconds=settings.alimtalk_result_hours * 3600.0,
    )


def _pool(calls: int, scope: ExitStack, name: str) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(calls, thread_name_prefix=name)
    # Not waited for: a call that hangs would outlast the time that a stop has.
    scope.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool
