"""Paid orders use their coupons, cancelled ones give them back, whatever comes first and however often."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from servicekit.identifiers import uuid7
from tests.integration.coupon_service.lives import (
    WHY,
    act,
    confirm,
    history,
    issued,
    let_pass,
    locked,
    refused,
    reserve,
    succeed,
    user_coupon_of,
)
from tests.integration.coupon_service.order_events import (
    cancel,
    complete,
    differences,
    order_cancelled,
    order_completed,
)
from tests.integration.coupon_service.service import count, rows, waiting_sessions
from tests.support.waiting import wait_until

Prepare = Callable[[FlaskClient, Engine, int, UUID], None]


def kinds(client: FlaskClient, held: int) -> list[str]:
    return [kind for kind, _, _ in history(client, f"user-coupons/{held}")]


def status(client: FlaskClient, held: int) -> tuple[str, str | None]:
    """With the order that holds or has used it."""
    found = user_coupon_of(client, held)
    reservation = found.get("reservation")
    return found["status"], None if reservation is None else reservation["orderId"]


def test_a_paid_order_uses_its_coupon_beside_the_call_over_http(client: FlaskClient, engine: Engine) -> None:
    called_before, called_after = issued(client, engine), issued(client, engine)
    first, second = uuid7(), uuid7()
    succeed(reserve(client, called_before, first))
    succeed(reserve(client, called_after, second))

    succeed(confirm(client, called_before, first))
    assert (
        complete(engine, order_completed(first, called_before), order_completed(second, called_after)) == {}
    )
    succeed(confirm(client, called_after, second))

    for held, order_id in ((called_before, first), (called_after, second)):
        assert status(client, held) == ("USED", str(order_id))
        assert kinds(client, held) == ["RESERVED", "USED"]
    assert differences(engine) == {}


def _is_lapsed(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    succeed(reserve(client, held, order_id))
    let_pass(engine, held, "reserved_until")


def _is_expired(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    _is_lapsed(client, engine, held, order_id)
    let_pass(engine, held, "expires_at")


def _is_lapsed_for_another(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    _is_lapsed(client, engine, held, uuid7())


def _is_issued(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None: ...


@pytest.mark.parametrize("prepare", [_is_issued, _is_lapsed, _is_expired, _is_lapsed_for_another])
def test_a_late_event_uses_what_only_time_took(client: FlaskClient, engine: Engine, prepare: Prepare) -> None:
    held, order_id = issued(client, engine, validForHours=1), uuid7()
    prepare(client, engine, held, order_id)

    assert complete(engine, order_completed(order_id, held)) == {}

    assert status(client, held) == ("USED", str(order_id))
    assert kinds(client, held)[-1] == "USED"
    assert user_coupon_of(client, held)["reservation"]["discountAmount"] == 5_000
    assert differences(engine) == {}


def _reserve_for_another(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    succeed(reserve(client, held, uuid7()))


def _use_for_another(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    other = uuid7()
    succeed(reserve(client, held, other))
    succeed(confirm(client, held, other))


def _revoke(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    succeed(reserve(client, held, order_id))
    succeed(act(client, held, "revoke", **WHY))


def _give_back(client: FlaskClient, engine: Engine, held: int, order_id: UUID) -> None:
    succeed(act(client, held, "give-back", userId=7))


@pytest.mark.parametrize(
    ("prepare", "changes", "reason"),
    [
        (_reserve_for_another, {}, "HELD_BY_ANOTHER_ORDER"),
        (_use_for_another, {}, "USED_BY_ANOTHER_ORDER"),
        (_revoke, {}, "REVOKED"),
        (_give_back, {}, "GIVEN_BACK"),
        (_is_issued, {"user_id": 8}, "ANOTHER_USERS_COUPON"),
        (_is_issued, {"user_coupon_id": 999_999}, "UNKNOWN_COUPON"),
        (_is_issued, {"discount": 4_000}, "ANOTHER_AMOUNT"),
    ],
    ids=["held", "used", "revoked", "given back", "another user", "unknown", "amount"],
)
def test_what_a_paid_order_cannot_use_is_reported_once(
    client: FlaskClient, engine: Engine, prepare: Prepare, changes: dict[str, int], reason: str
) -> None:
    held, order_id = issued(client, engine), uuid7()
    prepare(client, engine, held, order_id)
    before = status(client, held)
    arguments = {"user_coupon_id": held} | changes
    event = order_completed(order_id, **arguments)

    with capture_logs() as logs:
        assert complete(engine, event, event) == {}
        assert complete(engine, event) == {}

    assert differences(engine) == {order_id: reason}
    errors = [log for log in logs if log["event"] == "order_differs_from_coupon"]
    assert [(log["log_level"], log["reason"]) for log in errors] == [("error", reason)]
    after = ("USED", str(order_id)) if reason == "ANOTHER_AMOUNT" else before
    assert status(client, held) == after


def test_of_two_orders_with_one_coupon_one_uses_it(client: FlaskClient, engine: Engine) -> None:
    held, other = issued(client, engine), issued(client, engine)
    first, second, third = uuid7(), uuid7(), uuid7()

    # In a poll the first event counts, also where another coupon's comes between.
    complete(
        engine,
        order_completed(first, held),
        order_completed(third, other),
        order_completed(second, held),
    )

    assert status(client, held) == ("USED", str(first))
    assert status(client, other) == ("USED", str(third))
    assert differences(engine) == {second: "USED_BY_ANOTHER_ORDER"}


def test_two_orders_at_once_leave_one_use(client: FlaskClient, engine: Engine) -> None:
    held, orders = issued(client, engine), [uuid7(), uuid7()]
    with ThreadPoolExecutor(2) as pool:
        with locked(engine, held):
            running = [pool.submit(complete, engine, order_completed(one, held)) for one in orders]
            wait_until(lambda: waiting_sessions(engine) == 2, "both to be about to use it")
        assert [one.result() for one in running] == [{}, {}]

    used, by = status(client, held)
    assert used == "USED"
    [other] = [one for one in orders if str(one) != by]
    assert differences(engine) == {other: "USED_BY_ANOTHER_ORDER"}


@pytest.mark.parametrize("is_over", [False, True], ids=["valid", "expired"])
def test_a_cancelled_order_gives_its_coupon_back_once(
    client: FlaskClient, engine: Engine, is_over: bool
) -> None:
    held, order_id = issued(client, engine, validForHours=1), uuid7()
    succeed(reserve(client, held, order_id))
    complete(engine, order_completed(order_id, held))
    if is_over:
        let_pass(engine, held, "expires_at")
    event = order_cancelled(order_id, held)

    for _ in range(2):
        assert cancel(engine, event, event) == {}

    assert status(client, held) == ("EXPIRED" if is_over else "ISSUED", None)
    changes = history(client, f"user-coupons/{held}")
    assert changes[2] == ("RELEASED", f"order {order_id}", "the order was cancelled")
    assert [kind for kind, _, _ in changes][3:] == (["EXPIRED"] if is_over else [])
    assert refused(confirm(client, held, order_id))[0] == 409
    assert refused(reserve(client, held, order_id))[0] == 409
    if not is_over:
        succeed(reserve(client, held, uuid7()))


def test_a_cancelled_part_gives_nothing_back(client: FlaskClient, engine: Engine) -> None:
    held, order_id = issued(client, engine), uuid7()
    complete(engine, order_completed(order_id, held))

    cancel(engine, order_cancelled(order_id, held, is_whole=False), order_cancelled(uuid7(), None))

    assert status(client, held) == ("USED", str(order_id))
    assert rows(engine, "SELECT FROM coupon_order WHERE cancelled_at IS NOT NULL") == []


@pytest.mark.parametrize("before", ["reserved", "confirmed", "nothing"])
def test_a_cancellation_that_is_read_first_keeps_the_coupon_free(
    client: FlaskClient, engine: Engine, before: str
) -> None:
    held, order_id = issued(client, engine), uuid7()
    if before != "nothing":
        succeed(reserve(client, held, order_id))
    if before == "confirmed":
        succeed(confirm(client, held, order_id))

    cancel(engine, order_cancelled(order_id, held))
    assert status(client, held) == ("ISSUED", None)
    complete(engine, order_completed(order_id, held))

    assert status(client, held) == ("ISSUED", None)
    assert differences(engine) == {}


def test_payment_and_cancellation_read_at_once_leave_it_free(client: FlaskClient, engine: Engine) -> None:
    held, order_id = issued(client, engine), uuid7()
    with ThreadPoolExecutor(2) as pool:
        with locked(engine, held):
            paying = pool.submit(complete, engine, order_completed(order_id, held))
            wait_until(lambda: waiting_sessions(engine) == 1, "the payment to be about to use it")
            cancelling = pool.submit(cancel, engine, order_cancelled(order_id, held))
            wait_until(lambda: waiting_sessions(engine) == 2, "the cancellation to wait for the payment")
        assert (paying.result(), cancelling.result()) == ({}, {})

    assert status(client, held) == ("ISSUED", None)
    assert kinds(client, held) == ["USED", "RELEASED"]


def test_cancelling_an_order_settles_its_difference(client: FlaskClient, engine: Engine) -> None:
    held, order_id = issued(client, engine), uuid7()
    _use_for_another(client, engine, held, order_id)
    complete(engine, order_completed(order_id, held))
    before = status(client, held)

    cancel(engine, order_cancelled(order_id, held))

    assert differences(engine) == {}
    [row] = rows(engine, "SELECT settled_by, settled_reason FROM order_difference")
    assert tuple(row) == ("coupon-service", "the order was cancelled as a whole")
    assert status(client, held) == before


def test_an_event_that_contradicts_another_one_is_refused(client: FlaskClient, engine: Engine) -> None:
    held, other, order_id = issued(client, engine), issued(client, engine), uuid7()
    complete(engine, order_completed(order_id, held))

    contradicting = order_completed(order_id, other)
    assert list(complete(engine, order_completed(uuid7(), None), contradicting)) == [1]
    assert list(cancel(engine, order_cancelled(order_id, other))) == [0]
    assert list(cancel(engine, order_cancelled(order_id, held, user_id=8))) == [0]

    assert status(client, held) == ("USED", str(order_id))
    assert status(client, other) == ("ISSUED", None)
    # So is a replay of its dead letter.
    assert list(complete(engine, contradicting)) == [0]


def test_orders_without_a_coupon_leave_no_trace(client: FlaskClient, engine: Engine) -> None:
    complete(engine, order_completed(uuid7(), None), (b"key", b"an order of another kind"))

    assert (count(engine, "inbox"), count(engine, "coupon_order")) == (0, 0)


USED = (
    "UPDATE user_coupon SET status = 'USED', change_count = change_count + 1, order_id = '{order_id}',"
    " order_amount = 1, discount_amount = 1, reserved_until = now() WHERE user_coupon_id = {held}"
)
FREED = (
    "UPDATE user_coupon SET status = 'ISSUED', change_count = change_count + 1, order_id = NULL,"
    " order_amount = NULL, discount_amount = NULL, reserved_until = NULL WHERE user_coupon_id = {held}"
)


def test_the_database_is_the_last_defence_of_coupons_of_orders(client: FlaskClient, engine: Engine) -> None:
    held, paid, cancelled, unpaid = issued(client, engine), uuid7(), uuid7(), uuid7()
    cancel(engine, order_cancelled(cancelled, held))
    complete(engine, order_completed(cancelled, held))

    def attempt(statement: str, order_id: UUID) -> str | None:
        try:
            with engine.begin() as connection:
                connection.execute(text(statement.format(held=held, order_id=order_id)))
        except IntegrityError as error:
            return error.orig.diag.constraint_name if error.orig else ""  # type: ignore[attr-defined]
        return None

    assert attempt(USED, unpaid) == attempt(USED, cancelled) == "user_coupon_transition"
    complete(engine, order_completed(paid, held))
    assert status(client, held) == ("USED", str(paid))
    assert attempt(FREED, paid) == "user_coupon_transition"
    assert attempt(USED, cancelled) == "user_coupon_transition"
