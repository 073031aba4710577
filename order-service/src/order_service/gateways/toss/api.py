"""Toss's calls over HTTP: the request of each, and its reply as far as it can be read."""

import base64
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from order_service.gateways.toss.replies import NoReply, Reply, TossError, TossErrorBody, TossPayment
from servicekit.outbound.bounded_transport import INCOMPLETE, LONGEST_REPLY

# A payment with hundreds of partial refunds.
_LONGEST_REPLY_BYTES = 512 * 1024
_TRACE_ID = "X-TossPayments-Trace-Id"

_ModelT = TypeVar("_ModelT", bound=BaseModel)

_log = structlog.get_logger(__name__)


class TossApi:
    """Calls that change something go by ``changing``, look-ups by ``asking``: those need less patience."""

    def __init__(self, changing: httpx.Client, asking: httpx.Client, url: str, secret_key: SecretStr) -> None:
        self._changing = changing
        self._asking = asking
        self._payments_url = f"{url.rstrip('/')}/v1/payments"
        # The key is a user's name; its password is empty, and the colon must be there.
        credentials = base64.b64encode(f"{secret_key.get_secret_value()}:".encode())
        self._authorization = f"Basic {credentials.decode()}"

    def confirm(self, body: dict[str, Any], idempotency_key: str) -> Reply:
        return self._post("confirm", body, idempotency_key, self._changing)

    def cancel(self, payment_key: str, body: dict[str, Any], idempotency_key: str) -> Reply:
        return self._post(f"{_segment(payment_key)}/cancel", body, idempotency_key, self._changing)

    def void(self, payment_key: str, body: dict[str, Any], idempotency_key: str) -> Reply:
        """Cancels a payment that waits for a deposit, which needs no patience: no bank is asked."""
        return self._post(f"{_segment(payment_key)}/cancel", body, idempotency_key, self._asking)

    def payment(self, payment_key: str) -> Reply:
        return self._get(_segment(payment_key))

    def payment_of_order(self, order_id: str) -> Reply:
        return self._get(f"orders/{_segment(order_id)}")

    def _post(self, path: str, body: dict[str, Any], idempotency_key: str, client: httpx.Client) -> Reply:
        headers = {"Authorization": self._authorization, "Idempotency-Key": idempotency_key}
        url = f"{self._payments_url}/{path}"
        return _exchange(client, client.build_request("POST", url, json=body, headers=headers))

    def _get(self, path: str) -> Reply:
        headers = {"Authorization": self._authorization}
        url = f"{self._payments_url}/{path}"
        return _exchange(self._asking, self._asking.build_request("GET", url, headers=headers))


def _segment(text: str) -> str:
    # Also dots: a segment that consists of them would lead to another path.
    return quote(text, safe="").replace(".", "%2E")


def _exchange(client: httpx.Client, request: httpx.Request) -> Reply:
    request.extensions[LONGEST_REPLY] = _LONGEST_REPLY_BYTES
    try:
        response = client.send(request)
    except httpx.TransportError as error:
        _log.warning("payment_gateway_unanswered", gateway="toss", reason=f"{type(error).__name__} {error}")
        return NoReply()
    if response.status_code == httpx.codes.OK:
        return _read(response, TossPayment) or NoReply()
    body = _read(response, TossErrorBody)
    if body is None:
        return NoReply()
    _log.info(
        "payment_gateway_answered_with_error",
        gateway="toss",
        status=response.status_code,
        code=body.code,
        trace_id=response.headers.get(_TRACE_ID),
    )
    # A server's error says nothing, whatever its code: it may have come after the money was taken.
    return TossError(body.code) if response.is_client_error else NoReply()


def _read(response: httpx.Response, model: type[_ModelT]) -> _ModelT | None:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        _log.warning(
            "payment_gateway_reply_unreadable",
            gateway="toss",
            status=response.status_code,
            # Without the values, which may be secret.
            fields=sorted({str(each["loc"]) for each in error.errors(include_input=False)})[:5],
            incomplete=response.extensions.get(INCOMPLETE),
            trace_id=response.headers.get(_TRACE_ID),
        )
        return None
