"""Health and metrics for a process that serves nothing else."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from flask import Flask

from servicekit.config import AdminSettings
from servicekit.http.health import HealthCheck, register_health
from servicekit.http.problems import register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.server import HttpServer


def admin_app(process: str, checks: Mapping[str, HealthCheck]) -> Flask:
    """``/healthz``, ``/readyz`` and ``/metrics`` of ``process``."""
    app = Flask(process)
    register_request_context(app)
    register_problems(app)
    register_health(app, checks)
    return app


@contextmanager
def admin_server(process: str, settings: AdminSettings, checks: Mapping[str, HealthCheck]) -> Iterator[None]:
    """Serve :func:`admin_app` during the block, unless the settings name no port for it."""
    if settings.admin_port == 0:
        yield
        return
    app = admin_app(process, checks)
    with HttpServer(app, settings.admin_host, settings.admin_port, timeouts=settings):
        yield
