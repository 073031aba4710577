"""Operators' and orders' calls over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from tests.integration.coupon_service.service import a_handler, a_stored_event, create_coupon, rows

WHY = {"by": "kim", "reason": "the broadcast is late"}


def operate(
    client: FlaskClient, coupon_id: int, verb: str, key: str | None = None, **more: Any
) -> TestResponse:
    """``verb`` is pause, resume, end or stock."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/api/v1/coupons/{coupon_id}/{verb}", json=WHY | more, headers=headers)


def succeed(reply: TestResponse) -> dict[str, Any]:
    assert reply.status_code == 200, reply.text
    body: dict[str, Any] = reply.get_json()
    return body


def coupon_of(client: FlaskClient, coupon_id: int) -> dict[str, Any]:
    return succeed(client.get(f"/api/v1/coupons/{coupon_id}"))


def refused(reply: TestResponse) -> tuple[int, str, str]:
    """Status code, the last part of the problem's type, and the present status."""
    problem = reply.get_json()
    return reply.status_code, problem["type"].rpartition(":")[2], problem.get("currentStatus", "")


def issued(client: FlaskClient, engine: Engine, user_id: int = 7, **terms: Any) -> int:
    """The id of a user coupon that was issued just now."""
    coupon_id = create_coupon(client, **terms)
    a_handler(engine).handle([a_stored_event(engine, user_id, coupon_id)])
    [row] = rows(engine, f"SELECT user_coupon_id FROM user_coupon WHERE coupon_id = {coupon_id}")  # noqa: S608
    return int(row.user_coupon_id)


def act(client: FlaskClient, user_coupon_id: int, verb: str, **body: Any) -> TestResponse:
    """``verb`` is reserve, confirm, release, give-back or revoke."""
    return client.post(f"/api/v1/user-coupons/{user_coupon_id}/{verb}", json=body)


def reserve(
    client: FlaskClient,
    user_coupon_id: int,
    order_id: UUID,
    user_id: int = 7,
    amount: int = 20_000,
    **more: Any,
) -> TestResponse:
    body = {"orderId": str(order_id), "userId": user_id, "orderAmount": amount, **more}
    return act(client, user_coupon_id, "reserve", **body)


def confirm(client: FlaskClient, user_coupon_id: int, order_id: UUID) -> TestResponse:
    return act(client, user_coupon_id, "confirm", orderId=str(order_id))


def release(client: FlaskClient, user_coupon_id: int, order_id: UUID) -> TestResponse:
    return act(client, user_coupon_id, "release", orderId=str(order_id))


def user_coupon_of(client: FlaskClient, user_coupon_id: int) -> dict[str, Any]:
    return succeed(client.get(f"/api/v1/user-coupons/{user_coupon_id}"))


def history(client: FlaskClient, path: str) -> list[tuple[str, str, str | None]]:
    """Oldest first: kind, by whom, why."""
    changes = succeed(client.get(f"/api/v1/{path}/changes"))["changes"]
    return [(change["kind"], change["by"], change["reason"]) for change in reversed(changes)]


def let_pass(engine: Engine, user_coupon_id: int, column: str) -> None:
    """Move ``reserved_until`` or ``expires_at`` into the past."""
    statement = (
        f"UPDATE user_coupon SET {column} = clock_timestamp() - interval '1 second'"  # noqa: S608 - our own names
        f" WHERE user_coupon_id = {user_coupon_id}"
    )
    with engine.begin() as connection:
        # No change of the service does this, and the trigger refuses it.
        connection.execute(text("ALTER TABLE user_coupon DISABLE TRIGGER user_coupon_transition"))
        connection.execute(text(statement))
        connection.execute(text("ALTER TABLE user_coupon ENABLE TRIGGER user_coupon_transition"))


@contextmanager
def locked(engine: Engine, user_coupon_id: int) -> Iterator[None]:
    """Commands are judged meanwhile, and wait when they are about to change the user coupon."""
    statement = text("SELECT FROM user_coupon WHERE user_coupon_id = :held FOR UPDATE")
    with engine.begin() as connection:
        # On a busy machine the others take longer to come than a frozen process may keep its locks.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(statement, {"held": user_coupon_id})
        yield
