"""Answers that aren't the gateway's: what lies between it and its clients gives them."""

from collections.abc import Iterator

from flask import Response

from provider_sandbox.gateways.controls import Fault

_HUGE_BYTES = 16 * 1024 * 1024
_STATUS = {"bad-gateway": "502 Bad Gateway", "blocked": "403 Forbidden", "no-route": "404 Not Found"}


def disrupted(fault: Fault) -> Response | None:
    """What the client gets in place of the gateway's answer; None for a fault that leaves it as it is."""
    match fault.kind:
        case "cut":
            return Response(_cut(), 200)
        case "bad-gateway" | "blocked" | "no-route":
            status = _STATUS[fault.kind]
            page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
            return Response(page, status, content_type="text/html")
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
