"""The sandbox of gateways, in this process, as tests control and question it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from provider_sandbox.config import GatewaySettings
from provider_sandbox.gateways.main import serving


class GatewaySandbox:
    """Every control that is set stays until the next reset."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self.http = http
        self._ahead_ms = 0

    def control(self, **controls: Any) -> None:
        self.http.put("/controls", json=controls).raise_for_status()

    def fault(self, gateway: str, *faults: dict[str, Any], **controls: Any) -> None:
        self.control(**{gateway: {"faults": list(faults), **controls}})

    def faults_left(self, gateway: str) -> int:
        faults = self.http.get("/controls").raise_for_status().json()[gateway]["faults"]
        return sum(fault["times"] for fault in faults)

    def reset(self) -> None:
        self._ahead_ms = 0
        self.control(toss={}, portone={}, clock={"aheadMs": 0})
        self.http.delete("/records").raise_for_status()

    def pass_time(self, seconds: float) -> None:
        """Put the clock ahead, in place of waiting."""
        self._ahead_ms += int(seconds * 1000)
        self.control(clock={"aheadMs": self._ahead_ms})

    def buyer_pays(self, gateway: str = "toss", order_id: str = "order-1", **purchase: Any) -> str:
        """A buyer authenticates a payment of 15,000 won. Returns what the shop confirms it with."""
        payment = self.authenticated(gateway, order_id, **purchase)
        return str(payment["paymentToken"] or payment["paymentKey"])

    def authenticated(self, gateway: str, order_id: str, **purchase: Any) -> dict[str, Any]:
        """The payment that a buyer authenticates."""
        body = {"gateway": gateway, "orderId": order_id, "amount": 15_000, **purchase}
        payment: dict[str, Any] = self.http.post("/payments", json=body).raise_for_status().json()
        return payment

    def payments(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/records/payments", query)["payments"]
        return found

    def payment(self, **query: Any) -> dict[str, Any]:
        (payment,) = self.payments(**query)
        return payment

    def requests(self, gateway: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/records/requests", {"gateway": gateway})["requests"]
        return found

    def totals(self) -> dict[str, Any]:
        return self._get("/records", {})

    def _get(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(path, params=query).raise_for_status().json()
        return found


@contextmanager
def serving_gateways(path: Path, **settings: Any) -> Iterator[GatewaySandbox]:
    """Gateways that keep their payments in the file ``path``."""
    with serving(GatewaySettings(http_port=0, sandbox_database_path=path, **settings)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=20.0, trust_env=False) as http:
            yield GatewaySandbox(url, http)
