"""The application that every service begins with."""

from collections.abc import Mapping

from flask import Response, redirect
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from servicekit.http.health import HealthCheck, register_health
from servicekit.http.problems import ProblemReply, register_common_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.validation import register_body_checks, validation_reply
from servicekit.observability.tracing import configure_tracing


def create_app(service: str, version: str, checks: Mapping[str, HealthCheck]) -> OpenAPI:
    """An application with health, readiness, metrics, OpenAPI and problem+json, and no route of its own.

    ``checks`` are what ``/readyz`` asks, by the name that it tells. The document is at ``/openapi.json``
    and can be tried at ``/docs``.
    """
    configure_tracing(service)
    app = OpenAPI(
        service,
        info=Info(title=service, version=version),
        doc_prefix="",
        doc_url="/openapi.json",
        responses={"default": ProblemReply},
        validation_error_callback=validation_reply,
        validation_error_model=ProblemReply,
    )
    app.url_map.strict_slashes = False
    register_request_context(app)
    register_body_checks(app)
    register_common_problems(app)
    register_health(app, checks)
    app.add_url_rule("/docs", "docs", _docs)
    return app


def _docs() -> Response | BaseResponse:
    return redirect("/swagger")
