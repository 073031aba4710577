"""The shop's HTTP APIs as a client uses them."""

from typing import Any

import httpx

from devstack.info import StackInfo
from tests.support.waiting import wait_until

COUPON = {
    "name": "첫 주문 5,000원 할인",
    "totalQuantity": 2,
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2099-01-01T00:00:00Z",
    "discount": {"type": "AMOUNT", "value": 5000},
}
ORDER = {
    "userId": 7,
    "currency": "KRW",
    "items": [{"productId": "P-1", "quantity": 2, "unitPrice": 15000}],
    "recipient": {"name": "김하나", "phone": "010-1234-5678"},
}


class ShopClient:
    """One client of all services of a stack."""

    def __init__(self, info: StackInfo) -> None:
        self._urls = {name: service.url for name, service in info.services.items()}
        self._gateway = info.gateway
        self._http = httpx.Client(timeout=15)

    def close(self) -> None:
        self._http.close()

    def url(self, service: str) -> str:
        url = self._urls[service]
        assert url is not None
        return url

    @property
    def watch_url(self) -> str:
        """Of the watch server; behind the load balancer it is the API's."""
        return self._urls["coupon-watch"] or self.url("coupon-api")

    def get(self, service: str, path: str) -> httpx.Response:
        return self._http.get(self.url(service) + path)

    def post(self, service: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self._http.post(self.url(service) + path, json=body, headers=headers)

    def create_coupon(self, **changes: Any) -> int:
        reply = self.post("coupon-api", "/api/v1/coupons", {**COUPON, **changes})
        assert reply.status_code == 201, reply.text
        return int(reply.json()["couponId"])

    def press(self, user_id: int, coupon_id: int) -> str:
        reply = self.post("coupon-api", f"/api/v1/users/{user_id}/coupons/{coupon_id}/issue")
        assert reply.status_code == 202, reply.text
        return str(reply.json()["requestId"])

    def decided(self, request_id: str, timeout_seconds: float = 30.0) -> dict[str, Any]:
        """The request once it is decided."""

        def look() -> dict[str, Any] | None:
            request: dict[str, Any] = self.get("coupon-api", f"/api/v1/coupon-requests/{request_id}").json()
            return request if request["status"] != "ACCEPTED" else None

        return wait_until(look, f"request {request_id} to be decided", timeout_seconds)

    def refusal(self, user_id: int, coupon_id: int) -> str:
        """Why a press gets no coupon: by the gate, or by the decision where the gate knew too little yet."""
        reply = self.post("coupon-api", f"/api/v1/users/{user_id}/coupons/{coupon_id}/issue")
        if reply.status_code == 409:
            return str(reply.json()["reason"])
        assert reply.status_code == 202, reply.text
        return str(self.decided(reply.json()["requestId"])["reason"])

    def place_order(self, **changes: Any) -> str:
        reply = self.post("order-api", "/api/v1/orders", {**ORDER, **changes})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["orderId"])

    def pay(self, order_id: str, payment_key: str | None = None, amount: int = 30000) -> httpx.Response:
        """A key of order-service's own gateway; at the sandbox's, the buyer authorises the payment first."""
        key = payment_key or f"card-{order_id}"
        if self._gateway is not None:
            key = self._authorised(order_id, amount, is_declined=key.startswith("decline-"))
        body = {"method": "CARD", "paymentKey": key, "amount": amount}
        return self.post("order-api", f"/api/v1/orders/{order_id}/payments", body)

    def _authorised(self, order_id: str, amount: int, *, is_declined: bool) -> str:
        purchase: dict[str, Any] = {"gateway": self._gateway, "orderId": order_id, "amount": amount}
        if is_declined:
            purchase["declineCode"] = "REJECT_CARD_PAYMENT"
        payment = self.post("gateway-sandbox", "/payments", purchase).raise_for_status().json()
        key, token = str(payment["paymentKey"]), payment["paymentToken"]
        return key if token is None else f"{key}:{token}"

    def effects(self, order_id: str, timeout_seconds: float = 30.0) -> dict[str, dict[str, Any]]:
        """The three effects of an order, by name, once all are delivered."""

        def look() -> dict[str, dict[str, Any]] | None:
            reply = self.get("notification-api", f"/api/v1/notifications?orderId={order_id}")
            effects = {effect["effect"]: effect for effect in reply.json().get("effects", [])}
            done = len(effects) == 3 and all(effect["status"] == "DELIVERED" for effect in effects.values())
            return effects if done else None

        return wait_until(look, f"the effects of order {order_id}", timeout_seconds)
