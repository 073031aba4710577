"""The relay's HTTP API, and the server that answers it."""

import sys
from collections.abc import Mapping

import click
from flask import Flask

from outbox_relay.operations.dead_letters_http import dead_letter_routes
from outbox_relay.operations.problems import PROBLEMS
from outbox_relay.operations.sources_http import source_routes
from outbox_relay.postgresql.dead_letter_operations import OPERATIONS_AT_ONCE, DeadLetterOperations
from outbox_relay.running.readiness import readiness_checks
from outbox_relay.running.status import StatusBoard
from servicekit.http.app import create_app
from servicekit.http.server import HttpServer

_THREADS_FOR_OTHERS = 4


def create_relay_app(board: StatusBoard, dead_letters: Mapping[str, DeadLetterOperations]) -> Flask:
    """The application over what ``board`` knows, and the dead letters of each source."""
    return create_app(
        "outbox-relay",
        checks=readiness_checks(board),
        problems=[PROBLEMS],
        routes=[source_routes(board), dead_letter_routes(dead_letters)],
    )


def listening(app: Flask, host: str, port: int, sources: int) -> HttpServer:
    """A server that has started, with threads for so many sources. Exits with 2 if it can't listen."""
    # Enough threads for /healthz however many operators wait for databases that don't answer.
    server = HttpServer(app, host, port, _THREADS_FOR_OTHERS + OPERATIONS_AT_ONCE * sources)
    try:
        server.start()
    except OSError as error:
        click.echo(f"outbox-relay: can't listen on {host}:{port} (HTTP_HOST, HTTP_PORT): {error}", err=True)
        sys.exit(2)
    return server
