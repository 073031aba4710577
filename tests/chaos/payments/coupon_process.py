"""coupon-service's own code in a process that may die: over HTTP, and for the events of orders."""

import socket
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from coupon_service.application.change_user_coupon import ChangeUserCoupon
from coupon_service.application.read_user_coupon import ReadUserCoupon
from coupon_service.application.read_user_coupon_changes import ReadUserCouponChanges
from coupon_service.application.restore_coupons import RestoreCoupons
from coupon_service.application.use_coupons import UseCoupons
from coupon_service.http.problems import PROBLEMS
from coupon_service.http.user_coupon_changes import user_coupon_change_routes
from coupon_service.messaging import incoming_order_cancelled, incoming_order_completed
from coupon_service.messaging.incoming_order_cancelled import OrderCancelledHandler
from coupon_service.messaging.incoming_order_completed import OrderCompletedHandler
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.config import DatabaseSettings
from servicekit.db import breaker
from servicekit.db.engine import create_engine
from servicekit.db.problems import DATABASE_PROBLEMS
from servicekit.http.app import create_app
from servicekit.messaging.records import ReceivedRecord
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.database import APPLICATION, PATIENCE_SECONDS
from tests.chaos.payments.forked import Say

BOUNDARIES_BEGIN = "coupons/"
PASSED = "/passed"


class CouponProcess:
    """Made in the warm parent, since an application takes long to make; nothing is connected until then."""

    def __init__(self, database_url: str) -> None:
        database = DatabaseSettings(
            database_url=database_url,
            database_connect_timeout_seconds=PATIENCE_SECONDS,
            database_idle_in_transaction_timeout_ms=PATIENCE_SECONDS * 1000,
        )
        self._engine = create_engine(database, APPLICATION)
        self._app = self._application()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def serve(self, deadly: int | None, say: Say) -> None:
        """One request at a time, in a child of the warm parent, until it is killed."""
        breaker.SILENCE_SECONDS = PATIENCE_SECONDS
        boundaries = Boundaries(deadly, say)
        boundaries.watch_statements(self._engine)
        self._app.add_url_rule(PASSED, "passed", lambda: boundaries.passed)
        watched = partial(_watched, boundaries, self._app.wsgi_app)
        self._app.wsgi_app = watched  # type: ignore[method-assign]
        host, port = self._listening.getsockname()
        make_server(
            host, port, self._app, request_handler=_Silent, fd=self._listening.fileno()
        ).serve_forever()

    def _application(self) -> Flask:
        unit_of_work = partial(CouponUnitOfWork, self._engine, "no-group")
        routes = user_coupon_change_routes(
            ChangeUserCoupon(unit_of_work), ReadUserCoupon(unit_of_work), ReadUserCouponChanges(unit_of_work)
        )
        app = create_app("coupon-service", checks={}, problems=[PROBLEMS, DATABASE_PROBLEMS], routes=[routes])
        completed, cancelled = incoming_order_completed, incoming_order_cancelled
        use = UseCoupons(partial(CouponUnitOfWork, self._engine, completed.CONSUMER_GROUP))
        restore = RestoreCoupons(partial(CouponUnitOfWork, self._engine, cancelled.CONSUMER_GROUP))
        handlers = {
            completed.ORDER_COMPLETED.topic: OrderCompletedHandler(use),
            cancelled.ORDER_CANCELLED.topic: OrderCancelledHandler(restore),
        }
        app.add_url_rule("/topics/<topic>", "topics", partial(_handled, handlers), methods=["POST"])
        return app


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Nothing."""


def _handled(handlers: Mapping[str, Any], topic: str) -> Response:
    """What a consumer does with a poll's only record."""
    handler = handlers[topic]
    record = ReceivedRecord(topic, 0, 0, request.args["key"].encode(), request.get_data())
    refused = handler.handle([handler.parse(record)])
    return Response(str(refused), 422 if refused else 204)


def _watched(
    boundaries: Boundaries, wsgi_app: Callable[..., Iterable[bytes]], environ: Mapping[str, Any], start: Any
) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == PASSED:
        return wsgi_app(environ, start)
    boundaries.begin(BOUNDARIES_BEGIN + path.rpartition("/")[2])
    boundaries.at("before", "POST")
    reply = wsgi_app(environ, start)
    boundaries.at("after", "POST")
    return reply
