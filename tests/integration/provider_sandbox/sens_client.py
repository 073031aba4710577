"""SENS's API as a client uses it, written from the provider's documents and not from the double."""

import base64
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.integration.provider_sandbox.doubles import TEMPLATE, order_text

PREFIX = "/providers/sens"
SERVICE_ID = "ncp:kkobizmsg:kr:2601010:sandbox"
ACCESS_KEY, SECRET_KEY = "SANDBOXSENSACCESSKEY", "SANDBOXSENSSECRETKEY000000000000"
FAILOVER = {"type": "LMS", "from": "0215880000", "subject": "주문", "content": "주문이 완료되었습니다."}


def signed(
    method: str,
    target: str,
    *,
    age_seconds: float = 0,
    access_key: str = ACCESS_KEY,
    secret: str = SECRET_KEY,
) -> dict[str, str]:
    timestamp = str(int((time.time() - age_seconds) * 1000))
    text = method + " " + target + "\n" + timestamp + "\n" + access_key
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return {
        "x-ncp-apigw-timestamp": timestamp,
        "x-ncp-iam-access-key": access_key,
        "x-ncp-apigw-signature-v2": base64.b64encode(digest).decode(),
    }


def a_message(to: str = "01012345678", content: str | None = None, **changes: Any) -> dict[str, Any]:
    return {"to": to, "content": order_text() if content is None else content, **changes}


class SensClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def call(
        self, method: str, path: str = "", body: Any = None, *, service_id: str = SERVICE_ID, **query: Any
    ) -> httpx.Response:
        target = f"{PREFIX}/alimtalk/v2/services/{service_id}/messages{path}"
        if query:
            target += f"?{urlencode(query)}"
        return self._http.request(method, target, json=body, headers=signed(method, target))

    def post(self, *messages: dict[str, Any], **changes: Any) -> httpx.Response:
        body = {
            "plusFriendId": "@sandbox",
            "templateCode": TEMPLATE,
            "messages": list(messages) or [a_message()],
            **changes,
        }
        return self.call("POST", body=body)

    def send(self, *messages: dict[str, Any], **changes: Any) -> dict[str, Any]:
        reply: dict[str, Any] = self.post(*messages, **changes).raise_for_status().json()
        return reply

    def message(self, message_id: str) -> dict[str, Any]:
        message: dict[str, Any] = self.call("GET", f"/{message_id}").raise_for_status().json()
        return message
