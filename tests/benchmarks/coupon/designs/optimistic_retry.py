"""Optimistic retry: read the version, change what still has it, begin again when another was faster."""

import random
import time

from flask import Flask, Response, jsonify
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

_ATTEMPTS = 50
_LONGEST_PAUSE_SECONDS = 0.02

_READ = text("SELECT total_quantity, issued_quantity, version FROM coupon WHERE coupon_id = :coupon_id")
_COUNT = text(
    "UPDATE coupon SET issued_quantity = issued_quantity + 1, version = version + 1"
    " WHERE coupon_id = :coupon_id AND version = :version"
)


def create_application() -> Flask:
    app = an_application(__name__)
    engine = an_engine()

    def attempt(user_id: int, coupon_id: int) -> str | None:
        """None when another transaction was faster."""
        with engine.connect() as connection:
            coupon = connection.execute(_READ, {"coupon_id": coupon_id}).one()
            if coupon.issued_quantity >= coupon.total_quantity:
                return SOLD_OUT
            if not add_user_coupon(connection, coupon_id, user_id):
                return DUPLICATE
            if not connection.execute(_COUNT, {"coupon_id": coupon_id, "version": coupon.version}).rowcount:
                return None
            connection.commit()
        return ISSUED

    @app.post("/api/v1/users/<int:user_id>/coupons/<int:coupon_id>/issue")
    def post(user_id: int, coupon_id: int) -> tuple[Response, int]:
        for _ in range(_ATTEMPTS):
            outcome = attempt(user_id, coupon_id)
            if outcome is not None:
                return reply(outcome)
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret
        answer = jsonify({"status": "BUSY"})
        answer.headers["Retry-After"] = "1"
        return answer, 503

    return app
