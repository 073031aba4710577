"""The API's composition root."""

import json
from functools import partial
from pathlib import Path

from flask_openapi3.openapi import OpenAPI
from sqlalchemy import Engine

from coupon_service.application.accept_request_alone import AcceptRequestAlone
from coupon_service.application.accept_requests import AcceptRequests
from coupon_service.application.change_coupon import ChangeCoupon
from coupon_service.application.change_user_coupon import ChangeUserCoupon
from coupon_service.application.create_coupon import CreateCoupon
from coupon_service.application.find_keys import FindKeys
from coupon_service.application.read_coupon import ReadCoupon
from coupon_service.application.read_coupon_changes import ReadCouponChanges
from coupon_service.application.read_coupon_request import ReadCouponRequest
from coupon_service.application.read_coupon_requests import ReadCouponRequests
from coupon_service.application.read_coupons import ReadCoupons
from coupon_service.application.read_user_coupon import ReadUserCoupon
from coupon_service.application.read_user_coupon_changes import ReadUserCouponChanges
from coupon_service.application.read_user_coupons import ReadUserCoupons
from coupon_service.application.request_coupon import RequestCoupon
from coupon_service.config import ApiSettings, WatchSettings
from coupon_service.http.coupon_changes import coupon_change_routes
from coupon_service.http.coupon_requests import coupon_request_routes
from coupon_service.http.coupons import coupon_routes
from coupon_service.http.poll_front import POLL_PAUSE_SECONDS, PollFront
from coupon_service.http.press_front import PressFront
from coupon_service.http.problems import PROBLEMS
from coupon_service.http.user_coupon_changes import user_coupon_change_routes
from coupon_service.http.user_coupons import user_coupon_routes
from coupon_service.http.watching.description import describe_stream
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.migrations import SCHEMA
from coupon_service.persistence.coupon_gate import SqlCouponGate
from coupon_service.persistence.tables import coupon
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.batches import Batches, BatchThread
from servicekit.config import read_settings
from servicekit.db.engine import create_engine
from servicekit.db.errors import may_be_of_one_row
from servicekit.db.health import database_check
from servicekit.db.problems import DATABASE_PROBLEMS
from servicekit.http.app import create_app
from servicekit.http.examples import Examples
from servicekit.http.front import first_of
from servicekit.lifecycle import StopSignal
from servicekit.observability.tracing import configure_tracing

SERVICE = "coupon-service"


def create_application() -> OpenAPI:
    """What gunicorn calls in each worker process."""
    settings = read_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    stop = StopSignal()
    # A worker of gunicorn ends with its requests, so requests that wait for a decision must end at once.
    stop.install_before_handlers()
    # Of three threads or more, one at least stays free for users that request coupons: see below.
    max_waiting = max(1, settings.http_threads // 2)
    return build_application(create_engine(settings, "coupon-api"), stop, max_waiting)


def build_application(engine: Engine, stop: StopSignal, max_waiting: int) -> OpenAPI:
    """At most ``max_waiting`` HTTP requests wait for a decision at a time, and half as many for a held key.

    ``stop`` ends the waiting for decisions, and the gate's thread, which begins with the first request for a
    coupon.
    """
    unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
    problems = [PROBLEMS, DATABASE_PROBLEMS]
    accept_requests = AcceptRequests(unit_of_work, coupon_publish_requested, waits_for_keys=False)
    create_coupon = CreateCoupon(unit_of_work)
    read_coupon = ReadCoupon(unit_of_work)
    read_coupons = ReadCoupons(unit_of_work)
    request_coupon = RequestCoupon(
        SqlCouponGate(unit_of_work, stop),
        find_key=Batches(FindKeys(unit_of_work)),
        # Requests that arrive while another transaction is under way share the next one.
        accept=Batches(accept_requests, concerns_one=may_be_of_one_row),
        # Fewer: together with readers that wait, as many would take every thread.
        accept_alone=AcceptRequestAlone(
            AcceptRequests(unit_of_work, coupon_publish_requested), max(1, max_waiting // 2)
        ),
    )
    read_coupon_requests = ReadCouponRequests(unit_of_work)
    read_coupon_request = ReadCouponRequest(Batches(read_coupon_requests), stop, max_waiting)
    read_user_coupons = ReadUserCoupons(unit_of_work)
    app = create_app(
        SERVICE,
        examples=_examples("examples.json"),
        checks={"database": database_check(engine, SCHEMA, coupon)},
        problems=problems,
        front=first_of(
            PressFront(
                request_coupon, BatchThread(accept_requests, concerns_one=may_be_of_one_row), *problems
            ),
            PollFront(BatchThread(read_coupon_requests, pause_seconds=POLL_PAUSE_SECONDS), *problems),
        ),
        routes=[
            coupon_routes(create_coupon, read_coupon, read_coupons),
            coupon_change_routes(ChangeCoupon(unit_of_work), ReadCouponChanges(unit_of_work)),
            coupon_request_routes(request_coupon, read_coupon_request),
            user_coupon_routes(read_user_coupons),
            user_coupon_change_routes(
                ChangeUserCoupon(unit_of_work),
                ReadUserCoupon(unit_of_work),
                ReadUserCouponChanges(unit_of_work),
            ),
        ],
    )
    # Its clients read one document, whichever process answers them.
    describe_stream(app, _examples("watch_examples.json"), WatchSettings.model_fields["http_port"].default)
    return app


def _examples(file_name: str) -> Examples:
    examples: Examples = json.loads(Path(__file__).with_name(file_name).read_text(encoding="utf-8"))
    return examples
