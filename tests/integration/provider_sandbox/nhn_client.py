"""NHN's API as a client uses it, written from the provider's documents and not from the double."""

from typing import Any

import httpx

from tests.integration.provider_sandbox.doubles import TEMPLATE, VARIABLES

ROOT = "/providers/nhn/alimtalk/v2.3/appkeys/sandbox-nhn-appkey"
SECRET = {"X-Secret-Key": "sandbox-nhn-secret"}
SENDER_KEY = "5a4db0c0de5a4db0c0de5a4db0c0de5a4db0c0de"


def a_recipient(number: str = "01012345678", key: str = "event-1", **changes: Any) -> dict[str, Any]:
    return {
        "recipientNo": number,
        "templateParameter": VARIABLES,
        "recipientGroupingKey": key,
        **changes,
    }


class NhnClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def post(
        self,
        *recipients: dict[str, Any],
        key: str | None = None,
        **changes: Any,
    ) -> httpx.Response:
        headers = SECRET if key is None else {**SECRET, "X-NC-API-IDEMPOTENCY-KEY": key}
        body = {
            "senderKey": SENDER_KEY,
            "templateCode": TEMPLATE,
            "recipientList": list(recipients) or [a_recipient()],
            **changes,
        }
        return self._http.post(f"{ROOT}/messages", json=body, headers=headers)

    def send(self, *recipients: dict[str, Any], **changes: Any) -> dict[str, Any]:
        reply: dict[str, Any] = self.post(*recipients, **changes).raise_for_status().json()
        return reply

    def request_id(self, *recipients: dict[str, Any], **changes: Any) -> str:
        return str(self.send(*recipients, **changes)["message"]["requestId"])

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        reply: dict[str, Any] = self._http.get(f"{ROOT}/{path}", params=query, headers=SECRET).json()
        return reply

    def message(self, request_id: str) -> dict[str, Any]:
        """The only one of a request."""
        found: list[dict[str, Any]] = self.get("messages", requestId=request_id)[
            "messageSearchResultResponse"
        ]["messages"]
        (message,) = found
        return message


def code(reply: dict[str, Any]) -> int:
    return int(reply["header"]["resultCode"])


def recipient_codes(reply: dict[str, Any]) -> list[int]:
    return [each["resultCode"] for each in reply["message"]["sendResults"]]
