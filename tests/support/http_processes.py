"""Both of servicekit's HTTP servers as real processes, with an application that needs no other server."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from flask_openapi3.openapi import OpenAPI
from gunicorn.http.message import Request

from devstack.free_ports import find_free_ports
from devstack.repository import ROOT
from servicekit.http.app import create_app
from servicekit.http.front import Later, headers_if_plain
from servicekit.http.front_request import FrontRequest
from servicekit.http.replies import json_reply
from tests.support.command_process import CommandProcess
from tests.support.waiting import wait_until

KINDS = ("api", "admin")
_APPLICATION = f"{__name__}:create_application()"
_API = f"""
from servicekit.config import HttpSettings
from servicekit.http.gunicorn import serve
serve("{_APPLICATION}", "test-api", HttpSettings())
"""
_ADMIN = f"""
import os
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal
from {__name__} import create_application
stop = StopSignal()
stop.install()
with HttpServer(create_application(), "127.0.0.1", int(os.environ["HTTP_PORT"])):
    stop.wait()
"""


def create_application() -> OpenAPI:
    """``POST /things`` answers 201, ``GET /slow`` after five seconds; :func:`_front` is its front."""
    app = create_app("servicekit", checks={}, front=_front)

    @app.post("/things")
    def create() -> Any:
        return json_reply({}, 201)

    @app.get("/slow")
    def slow() -> Any:
        time.sleep(5)
        return json_reply({})

    return app


def _front(request: Request) -> bytes | Later | None:
    """Answers ``/front/now`` at once, and ``/front/later`` from a thread."""
    headers = headers_if_plain(request)
    if headers is None or not request.path.startswith("/front/"):
        return None
    own = FrontRequest("GET", "/front", request, headers)
    if request.path == "/front/now":
        return own.reply(200, b"{}", {})

    def begin(put_reply: Callable[[bytes | None], None]) -> None:
        threading.Thread(target=lambda: put_reply(own.reply(200, b"{}", {}))).start()

    return begin


@contextmanager
def an_http_process(kind: str, directory: Path, **environment: str) -> Iterator[tuple[CommandProcess, int]]:
    """The server and its port, once it answers: an ``api`` (gunicorn) or an ``admin`` server (a thread)."""
    [port] = find_free_ports(1)
    variables = {
        "PYTHONPATH": str(ROOT), "HTTP_PORT": str(port), "HTTP_WORKERS": "1", "HTTP_THREADS": "4",
        **environment,
    }  # fmt: skip
    program = _API if kind == "api" else _ADMIN
    process = CommandProcess(["python", "-c", program], variables, directory / "log")
    try:
        process.start()
        wait_until(lambda: alive(port), f"the {kind} server to answer")
        yield process, port
    finally:
        process.kill()


def alive(port: int, timeout_seconds: float = 5.0) -> bool:
    """Ask ``/healthz`` on a connection of its own, as Kubernetes does."""
    reply = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=timeout_seconds, trust_env=False)
    return reply.status_code == 200
