"""PortOne's API as a client uses it, written from the gateway's documents and not from the double."""

from typing import Any

import httpx

ROOT = "/gateways/portone/payments"
AUTHORIZATION = {"Authorization": "PortOne sandbox-portone-api-secret"}
WEBHOOK_SECRET = "whsec_c2FuZGJveC1wb3J0b25lLXdlYmhvb2stc2VjcmV0"


class PortoneClient:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def confirm(
        self, token: str, payment_id: str = "order-1", *, key: str | None = None, **body: Any
    ) -> httpx.Response:
        expected = {"currency": "KRW", "totalAmount": 15_000, "isTest": True}
        return self._post(f"/{payment_id}/confirm", {"paymentToken": token, **expected, **body}, key)

    def cancel(self, payment_id: str = "order-1", *, key: str | None = None, **body: Any) -> httpx.Response:
        return self._post(f"/{payment_id}/cancel", {"reason": "단순 변심", **body}, key)

    def get(self, payment_id: str = "order-1", **query: str) -> httpx.Response:
        return self.http.get(f"{ROOT}/{payment_id}", headers=AUTHORIZATION, params=query)

    def close_account(self, payment_id: str = "order-1") -> httpx.Response:
        return self._post(f"/{payment_id}/virtual-account/close", {}, None)

    def get_transactions(self, payment_id: str = "order-1") -> httpx.Response:
        return self.http.get(f"{ROOT}/{payment_id}/transactions", headers=AUTHORIZATION)

    def payment(self, payment_id: str = "order-1") -> dict[str, Any]:
        found: dict[str, Any] = self.get(payment_id).raise_for_status().json()
        return found

    def _post(self, path: str, body: dict[str, Any], key: str | None) -> httpx.Response:
        headers = AUTHORIZATION if key is None else {**AUTHORIZATION, "Idempotency-Key": key}
        return self.http.post(f"{ROOT}{path}", json=body, headers=headers)


def refusal(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"]
