"""Requests about messages: where they go, and what proves that they are ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx

from notification_service.alimtalk.look_up_period import LookUpPeriod
from notification_service.alimtalk.refusals import refused_by_status
from notification_service.application.ports import MaySend
from notification_service.http_client import exchange
from servicekit.outbound.bounded_transport import LONGEST_REPLY_BYTES

NAME = "NHN"
_DATE = "%Y-%m-%d %H:%M"


# Without repr: it would show the secrets.
@dataclass(frozen=True, slots=True, repr=False)
class NhnAccount:
    """``secret_key`` is X-Secret-Key of the console, ``sender_key`` the sender profile's."""

    app_key: str
    secret_key: str
    sender_key: str


class NhnRequests:
    """Returns responses whose status is 200, whatever the code in their body says.

    Raises ReceiverUnavailable for any other status, and what :func:`exchange` raises.
    """

    def __init__(self, client: httpx.Client, account: NhnAccount, base_url: str) -> None:
        self._client = client
        self._account = account
        app_key = quote(account.app_key, safe="")
        self._messages_url = f"{base_url.rstrip('/')}/alimtalk/v2.3/appkeys/{app_key}/messages"

    def post(self, body: Mapping[str, object], idempotency_key: str, may_send: MaySend) -> httpx.Response:
        """Send messages of our sender profile."""
        request = self._client.build_request(
            "POST",
            self._messages_url,
            headers={**self._headers(), "X-NC-API-IDEMPOTENCY-KEY": idempotency_key},
            json={"senderKey": self._account.sender_key, **body},
        )
        return _successful(exchange(self._client, request, may_send))

    def search(
        self, period: LookUpPeriod, *, longest_bytes: int = LONGEST_REPLY_BYTES, **parameters: str
    ) -> httpx.Response:
        """The messages of the period that have these parameters."""
        dates = {
            "startRequestDate": period.start.strftime(_DATE),
            "endRequestDate": period.end.strftime(_DATE),
        }
        return self.get({**dates, **parameters}, longest_bytes)

    def get(self, parameters: Mapping[str, str], longest_bytes: int = LONGEST_REPLY_BYTES) -> httpx.Response:
        """The messages that have these parameters."""
        # Blanks as %20, as NHN's guide has them; httpx's own parameters would have a plus sign.
        query = urlencode(parameters, quote_via=quote)
        request = self._client.build_request("GET", f"{self._messages_url}?{query}", headers=self._headers())
        return _successful(exchange(self._client, request, longest_reply_bytes=longest_bytes))

    def _headers(self) -> dict[str, str]:
        return {
            "Content-Type": "application/json;charset=UTF-8",
            "X-Secret-Key": self._account.secret_key,
        }


def _successful(response: httpx.Response) -> httpx.Response:
    if response.status_code != httpx.codes.OK:
        raise refused_by_status(NAME, response)
    return response
