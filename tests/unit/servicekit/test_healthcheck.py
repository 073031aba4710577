"""What a container engine learns of a process's readiness."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devstack.free_ports import find_free_ports


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _check(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "servicekit.healthcheck", str(port)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_ready_process_is_healthy() -> None:
    with _answering(200, b"{}") as port:
        done = _check(port)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("status", [404, 500, 503])
def test_process_that_is_not_ready_is_unhealthy_and_says_why(status: int) -> None:
    with _answering(status, b"kafka: refused") as port:
        done = _check(port)
    assert (done.returncode, done.stderr.strip()) == (1, f"{status} kafka: refused")


def test_process_that_does_not_listen_is_unhealthy() -> None:
    done = _check(find_free_ports(1)[0])
    assert done.returncode == 1
    assert "refused" in done.stderr
