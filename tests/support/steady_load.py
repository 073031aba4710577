"""Customers that request coupons, order, pay and read without a break, and keep account of every answer."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from tests.support.shop import ORDER, ShopClient

_CUSTOMERS = 4
# Bounds the load whatever happens: an hour of pauses at most.
_MOST_ROUNDS = 5_000
_PAUSE_SECONDS = 0.1
_MOST_ATTEMPTS = 200
# A message that may have been sent isn't sent again for ALIMTALK_PROCESSING_SECONDS, a minute by default.
_MOST_SECONDS_TO_EFFECTS = 150.0
_REFUSED = 409


@dataclass
class SteadyLoad:
    """Leave the block to end it. As HTTP clients should, they repeat what failed with the same key."""

    shop: ShopClient
    stock: int
    coupon_id: int = 0
    request_ids: list[str] = field(default_factory=list)
    order_ids: list[str] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    """Each answer of 5xx."""
    unreachable: list[str] = field(default_factory=list)
    """Each request without an answer."""
    given_up: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.coupon_id = self.shop.create_coupon(totalQuantity=self.stock)
        self._ended = threading.Event()
        self._users = count(1)
        self._threads = [threading.Thread(target=self._buy) for _ in range(_CUSTOMERS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def check(self) -> None:
        """Every click is decided, in a gapless order, no coupon too many; paid orders have their effects."""
        assert self.given_up == []
        requests = [self.shop.decided(request_id, 120) for request_id in self.request_ids]
        assert requests, "no coupon was requested"
        assert self.order_ids, "no order was paid"
        outcomes = Counter(request["status"] for request in requests)
        assert outcomes["ISSUED"] == min(self.stock, len(requests))
        assert sorted(request["decisionNumber"] for request in requests) == list(range(1, len(requests) + 1))
        issued = sorted(request["issueNumber"] for request in requests if request["status"] == "ISSUED")
        assert issued == list(range(1, len(issued) + 1))
        for order_id in self.order_ids:
            self.shop.effects(order_id, _MOST_SECONDS_TO_EFFECTS)

    def _buy(self) -> None:
        with httpx.Client(timeout=70, trust_env=False) as http:
            for _ in range(_MOST_ROUNDS):
                if self._ended.wait(_PAUSE_SECONDS):
                    return
                user_id = next(self._users)
                press = f"/api/v1/users/{user_id}/coupons/{self.coupon_id}/issue"
                pressed = self._post(http, "coupon-api", press, None)
                placed = self._post(http, "order-api", "/api/v1/orders", {**ORDER, "userId": user_id})
                if pressed is not None:
                    self.request_ids.append(pressed["requestId"])
                    self._get(http, "coupon-api", f"/api/v1/coupon-requests/{pressed['requestId']}")
                if placed is not None and self._pay(http, placed["orderId"]):
                    self.order_ids.append(placed["orderId"])
                    self._get(http, "notification-api", f"/api/v1/notifications?orderId={placed['orderId']}")
                self._get(http, "outbox-relay", "/api/v1/relay/sources")

    def _pay(self, http: httpx.Client, order_id: str) -> bool:
        body = {"method": "CARD", "paymentKey": f"card-{order_id}", "amount": 30000}
        return self._post(http, "order-api", f"/api/v1/orders/{order_id}/payments", body) is not None

    def _post(self, http: httpx.Client, service: str, path: str, body: Any) -> dict[str, Any] | None:
        key = {"Idempotency-Key": str(uuid4())}
        return self._ask(lambda: http.post(self.shop.url(service) + path, json=body, headers=key), path)

    def _get(self, http: httpx.Client, service: str, path: str) -> None:
        self._ask(lambda: http.get(self.shop.url(service) + path), path)

    def _ask(self, request: Callable[[], httpx.Response], path: str) -> dict[str, Any] | None:
        for _ in range(_MOST_ATTEMPTS):
            try:
                answer = request()
            except httpx.HTTPError as error:
                self.unreachable.append(f"{path}: {error!r}")
            else:
                if answer.is_success:
                    accepted: dict[str, Any] = answer.json()
                    return accepted
                if answer.status_code == _REFUSED and answer.json().get("reason") == "SOLD_OUT":
                    return None
                if not answer.is_server_error:
                    break
                self.server_errors.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            threading.Event().wait(_PAUSE_SECONDS)
        self.given_up.append(path)
        return None
