"""Toss's API as a client uses it, written from the gateway's documents and not from the double."""

import base64
from typing import Any

import httpx

ROOT = "/gateways/toss/v1/payments"
SECRET_KEY = "test_sk_sandbox00000000000000000000"


def basic(credentials: str = f"{SECRET_KEY}:") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


class TossClient:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def post(
        self,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        test_code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = basic() if headers is None else dict(headers)
        if key is not None:
            sent["Idempotency-Key"] = key
        if test_code is not None:
            sent["TossPayments-Test-Code"] = test_code
        return self.http.post(f"{ROOT}{path}", json=body, headers=sent)

    def confirm(
        self, payment_key: str, order_id: str = "order-1", amount: float = 15_000, **options: Any
    ) -> httpx.Response:
        body = {"paymentKey": payment_key, "orderId": order_id, "amount": amount}
        return self.post("/confirm", body, **options)

    def cancel(self, payment_key: str, *, key: str | None = None, **body: Any) -> httpx.Response:
        return self.post(f"/{payment_key}/cancel", {"cancelReason": "단순 변심", **body}, key=key)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(f"{ROOT}/{path}", headers={**basic(), **headers})

    def status(self, payment_key: str) -> str:
        return str(self.get(payment_key).raise_for_status().json()["status"])


def refusal(reply: httpx.Response) -> tuple[int, str]:
    body = reply.json()
    assert body.keys() == {"code", "message"}
    return reply.status_code, body["code"]
