"""The tables of the designs that decide at once, in PostgreSQL."""

from typing import Any

from flask import Flask, Response, jsonify
from sqlalchemy import Engine, create_engine, make_url, text

from servicekit.config import DatabaseSettings

TABLES = """
CREATE TABLE coupon (
    coupon_id       bigint PRIMARY KEY,
    total_quantity  integer NOT NULL,
    issued_quantity integer NOT NULL DEFAULT 0,
    version         bigint NOT NULL DEFAULT 0
);
CREATE TABLE user_coupon (
    coupon_id bigint NOT NULL,
    user_id   bigint NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (coupon_id, user_id)
);
"""

ISSUED = "ISSUED"
SOLD_OUT = "SOLD_OUT"
DUPLICATE = "ALREADY_ISSUED"

_INSERT = text(
    "INSERT INTO user_coupon (coupon_id, user_id) VALUES (:coupon_id, :user_id) ON CONFLICT DO NOTHING"
)


def an_engine() -> Engine:
    """With a connection for each thread, as our own API has."""
    settings = DatabaseSettings()
    url = make_url(settings.database_url).set(drivername="postgresql+psycopg2")
    return create_engine(url, pool_size=settings.database_pool_size, max_overflow=0)


def add_user_coupon(connection: Any, coupon_id: int, user_id: int) -> bool:
    """False for a user that has one already."""
    values = {"coupon_id": coupon_id, "user_id": user_id}
    return bool(connection.execute(_INSERT, values).rowcount)


def an_application(name: str) -> Flask:
    app = Flask(name)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({})

    return app


def reply(outcome: str) -> tuple[Response, int]:
    """202 for a coupon that is promised with this answer, 409 with the reason for none."""
    return jsonify({"status": outcome}), 202 if outcome == ISSUED else 409
