"""The coupon service over HTTP, and its database as it really is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, text
from werkzeug.test import TestResponse

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.config import ApiSettings
from coupon_service.messaging.incoming_coupon_publish_requested import (
    CONSUMER_GROUP,
    CouponPublishRequested,
    CouponPublishRequestedHandler,
)
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.db.engine import create_engine
from tests.integration.coupon_service.builders import a_coupon_body, an_event


def an_engine(database_url: str, pool_size: int = 8) -> Engine:
    settings = ApiSettings(database_url=database_url, database_pool_size=pool_size)
    return create_engine(settings, "coupon-service-tests")


def a_handler(engine: Engine) -> CouponPublishRequestedHandler:
    """The worker without its consumer."""
    unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
    return CouponPublishRequestedHandler(DecideRequests(unit_of_work))


def create_coupon(client: FlaskClient, **changes: Any) -> int:
    reply = client.post("/api/v1/coupons", json=a_coupon_body(**changes))
    assert reply.status_code == 201, reply.text
    return int(reply.get_json()["couponId"])


def press(client: FlaskClient, user_id: int, coupon_id: int, key: str | None = None) -> TestResponse:
    """Request a coupon, under an idempotency key if there is one."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/api/v1/users/{user_id}/coupons/{coupon_id}/issue", headers=headers)


def accepted(client: FlaskClient, user_id: int, coupon_id: int) -> UUID:
    """The id of a new request."""
    reply = press(client, user_id, coupon_id)
    assert reply.status_code == 202, reply.text
    return UUID(reply.get_json()["requestId"])


def request_of(client: FlaskClient, request_id: UUID, wait_seconds: float = 0) -> dict[str, Any]:
    reply = client.get(f"/api/v1/coupon-requests/{request_id}", query_string={"wait": wait_seconds})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.get_json()
    return body


def published_events(engine: Engine) -> list[CouponPublishRequested]:
    """The outbox's events, in their order."""
    return [
        CouponPublishRequested.model_validate_json(row.payload)
        for row in rows(engine, "SELECT payload::text AS payload FROM outbox ORDER BY position")
    ]


def a_stored_event(
    engine: Engine, user_id: int, coupon_id: int, requested_at: datetime | None = None
) -> CouponPublishRequested:
    """The event of a request that was accepted at ``requested_at``, or now."""
    event = an_event(user_id, coupon_id)
    statement = (
        "INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)"
        " VALUES (:request_id, :coupon_id, :user_id, 'ACCEPTED', coalesce(:at, clock_timestamp()))"
    )
    values = {"request_id": event.request_id, "coupon_id": coupon_id, "user_id": user_id, "at": requested_at}
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    return event


def rows(engine: Engine, statement: str) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(text(statement)).all()


def count(engine: Engine, table: str) -> int:
    return int(rows(engine, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - our own table names


@contextmanager
def held(engine: Engine, coupon_id: int) -> Iterator[None]:
    """Keep a coupon's row locked: every decider of it waits, and all go on at the same moment."""
    statement = text("SELECT 1 FROM coupon WHERE coupon_id = :coupon_id FOR UPDATE")
    with engine.begin() as connection:
        # On a busy machine the others take longer to come than a frozen process may keep its locks.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(statement, {"coupon_id": coupon_id})
        yield


def waiting_sessions(engine: Engine) -> int:
    """How many sessions wait for another one's lock."""
    [row] = rows(
        engine,
        "SELECT count(*) AS number FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return int(row.number)
