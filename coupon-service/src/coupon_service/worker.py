"""The worker's composition root."""

from contextlib import closing
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from coupon_service.application.count_differences import CountDifferences
from coupon_service.application.measure_undecided import MeasureUndecided
from coupon_service.application.use_freed_coupons import UseFreedCoupons
from coupon_service.config import WorkerSettings
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.metrics import expect_figures
from coupon_service.migrations import SCHEMA
from coupon_service.persistence.retention import SqlRetention
from coupon_service.persistence.tables import coupon
from coupon_service.persistence.undecided_pages import SqlUndecidedPages
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from coupon_service.persistence.user_coupon_expiry import SqlUserCouponExpiry
from coupon_service.schedule import DifferencesThread, UndecidedThread
from coupon_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.http.health import HealthCheck
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.consumption import Consumption, check_all, consume_all
from servicekit.messaging.status import ConsumerStatus

PROCESS = "coupon-worker"


def run(settings: WorkerSettings, stop: StopSignal) -> None:
    """Read all topics and remove old rows until ``stop`` is set.

    Raises like :func:`servicekit.messaging.run.run_consumer`.
    """
    engine = create_engine(settings, PROCESS)
    consumptions = [_consumption(each, settings, engine) for each in SUBSCRIPTIONS]
    with closing(KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id)) as kafka:
        checks: dict[str, HealthCheck] = {
            "database": database_check(engine, SCHEMA, coupon),
            "kafka": kafka.check,
            "consumer": partial(check_all, [each.status for each in consumptions]),
        }
        with admin_server(PROCESS, settings, checks):
            RetentionThread(_retention(settings, engine), stop).start()
            expect_figures()
            pages = SqlUndecidedPages(engine, COUPON_PUBLISH_REQUESTED.topic)
            UndecidedThread(MeasureUndecided(pages), stop).start()
            unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
            DifferencesThread(UseFreedCoupons(unit_of_work), CountDifferences(unit_of_work), stop).start()
            consume_all(consumptions, settings, engine, stop)


def _consumption(subscription: Subscription, settings: WorkerSettings, engine: Engine) -> Consumption:
    return Consumption(
        subscription.topic,
        subscription.consumer_group,
        subscription.handler(engine),
        ConsumerStatus(subscription.topic, settings.consumer_stuck_after_seconds),
        subscription.most_poll_records,
    )


def _retention(settings: WorkerSettings, engine: Engine) -> Retention:
    removal = SqlRetention(
        idempotency_keys=timedelta(hours=settings.idempotency_key_retention_hours),
        requests=timedelta(hours=settings.request_retention_hours),
        inbox_events=timedelta(hours=settings.inbox_retention_hours),
        history=timedelta(hours=settings.history_retention_hours),
    )
    # What users see doesn't wait for this: a reservation ends when its time is over.
    return Retention(engine, {**SqlUserCouponExpiry().sweeps(), **removal.sweeps()})
