"""HTTP to the outside, with its failures told in the domain's words."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from notification_service.domain.errors import DeliveryUnavailable, NotBegun, OutcomeUnknown

CONNECT_TIMEOUT_SECONDS = 1.0
_EXCERPT_BYTES = 400


def outbound_client(timeout_seconds: float, connections: int) -> httpx.Client:
    """A client that waits ``timeout_seconds`` for a reply and takes no proxy from the environment."""
    return httpx.Client(
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        trust_env=False,
    )


def exchange(
    client: httpx.Client, request: httpx.Request, may_send: Callable[[], bool] | None = None
) -> httpx.Response:
    """Send ``request`` and return whatever the other side answered, unless that is its own trouble.

    ``may_send``, for a request that has a body, is asked right before that is written: a connection may take
    long to make, and without its body a request is nothing. If it says no, NotBegun is raised.
    Raises DeliveryUnavailable when the other side surely took nothing, OutcomeUnknown when it may have.
    """

    def last_look(event: str, _details: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_body.started") and may_send is not None and not may_send():
            raise NotBegun

    request.extensions["trace"] = last_look
    try:
        response = client.send(request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise DeliveryUnavailable(f"{request.url.host} can't be reached: {_told(error)}") from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        raise OutcomeUnknown(f"no reply from {request.url.host}: {_told(error)}") from error
    if response.status_code in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
        raise DeliveryUnavailable(_answered(response), retry_after_seconds=_retry_after_seconds(response))
    if response.is_server_error:
        raise OutcomeUnknown(_answered(response))
    return response


def unexpected(response: httpx.Response) -> DeliveryUnavailable:
    """For an answer that an adapter has no other meaning for: a wrong URL, a key that was revoked.

    Somebody has to mend it, after which the delivery can be made; it is not the delivery's fault.
    """
    return DeliveryUnavailable(_answered(response))


def excerpt(response: httpx.Response) -> str:
    """The beginning of an answer, for people. Never raises: the charset may be one that nobody knows."""
    return response.content[:_EXCERPT_BYTES].decode("utf-8", "replace")


def _answered(response: httpx.Response) -> str:
    return f"{response.request.url.host} answered {response.status_code}: {excerpt(response)}"


def _told(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _retry_after_seconds(response: httpx.Response) -> float | None:
    # The form with a date is not worth a clock comparison: our own back-off serves.
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
