"""The doubles of a sandbox as tests control and question them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from provider_sandbox.config import SandboxSettings
from provider_sandbox.main import serving

PROVIDERS = ("nhn", "solapi", "sens", "aligo")
TEMPLATE = "ORDER_COMPLETED"
VARIABLES = {"name": "김하늘", "orderId": "019a-1", "itemCount": "2", "totalAmount": "12,000원"}


def order_text(order_id: str = "019a-1") -> str:
    """The finished text of the fixed template."""
    return (
        "[주문완료] 김하늘님, 주문이 완료되었습니다.\n\n"
        f"- 주문번호: {order_id}\n- 주문수량: 2개\n- 결제금액: 12,000원\n\n이용해 주셔서 감사합니다."
    )


class Doubles:
    """Every fault that is set stays until the next reset."""

    def __init__(self, url: str, http: httpx.Client) -> None:
        self.url = url
        self.http = http
        self._ahead_ms = 0

    def control(self, **faults: dict[str, Any]) -> None:
        self.http.put("/controls", json=faults).raise_for_status()

    def faults(self, provider: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/controls").json()[provider]
        return found

    def reset(self) -> None:
        self._ahead_ms = 0
        self.control(**{provider: {} for provider in PROVIDERS}, clock={"aheadMs": 0})
        self.http.delete("/records").raise_for_status()
        self.http.delete("/templates").raise_for_status()

    def pass_time(self, seconds: float) -> None:
        """Put the clock ahead, in place of waiting."""
        self._ahead_ms += int(seconds * 1000)
        self.control(clock={"aheadMs": self._ahead_ms})

    def put_template(self, code: str, content: str, status: str = "APPROVED") -> None:
        body = {"content": content, "status": status}
        self.http.put(f"/templates/{code}", json=body).raise_for_status()

    def unapprove(self, code: str = TEMPLATE) -> None:
        templates = {each["code"]: each for each in self.http.get("/templates").json()["templates"]}
        self.put_template(code, templates[code]["content"], "REJECTED")

    def messages(self, **query: str) -> list[dict[str, Any]]:
        reply = self.http.get("/records/provider-messages", params=query).raise_for_status()
        found: list[dict[str, Any]] = reply.json()["messages"]
        return found

    def requests(self, provider: str) -> list[dict[str, Any]]:
        reply = self.http.get("/records/provider-requests", params={"provider": provider})
        found: list[dict[str, Any]] = reply.raise_for_status().json()["requests"]
        return found

    def totals(self, provider: str) -> dict[str, int]:
        totals: dict[str, int] = self.http.get("/records").json()["providers"][provider]
        return totals


@contextmanager
def serving_doubles(database: Path) -> Iterator[Doubles]:
    """A sandbox in this process: what is tested is what is imported, and nothing has to start."""
    with serving(SandboxSettings(http_port=0, sandbox_database_path=database)) as port:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=40.0, trust_env=False) as http:
            yield Doubles(url, http)
