"""The composition root of ``coupon-service watch``."""

import resource
from functools import partial

import structlog
from flask import Flask

from coupon_service.application.watch_requests import WatchRequests
from coupon_service.config import WatchSettings
from coupon_service.http.watching.server import Report, WatchServer
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.migrations import SCHEMA
from coupon_service.persistence.tables import coupon
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.http.admin import admin_app
from servicekit.lifecycle import StopSignal

PROCESS = "coupon-watch"
_OTHER_FILES = 100

_log = structlog.get_logger(__name__)


def run(settings: WatchSettings, stop: StopSignal) -> None:
    """Serve streams of places and decisions until ``stop`` is set."""
    engine = create_engine(settings, PROCESS)
    # It only reads, so a read-only database will do.
    checks = {"database": database_check(engine, SCHEMA, coupon, writes=False)}
    server = WatchServer(
        WatchRequests(partial(CouponUnitOfWork, engine, CONSUMER_GROUP)),
        _reports(admin_app(PROCESS, checks)),
        stop,
        max_watchers=min(settings.max_watchers, _allowed_watchers()),
        refresh_seconds=settings.refresh_ms / 1000,
        head_seconds=settings.http_request_timeout_seconds,
    )
    server.run(settings.http_host, settings.http_port)


def _reports(app: Flask) -> Report:
    """The pages of ``app``, served by the watch server itself."""

    def report(path: str) -> tuple[int, str, bytes]:
        reply = app.test_client().get(path)
        return reply.status_code, reply.content_type, reply.data

    return report


def _allowed_watchers() -> int:
    """As many as the hard limit of open files allows; the soft limit is raised to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    allowed = max(1, hard - _OTHER_FILES)
    _log.info("files_allowed", files=hard)
    return allowed
