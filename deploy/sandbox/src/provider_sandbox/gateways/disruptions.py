"""Answers that aren't the gateway's: what lies between it and its clients gives them."""

from collections.abc import Iterator

from flask import Response

from provider_sandbox.gateways.controls import Fault

_HUGE_BYTES = 16 * 1024 * 1024
_HTML = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"


def disrupted(fault: Fault) -> Response | None:
    """What the client gets in place of the gateway's answer; None for a fault that leaves it as it is."""
    match fault.kind:
        case "cut":
            return Response(_cut(), 200)
        case "bad-gateway":
            return Response(_HTML, 502, content_type="text/html")
        case "throttled":
            return Response("Too Many Requests", 429, content_type="text/plain")
        case "empty":
            return Response(b"", 200, content_type="application/json")
        case "garbage":
            return Response(b'{"paymentKey": \xff', 200, content_type="application/json")
        case "huge":
            padding = b'{"padding": "' + b"x" * _HUGE_BYTES + b'"}'
            return Response(padding, 200, content_type="application/json")
        case "stall":
            # Not as bytes, whose length would be sent.
            headers = {"Content-Length": "1000"}
            return Response(iter([b'{"paymentKey": "']), 200, headers, content_type="application/json")
    return None


def _cut() -> Iterator[bytes]:
    # The server closes a connection whose reply fails with this, having sent nothing of it.
    raise ConnectionAbortedError("cut on demand")
    yield b""
