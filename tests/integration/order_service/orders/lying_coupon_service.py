"""A coupon service that reserves every coupon, and says something else of it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from flask import Flask, request

from servicekit.http.server import HttpServer

_OF_RESERVATION = {"order_id", "order_amount", "discount_amount"}


class LyingCouponService:
    """``lies`` replace what it would say; without them it is honest, and takes 5,000 off."""

    def __init__(self, lies: Mapping[str, object]) -> None:
        self._lies = lies
        app = Flask(__name__)
        app.post("/api/v1/user-coupons/<int:user_coupon_id>/reserve")(self._reserve)
        self._server = HttpServer(app, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()

    def _reserve(self, user_coupon_id: int) -> dict[str, Any]:
        asked = request.get_json()
        said = {
            "user_coupon_id": user_coupon_id,
            "user_id": asked["userId"],
            "status": "RESERVED",
            "order_id": asked["orderId"],
            "order_amount": asked["orderAmount"],
            "discount_amount": 5_000,
            **self._lies,
        }
        return {
            "userCouponId": said["user_coupon_id"],
            "userId": said["user_id"],
            "status": said["status"],
            "reservation": {
                "orderId": said["order_id"],
                "orderAmount": said["order_amount"],
                "discountAmount": said["discount_amount"],
            },
        }
