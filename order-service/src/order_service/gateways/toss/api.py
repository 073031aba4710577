"""Toss's calls over HTTP: the request of each, and its reply as far as it can be read."""

import base64
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from order_service.gateways.exchange import exchanged, is_away, path_segment, readable
from order_service.gateways.toss.replies import NoReply, Reply, TossError, TossErrorBody, TossPayment

_NAME = "toss"
_TRACE_ID = "X-TossPayments-Trace-Id"

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
        return self._post(f"{path_segment(payment_key)}/cancel", body, idempotency_key, self._changing)

    def void(self, payment_key: str, body: dict[str, Any], idempotency_key: str) -> Reply:
        """Cancels a payment that waits for a deposit, which needs no patience: no bank is asked."""
        return self._post(f"{path_segment(payment_key)}/cancel", body, idempotency_key, self._asking)

    def payment(self, payment_key: str) -> Reply:
        return self._get(path_segment(payment_key))

    def payment_of_order(self, order_id: str) -> Reply:
        return self._get(f"orders/{path_segment(order_id)}")

    def _post(self, path: str, body: dict[str, Any], idempotency_key: str, client: httpx.Client) -> Reply:
        headers = {"Authorization": self._authorization, "Idempotency-Key": idempotency_key}
        url = f"{self._payments_url}/{path}"
        return _exchange(client, client.build_request("POST", url, json=body, headers=headers))

    def _get(self, path: str) -> Reply:
        headers = {"Authorization": self._authorization}
        url = f"{self._payments_url}/{path}"
        return _exchange(self._asking, self._asking.build_request("GET", url, headers=headers))


def _exchange(client: httpx.Client, request: httpx.Request) -> Reply:
    response = exchanged(client, request, _NAME)
    if response is None:
        return NoReply(is_away(response))
    about = {"trace_id": response.headers.get(_TRACE_ID)}
    if response.status_code == httpx.codes.OK:
        return readable(response, TossPayment, _NAME, **about) or NoReply(is_away(response))
    body = readable(response, TossErrorBody, _NAME, **about)
    if body is None:
        return NoReply(is_away(response))
    _log.info(
        "payment_gateway_answered_with_error",
        gateway=_NAME,
        status=response.status_code,
        code=body.code,
        **about,
    )
    # A server's error says nothing, whatever its code: it may have come after the money was taken.
    if response.is_client_error and not is_away(response):
        return TossError(body.code)
    return NoReply(is_away(response))
