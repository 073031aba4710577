"""The worker's composition root."""

from contextlib import closing
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.application.measure_undecided import MeasureUndecided
from coupon_service.config import WorkerSettings
from coupon_service.messaging.incoming_coupon_publish_requested import (
    CONSUMER_GROUP,
    CouponPublishRequestedHandler,
)
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.migrations import SCHEMA
from coupon_service.persistence.retention import SqlRetention
from coupon_service.persistence.tables import coupon
from coupon_service.persistence.undecided_pages import SqlUndecidedPages
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from coupon_service.persistence.user_coupon_expiry import SqlUserCouponExpiry
from coupon_service.schedule import UndecidedThread
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.inbox.offsets import OffsetStore
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.run import run_consumer
from servicekit.messaging.status import ConsumerStatus

PROCESS = "coupon-worker"


def run(settings: WorkerSettings, stop: StopSignal) -> None:
    """Decide requests and remove old rows until ``stop`` is set.

    Raises like :func:`servicekit.messaging.run.run_consumer`.
    """
    engine = create_engine(settings, PROCESS)
    unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
    handler = CouponPublishRequestedHandler(DecideRequests(unit_of_work))
    status = ConsumerStatus(COUPON_PUBLISH_REQUESTED.topic, settings.consumer_stuck_after_seconds)
    with closing(KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id)) as kafka:
        checks = {
            "database": database_check(engine, SCHEMA, coupon),
            "kafka": kafka.check,
            "consumer": status.check,
        }
        with admin_server(PROCESS, settings, checks):
            RetentionThread(_retention(settings, engine), stop).start()
            pages = SqlUndecidedPages(engine, COUPON_PUBLISH_REQUESTED.topic)
            UndecidedThread(MeasureUndecided(pages), stop).start()
            run_consumer(
                settings,
                topic=COUPON_PUBLISH_REQUESTED.topic,
                group_id=CONSUMER_GROUP,
                handler=handler,
                stop=stop,
                status=status,
                offsets=OffsetStore(engine, CONSUMER_GROUP),
            )


def _retention(settings: WorkerSettings, engine: Engine) -> Retention:
    removal = SqlRetention(
        idempotency_keys=timedelta(hours=settings.idempotency_key_retention_hours),
        requests=timedelta(hours=settings.request_retention_hours),
        inbox_events=timedelta(hours=settings.inbox_retention_hours),
    )
    # What users see doesn't wait for this: a reservation ends when its time is over.
    return Retention(engine, {**SqlUserCouponExpiry().sweeps(), **removal.sweeps()})
