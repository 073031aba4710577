"""PortOne's calls over HTTP: the request of each, and its reply as far as it can be read."""

from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx
import structlog
from pydantic import BaseModel, SecretStr

from order_service.gateways.exchange import exchanged, is_away, path_segment, readable
from order_service.gateways.portone.codes import PROVIDER_FAILED
from order_service.gateways.portone.replies import (
    AccountClosed,
    Cancelled,
    Confirmed,
    NoReply,
    PortoneError,
    PortoneErrorBody,
    PortonePayment,
    PortoneTransactions,
)

_NAME = "portone"

_ModelT = TypeVar("_ModelT", bound=BaseModel)

_log = structlog.get_logger(__name__)


class PortoneApi:
    """Calls that change something go by ``changing``, look-ups by ``asking``: those need less patience.

    ``store_id`` is one of those that the secret is for.
    """

    def __init__(
        self, changing: httpx.Client, asking: httpx.Client, url: str, api_secret: SecretStr, store_id: str
    ) -> None:
        self._changing = changing
        self._asking = asking
        self._payments_url = f"{url.rstrip('/')}/payments"
        self._authorization = f"PortOne {api_secret.get_secret_value()}"
        self._store = {"storeId": store_id}

    def confirm(
        self, payment_id: str, body: dict[str, Any], idempotency_key: str
    ) -> Confirmed | PortoneError | NoReply:
        path = f"{path_segment(payment_id)}/confirm"
        return self._post(path, body, idempotency_key, Confirmed, self._changing)

    def cancel(
        self, payment_id: str, body: dict[str, Any], idempotency_key: str
    ) -> Cancelled | PortoneError | NoReply:
        path = f"{path_segment(payment_id)}/cancel"
        return self._post(path, body, idempotency_key, Cancelled, self._changing)

    def close_account(self, payment_id: str, idempotency_key: str) -> AccountClosed | PortoneError | NoReply:
        """Ends the waiting for a deposit, which needs no patience: no money moves."""
        path = f"{path_segment(payment_id)}/virtual-account/close?{urlencode(self._store)}"
        return self._post(path, None, idempotency_key, AccountClosed, self._asking)

    def payment(self, payment_id: str) -> PortonePayment | PortoneError | NoReply:
        return self._get(path_segment(payment_id), PortonePayment)

    def transactions(self, payment_id: str) -> PortoneTransactions | PortoneError | NoReply:
        """PortOne calls this one experimental: one day it may be an error."""
        return self._get(f"{path_segment(payment_id)}/transactions", PortoneTransactions)

    def _get(self, path: str, model: type[_ModelT]) -> _ModelT | PortoneError | NoReply:
        url = f"{self._payments_url}/{path}?{urlencode(self._store)}"
        headers = {"Authorization": self._authorization}
        return _exchange(self._asking, self._asking.build_request("GET", url, headers=headers), model)

    def _post(
        self,
        path: str,
        body: dict[str, Any] | None,
        idempotency_key: str,
        model: type[_ModelT],
        client: httpx.Client,
    ) -> _ModelT | PortoneError | NoReply:
        # The quotes belong to it.
        headers = {"Authorization": self._authorization, "Idempotency-Key": f'"{idempotency_key}"'}
        url = f"{self._payments_url}/{path}"
        content = None if body is None else {**body, **self._store}
        return _exchange(client, client.build_request("POST", url, json=content, headers=headers), model)


def _exchange(
    client: httpx.Client, request: httpx.Request, model: type[_ModelT]
) -> _ModelT | PortoneError | NoReply:
    response = exchanged(client, request, _NAME)
    if response is None:
        return NoReply(is_away(response))
    if response.status_code == httpx.codes.OK:
        return readable(response, model, _NAME) or NoReply(is_away(response))
    body = readable(response, PortoneErrorBody, _NAME)
    if body is None:
        return NoReply(is_away(response))
    _log.info(
        "payment_gateway_answered_with_error", gateway=_NAME, status=response.status_code, code=body.type
    )
    # A server's error says nothing, whatever its type, but that a look-up may say more.
    if body.type == PROVIDER_FAILED or (response.is_client_error and not is_away(response)):
        return PortoneError(body.type)
    return NoReply(is_away(response))
