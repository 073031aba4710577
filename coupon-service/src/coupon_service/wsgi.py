"""The API, composed."""

import signal
from collections.abc import Callable
from types import FrameType

from flask import Flask
from sqlalchemy import Engine

from coupon_service import __version__
from coupon_service.application.acceptance import TransactionalAcceptance
from coupon_service.application.coupon_directory import CachedCouponDirectory
from coupon_service.application.create_coupon import CreateCoupon
from coupon_service.application.issue_coupon import IssueCoupon
from coupon_service.application.read_coupon import ReadCoupon
from coupon_service.application.read_request import ReadCouponRequest
from coupon_service.application.read_user_coupons import ReadUserCoupons
from coupon_service.config import ApiSettings
from coupon_service.http.coupon_routes import coupon_routes
from coupon_service.http.problems import register_problems
from coupon_service.http.request_routes import request_routes
from coupon_service.http.user_coupon_routes import user_coupon_routes
from coupon_service.persistence.database import CouponDatabase
from servicekit.clock import SystemClock
from servicekit.config import load_settings
from servicekit.db.engine import create_engine
from servicekit.http.app import create_app
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from servicekit.observability.tracing import configure_tracing

SERVICE = "coupon-service"


def create_application() -> Flask:
    """What gunicorn calls in each of its workers."""
    settings = load_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    stop = StopSignal()
    _stop_before_the_server_does(stop)
    # Half of the threads stay free for those who ask for coupons.
    max_waiting = max(1, settings.http_threads // 2)
    return compose(create_engine(settings, application_name="coupon-api"), stop, max_waiting)


def compose(engine: Engine, stop: StopSignal, max_waiting: int) -> Flask:
    """The application. At most ``max_waiting`` requests wait for a decision; ``stop`` ends their waiting."""
    clock = SystemClock()
    database = CouponDatabase(engine)
    issue_coupon = IssueCoupon(
        CachedCouponDirectory(database), TransactionalAcceptance(database, uuid7), clock, uuid7
    )
    read_request = ReadCouponRequest(database, stop, max_waiting)
    app = create_app(SERVICE, __version__, {"database": database.check})
    app.register_api(coupon_routes(CreateCoupon(database, clock), ReadCoupon(database), clock))
    app.register_api(request_routes(issue_coupon, read_request))
    app.register_api(user_coupon_routes(ReadUserCoupons(database)))
    register_problems(app)
    return app


def _stop_before_the_server_does(stop: StopSignal) -> None:
    """Set ``stop`` on a signal that ends gunicorn's worker, then let gunicorn's own handler go on."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, _setting(stop, signal.getsignal(number)))


def _setting(
    stop: StopSignal, then: Callable[[int, FrameType | None], object] | int | None
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        if callable(then):
            then(number, frame)

    return handle
