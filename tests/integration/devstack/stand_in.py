"""Behaves like a service (ready over HTTP, ends with 0 on SIGTERM), or misbehaves as its environment says."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType

if os.environ.get("DIE_AT_START"):
    sys.stderr.write("the stand-in dies as it was asked to\n")
    sys.exit(3)


def end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("IGNORE_SIGTERM") else end)


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


HTTPServer(("127.0.0.1", int(os.environ["HTTP_PORT"])), Ready).serve_forever()
