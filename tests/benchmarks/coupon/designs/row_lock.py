"""The synchronous row lock: SELECT … FOR UPDATE, insert, count, commit."""

from flask import Flask, Response
from sqlalchemy import text

from tests.benchmarks.coupon.designs.tables import (
    DUPLICATE,
    ISSUED,
    SOLD_OUT,
    add_user_coupon,
    an_application,
    an_engine,
    reply,
)

_LOCK = text("SELECT total_quantity, issued_quantity FROM coupon WHERE coupon_id = :coupon_id FOR UPDATE")
_COUNT = text("UPDATE coupon SET issued_quantity = issued_quantity + 1 WHERE coupon_id = :coupon_id")


def create_application() -> Flask:
    app = an_application(__name__)
    engine = an_engine()

    def issue(user_id: int, coupon_id: int) -> str:
        with engine.begin() as connection:
            coupon = connection.execute(_LOCK, {"coupon_id": coupon_id}).one()
            if coupon.issued_quantity >= coupon.total_quantity:
                return SOLD_OUT
            if not add_user_coupon(connection, coupon_id, user_id):
                return DUPLICATE
            connection.execute(_COUNT, {"coupon_id": coupon_id})
        return ISSUED

    @app.post("/api/v1/users/<int:user_id>/coupons/<int:coupon_id>/issue")
    def post(user_id: int, coupon_id: int) -> tuple[Response, int]:
        return reply(issue(user_id, coupon_id))

    return app
