"""Calling a webhook."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import structlog

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """What is sent; the method is POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def post(call: WebhookCall, timeout_seconds: float) -> int | None:
    """Make the call. Returns the status, None if there was none in time."""
    target = urlsplit(call.url)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
    connection = kind(target.hostname or "", target.port, timeout=timeout_seconds)
    try:
        connection.request("POST", path, call.body, dict(call.headers))
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        _log.info("webhook_not_received", reason=str(error))
        return None
    finally:
        connection.close()
