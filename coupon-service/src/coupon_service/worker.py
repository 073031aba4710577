"""The worker, composed: decides requests for coupons."""

from contextlib import ExitStack

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.config import WorkerSettings
from coupon_service.messaging.coupon_requests_handler import TOPIC, CouponRequestsHandler
from coupon_service.persistence.database import CONSUMER_GROUP, CouponDatabase
from servicekit.clock import SystemClock
from servicekit.db.engine import create_engine
from servicekit.http.admin import admin_app
from servicekit.http.server import HttpServer
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe
from servicekit.lifecycle import StopSignal
from servicekit.messaging.run import run_consumer

SERVICE = "coupon-worker"


def run_worker(settings: WorkerSettings, stop: StopSignal) -> None:
    """Decide until ``stop`` is set. Raises what is neither a bad message nor a passing outage."""
    database = CouponDatabase(create_engine(settings, application_name=SERVICE))
    handler = CouponRequestsHandler(DecideRequests(database, SystemClock()))
    with ExitStack() as scope:
        if settings.admin_port:
            kafka = KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id)
            scope.callback(kafka.close)
            app = admin_app(SERVICE, {"database": database.check, "kafka": kafka.check})
            scope.enter_context(HttpServer(app, settings.admin_host, settings.admin_port))
        run_consumer(settings, topic=TOPIC, group_id=CONSUMER_GROUP, handler=handler, stop=stop)
