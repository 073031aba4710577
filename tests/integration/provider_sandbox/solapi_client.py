"""SOLAPI's API as a client uses it, written from the provider's documents and not from the double."""

import builtins
import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.provider_sandbox.doubles import TEMPLATE, VARIABLES

ROOT = "/providers/solapi/messages/v4"
API_KEY, API_SECRET = "SANDBOXSOLAPIKEY", "SANDBOXSOLAPISECRET0000000000000"
PF_ID = "KA01PF260101000000000SANDBOX"


def authorization(
    *, age_seconds: float = 0, key: str = API_KEY, secret: str = API_SECRET, salt: str | None = None
) -> str:
    date = (datetime.now(UTC) - timedelta(seconds=age_seconds)).isoformat()
    salt = secrets.token_hex(16) if salt is None else salt
    signature = hmac.new(secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"


def a_message(
    to: str = "01012345678",
    reference: str = "event-1",
    *,
    options: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    return {
        "to": to,
        "from": "0215880000",
        "type": "ATA",
        "customFields": {"reference": reference},
        "kakaoOptions": {
            "pfId": PF_ID,
            "templateId": TEMPLATE,
            "variables": {f"#{{{name}}}": value for name, value in VARIABLES.items()},
            **(options or {}),
        },
        **changes,
    }


class SolapiClient:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = None,
        **query: Any,
    ) -> httpx.Response:
        headers = {"Authorization": authorization() if auth is None else auth}
        return self._http.request(method, f"{ROOT}{path}", json=body, params=query, headers=headers)

    def send(self, *messages: dict[str, Any]) -> builtins.list[dict[str, Any]]:
        """Send them in one group; returns how each was registered."""
        group_id = self.new_group()
        registered: builtins.list[dict[str, Any]] = self.add(group_id, *messages)["resultList"]
        if any(each["statusCode"] == "2000" for each in registered):
            self.send_group(group_id).raise_for_status()
        return registered

    def new_group(self, reference: str = "event-1", *, allow_duplicates: bool = True) -> str:
        body = {"customFields": {"reference": reference}, "allowDuplicates": allow_duplicates}
        return str(self.call("POST", "/groups", body).raise_for_status().json()["groupId"])

    def a_group(self, *messages: dict[str, Any]) -> str:
        """A group with messages that isn't sent yet."""
        group_id = self.new_group()
        self.add(group_id, *messages)
        return group_id

    def add(self, group_id: str, *messages: dict[str, Any]) -> dict[str, Any]:
        body = {"messages": list(messages) or [a_message()]}
        reply = self.call("PUT", f"/groups/{group_id}/messages", body).raise_for_status()
        added: dict[str, Any] = reply.json()
        return added

    def send_group(self, group_id: str) -> httpx.Response:
        return self.call("POST", f"/groups/{group_id}/send")

    def delete_group(self, group_id: str) -> httpx.Response:
        return self.call("DELETE", f"/groups/{group_id}")

    def group(self, group_id: str) -> dict[str, Any]:
        group: dict[str, Any] = self.call("GET", f"/groups/{group_id}").raise_for_status().json()
        return group

    def list(self, **query: Any) -> dict[str, dict[str, Any]]:
        found = self.call("GET", "/list", **query).raise_for_status().json()["messageList"]
        messages: dict[str, dict[str, Any]] = found
        return messages

    def only(self, **query: Any) -> dict[str, Any]:
        (message,) = self.list(**query).values()
        return message
