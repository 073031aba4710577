"""How a sandbox becomes a server: its operating endpoints, and its doubles beside them."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from flask import Blueprint, Flask
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from provider_sandbox.config import SandboxSettings
from provider_sandbox.controls import ControlSource
from provider_sandbox.database import Database
from provider_sandbox.webhooks.sender import WebhookSender
from servicekit.http.app import create_app
from servicekit.http.problems import register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.server import HttpServer
from servicekit.http.validation import MAX_BODY_BYTES

SERVICE = "provider-sandbox"


def application(
    database: Database,
    operating: Iterable[APIBlueprint],
    prefix: str,
    doubles: Iterable[Blueprint],
    *,
    strict_slashes: bool,
) -> Flask:
    """The operating endpoints, and below ``prefix`` the doubles, without the rules of our own services."""
    app = create_app(SERVICE, checks={"record": database.check}, routes=operating)
    mounted = Flask("doubles")
    mounted.url_map.strict_slashes = strict_slashes
    # What the server hands on of a longer body is cut off.
    mounted.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    register_request_context(mounted)
    register_problems(mounted)
    for double in doubles:
        mounted.register_blueprint(double)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: mounted.wsgi_app})  # type: ignore[method-assign]
    return app


@contextmanager
def served(
    settings: SandboxSettings,
    database: Database,
    app: Flask,
    sender: WebhookSender,
    sources: Iterable[ControlSource[Any]],
) -> Iterator[int]:
    """Serve during the block, which gets the port. Raises OSError if the port is taken."""
    server = HttpServer(app, settings.http_host, settings.http_port, threads=settings.http_threads)
    with closing(database), server:
        sender.start()
        try:
            yield server.port
        finally:
            for source in sources:
                source.close()
            sender.stop()
