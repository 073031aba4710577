"""HTTP calls to external services, whose failures become errors of the domain."""

import httpx

from notification_service.application.ports import MaySend
from notification_service.domain.errors import (
    NotSent,
    OutcomeUnknown,
    ProviderThrottled,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from servicekit.outbound.bounded_transport import (
    BEFORE_SENDING,
    INCOMPLETE,
    LONGEST_REPLY,
    LONGEST_REPLY_BYTES,
)

# More than a log line shows, so that a name at the cut is still seen whole and removed.
_EXCERPT_BYTES = 4_000

_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)


def exchange(
    client: httpx.Client,
    request: httpx.Request,
    may_send: MaySend | None = None,
    longest_reply_bytes: int = LONGEST_REPLY_BYTES,
) -> httpx.Response:
    """Send ``request`` and return its response, unless that says that the receiver is unavailable or failed.

    ``may_send`` is asked once it is connected, right before the request is written: connecting may take long.
    Raises NotSent if it returns false, ReceiverUnavailable if the receiver surely accepted nothing
    (ProviderThrottled after 429), and OutcomeUnknown if it may have.
    """

    def ask() -> None:
        if may_send is not None and not may_send():
            raise NotSent

    request.extensions[BEFORE_SENDING] = ask
    request.extensions[LONGEST_REPLY] = longest_reply_bytes
    try:
        response = client.send(request)
    except _NOT_SENT as error:
        # These end before the request is sent, so trying again is safe.
        detail = f"{request.url.host} can't be reached: {_cause(error)}"
        raise ReceiverUnavailable(FailureReason.RECEIVER_UNREACHABLE, detail) from error
    except (httpx.TransportError, httpx.DecodingError) as error:
        # Not ReceiverUnavailable: the request may have arrived.
        detail = f"no reply from {request.url.host}: {_cause(error)}"
        raise OutcomeUnknown(FailureReason.NO_REPLY, detail) from error
    if response.status_code in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}:
        is_throttled = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        raise (ProviderThrottled if is_throttled else ReceiverUnavailable)(
            FailureReason.RECEIVER_BUSY,
            _summary(response),
            retry_after_seconds=_retry_after_seconds(response),
        )
    # A gateway answers 502 or 504 also when the service behind it did the work.
    if response.is_server_error:
        raise OutcomeUnknown(FailureReason.RECEIVER_ERROR, _summary(response))
    return response


def unexpected(response: httpx.Response) -> ReceiverUnavailable:
    """The error for a status that an adapter doesn't know, such as that of a wrong URL or a revoked key.

    The configuration is at fault and not the delivery, which succeeds once an operator has corrected it.
    """
    return ReceiverUnavailable(FailureReason.UNEXPECTED_REPLY, _summary(response))


def excerpt(response: httpx.Response) -> str:
    """The beginning of the response's body as text, or why it has none. Never raises."""
    if incomplete := response.extensions.get(INCOMPLETE):
        return f"({incomplete})"
    return response.content[:_EXCERPT_BYTES].decode("utf-8", "replace")


def _summary(response: httpx.Response) -> str:
    return f"{response.request.url.host} answered {response.status_code}: {excerpt(response)}"


def _cause(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _retry_after_seconds(response: httpx.Response) -> float | None:
    # The form with a date would need a comparison of clocks; the back-off serves instead.
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
