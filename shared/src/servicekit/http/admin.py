"""Health and metrics for a process that serves nothing else."""

from collections.abc import Mapping

from flask import Flask

from servicekit.http.health import HealthCheck, register_health
from servicekit.http.problems import register_common_problems
from servicekit.http.request_context import register_request_context


def admin_app(service: str, checks: Mapping[str, HealthCheck]) -> Flask:
    """``/healthz``, ``/readyz`` and ``/metrics`` of ``service``."""
    app = Flask(service)
    register_request_context(app)
    register_common_problems(app)
    register_health(app, checks)
    return app
