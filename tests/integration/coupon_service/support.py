"""What the coupon service's tests do again and again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, Row, text

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.application.events import coupon_publish_requested
from coupon_service.config import ApiSettings
from coupon_service.domain.request import CouponRequest
from coupon_service.messaging.coupon_publish_requested import CouponPublishRequested
from coupon_service.messaging.coupon_requests_handler import CouponRequestsHandler
from coupon_service.persistence.database import CouponDatabase
from servicekit.clock import SystemClock
from servicekit.db.engine import create_engine
from servicekit.identifiers import uuid7


def an_engine(database_url: str, pool_size: int = 8) -> Engine:
    settings = ApiSettings(database_url=database_url, database_pool_size=pool_size)
    return create_engine(settings, application_name="tests")


def a_handler(engine: Engine) -> CouponRequestsHandler:
    return CouponRequestsHandler(DecideRequests(CouponDatabase(engine), SystemClock()))


def a_coupon_body(**changes: Any) -> dict[str, Any]:
    """A campaign that goes on now."""
    now = datetime.now(UTC)
    return {
        "name": "선착순",
        "totalQuantity": 500,
        "startsAt": (now - timedelta(hours=1)).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "discount": {"type": "AMOUNT", "value": 5000},
    } | changes


def create_coupon(client: FlaskClient, **changes: Any) -> int:
    reply = client.post("/api/v1/coupons", json=a_coupon_body(**changes))
    assert reply.status_code == 201, reply.text
    return int(reply.get_json()["couponId"])


def ask(client: FlaskClient, user_id: int, coupon_id: int) -> UUID:
    reply = client.post(f"/api/v1/users/{user_id}/coupons/{coupon_id}/issue")
    assert reply.status_code == 202, reply.text
    return UUID(reply.get_json()["requestId"])


def request_of(client: FlaskClient, request_id: UUID, wait_seconds: float = 0) -> dict[str, Any]:
    reply = client.get(f"/api/v1/coupon-requests/{request_id}", query_string={"wait": wait_seconds})
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.get_json()
    return body


def an_event(user_id: int, coupon_id: int, **changes: Any) -> CouponPublishRequested:
    """An event that no request of ours belongs to."""
    request = CouponRequest(uuid7(), coupon_id, user_id, datetime.now(UTC))
    payload = dict(coupon_publish_requested(request, uuid7()).payload)
    return CouponPublishRequested.model_validate(payload | changes)


def published_events(engine: Engine) -> list[CouponPublishRequested]:
    """The outbox's events, in their order."""
    return [
        CouponPublishRequested.model_validate_json(row.payload)
        for row in rows(engine, "SELECT payload::text AS payload FROM outbox ORDER BY position")
    ]


def rows(engine: Engine, statement: str) -> Sequence[Row[Any]]:
    with engine.connect() as connection:
        return connection.execute(text(statement)).all()


def count(engine: Engine, table: str) -> int:
    return int(rows(engine, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - a table of ours


@contextmanager
def held(engine: Engine, coupon_id: int) -> Iterator[None]:
    """Keep a coupon's row locked: whoever decides it waits, and all of them go on at the same moment."""
    statement = text("SELECT 1 FROM coupon WHERE coupon_id = :coupon_id FOR UPDATE")
    with engine.begin() as connection:
        # On a busy machine the others take longer to come than a frozen process may keep its locks.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(statement, {"coupon_id": coupon_id})
        yield


def waiting(engine: Engine) -> int:
    """How many sessions wait for another one's lock."""
    [row] = rows(
        engine,
        "SELECT count(*) AS number FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return int(row.number)
