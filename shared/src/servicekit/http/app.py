"""The application that every service begins with."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version

from flask import Response, redirect
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from servicekit.http.described_headers import describe_headers
from servicekit.http.examples import Examples, add_examples
from servicekit.http.front import Front, set_front
from servicekit.http.health import HealthCheck, register_health
from servicekit.http.models import InvalidRequest
from servicekit.http.problems import ProblemTable, register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.validation import invalid_request_problem, register_body_checks
from servicekit.observability.tracing import configure_tracing

_REQUEST_PROBLEMS: ProblemTable = {InvalidRequest: invalid_request_problem}


def create_app(
    distribution: str,
    *,
    checks: Mapping[str, HealthCheck],
    problems: Iterable[ProblemTable] = (),
    routes: Iterable[APIBlueprint] = (),
    examples: Examples | None = None,
    front: Front | None = None,
) -> OpenAPI:
    """An application with ``routes``, and with health, readiness, metrics, OpenAPI and problem+json.

    ``distribution`` gives the OpenAPI document its title and its version. ``checks`` are what ``/readyz``
    asks, by the name in its reply. ``problems`` answer the exceptions of the routes. The document is at
    ``/openapi.json``, with ``examples`` of answers, and can be tried at ``/docs``.
    ``front`` is asked before the application, by servers that know of it.
    """
    configure_tracing(distribution)
    app = OpenAPI(
        distribution,
        info=Info(title=distribution, version=version(distribution)),
        doc_prefix="",
        doc_url="/openapi.json",
    )
    app.url_map.strict_slashes = False
    register_request_context(app)
    register_body_checks(app)
    register_problems(app, _REQUEST_PROBLEMS, *problems)
    register_health(app, checks)
    app.add_url_rule("/docs", "docs", _docs)
    for blueprint in routes:
        app.register_api(blueprint)
    if front is not None:
        set_front(app, front)
    if examples is not None:
        add_examples(app, examples)
    describe_headers(app)
    return app


def _docs() -> Response | BaseResponse:
    return redirect("/swagger")
