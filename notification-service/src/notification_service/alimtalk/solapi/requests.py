"""Requests about messages and groups, and their signatures."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from notification_service.alimtalk.refusals import refused_by_status
from notification_service.application.ports import MaySend
from notification_service.http_client import exchange

NAME = "SOLAPI"
# A stored message with its text, its variables and its log is shorter than 10 KB.
_LONGEST_LIST_BYTES = 1024 * 1024


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class SolapiAccount:
    """``channel_id`` is SOLAPI's pfId; ``template_ids`` are SOLAPI's, by our template codes."""

    api_key: str
    api_secret: str
    channel_id: str
    sender_number: str
    template_ids: Mapping[str, str]


class SolapiRequests:
    """A method for each call. Raises what :func:`exchange` raises.

    Returns responses whose status is 200, unless it says otherwise, and raises ReceiverUnavailable for any
    other status.
    """

    def __init__(self, client: httpx.Client, account: SolapiAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        self._url = f"{base_url.rstrip('/')}/messages/v4"

    def list_messages(self, parameters: Mapping[str, str | Sequence[str]]) -> httpx.Response:
        """A page of the messages that have these parameters."""
        request = self._signed("GET", "/list", params=parameters)
        return _successful(exchange(self._client, request, longest_reply_bytes=_LONGEST_LIST_BYTES))

    def group(self, group_id: str) -> httpx.Response:
        return _successful(exchange(self._client, self._signed("GET", _path_of(group_id))))

    def make_group(self, body: Mapping[str, object], may_send: MaySend) -> httpx.Response:
        return _successful(exchange(self._client, self._signed("POST", "/groups", json=body), may_send))

    def fill_group(self, group_id: str, body: Mapping[str, object], may_send: MaySend) -> httpx.Response:
        request = self._signed("PUT", f"{_path_of(group_id)}/messages", json=body)
        return _successful(exchange(self._client, request, may_send))

    def send_group(self, group_id: str, may_send: MaySend) -> httpx.Response:
        """The response, whatever its status."""
        # With a body: without one, the request would be complete before ``may_send`` is asked.
        return exchange(self._client, self._signed("POST", f"{_path_of(group_id)}/send", json={}), may_send)

    def delete_group(self, group_id: str) -> httpx.Response:
        """The response, whatever its status. A group can't be sent once it is deleted."""
        return exchange(self._client, self._signed("DELETE", _path_of(group_id)))

    def _signed(self, method: str, path: str, **parts: Any) -> httpx.Request:
        # Of its own for each request: SOLAPI refuses a signature that it has seen.
        authorization = solapi_authorization(
            self._account.api_key, self._account.api_secret, in_utc(datetime.now(UTC)), secrets.token_hex(16)
        )
        headers = {"Authorization": authorization}
        return self._client.build_request(method, f"{self._url}{path}", headers=headers, **parts)


def _path_of(group_id: str) -> str:
    return f"/groups/{quote(group_id, safe='')}"


def _successful(response: httpx.Response) -> httpx.Response:
    if response.status_code != httpx.codes.OK:
        raise refused_by_status(NAME, response)
    return response


def solapi_authorization(api_key: str, api_secret: str, date: str, salt: str) -> str:
    """The header Authorization. ``date`` is in ISO 8601; ``salt`` is fresh, and has 12 to 64 characters."""
    signature = hmac.new(api_secret.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={api_key}, date={date}, salt={salt}, signature={signature}"


def in_utc(time: datetime) -> str:
    """A time as SOLAPI reads it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
