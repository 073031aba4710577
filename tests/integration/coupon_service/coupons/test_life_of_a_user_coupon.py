"""A user's coupon is reserved, used, released, given back, revoked, and ends by time."""

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from coupon_service.persistence.user_coupon_expiry import SqlUserCouponExpiry
from servicekit.db.retention import Retention
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import (
    WHY,
    act,
    confirm,
    coupon_of,
    history,
    issued,
    let_pass,
    locked,
    refused,
    release,
    reserve,
    succeed,
    user_coupon_of,
)
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    count,
    request_of,
    rows,
    waiting_sessions,
)
from tests.support.waiting import wait_until

FIRST, SECOND = UUID(int=1), UUID(int=2)
Call = Callable[[FlaskClient, int], TestResponse]

RESERVE: Call = lambda client, held: reserve(client, held, FIRST)  # noqa: E731
RESERVE_FOR_ANOTHER: Call = lambda client, held: reserve(client, held, SECOND)  # noqa: E731
CONFIRM: Call = lambda client, held: confirm(client, held, FIRST)  # noqa: E731
RELEASE: Call = lambda client, held: release(client, held, FIRST)  # noqa: E731
GIVE_BACK: Call = lambda client, held: act(client, held, "give-back", userId=7)  # noqa: E731
REVOKE: Call = lambda client, held: act(client, held, "revoke", **WHY)  # noqa: E731


def sweep(engine: Engine, batch_rows: int = 1_000) -> dict[str, int]:
    return Retention(engine, SqlUserCouponExpiry().sweeps(), batch_rows).run_once(StopSignal())


def kinds(client: FlaskClient, user_coupon_id: int) -> list[str]:
    return [kind for kind, _, _ in history(client, f"user-coupons/{user_coupon_id}")]


def test_an_order_reserves_and_uses_a_coupon(client: FlaskClient, engine: Engine) -> None:
    discount = {"type": "RATE", "value": 30, "maximumAmount": 5_000}
    held = issued(client, engine, discount=discount, minimumOrderAmount=10_000, validForHours=24)
    order_id = uuid7()

    reserved = succeed(reserve(client, held, order_id, holdSeconds=60))
    used = succeed(confirm(client, held, order_id))

    assert reserved["status"] == "RESERVED"
    assert reserved["reservation"] | {"reservedUntil": ""} == {
        "orderId": str(order_id),
        "orderAmount": 20_000,
        "discountAmount": 5_000,
        "reservedUntil": "",
    }
    assert used == reserved | {"status": "USED"}
    assert user_coupon_of(client, held) == used
    assert client.get("/api/v1/users/7/coupons").get_json()["coupons"] == [used]
    assert history(client, f"user-coupons/{held}") == [
        ("RESERVED", f"order {order_id}", None),
        ("USED", f"order {order_id}", None),
    ]
    [times] = rows(engine, "SELECT expires_at - issued_at = interval '24 hours' AS same FROM user_coupon")
    assert times.same


@pytest.mark.parametrize(
    ("before", "call", "recorded"),
    [
        ([], RESERVE, ["RESERVED"]),
        ([RESERVE], CONFIRM, ["RESERVED", "USED"]),
        ([RESERVE], RELEASE, ["RESERVED", "RELEASED"]),
        ([RESERVE, RELEASE], RESERVE_FOR_ANOTHER, ["RESERVED", "RELEASED", "RESERVED"]),
        ([], GIVE_BACK, ["GIVEN_BACK"]),
        ([], REVOKE, ["REVOKED"]),
        ([RESERVE], REVOKE, ["RESERVED", "REVOKED"]),
        ([RESERVE, REVOKE], RELEASE, ["RESERVED", "REVOKED"]),
    ],
)
def test_a_change_that_comes_again_gets_the_same_answer(
    client: FlaskClient, engine: Engine, before: list[Call], call: Call, recorded: list[str]
) -> None:
    held = issued(client, engine)
    for earlier in before:
        succeed(earlier(client, held))

    with ThreadPoolExecutor(4) as crowd:
        replies = [
            crowd.submit(call, client.application.test_client(), held) for _ in range(8)
        ]  # fmt: skip
    first, *others = [succeed(reply.result()) for reply in replies]

    assert all(other == first for other in others)
    assert succeed(call(client, held)) == first
    assert kinds(client, held) == recorded


@pytest.mark.parametrize(
    ("before", "calls", "status"),
    [
        ([], [CONFIRM, RELEASE], "ISSUED"),
        ([RESERVE], [RESERVE_FOR_ANOTHER, GIVE_BACK], "RESERVED"),
        ([RESERVE_FOR_ANOTHER], [CONFIRM, RELEASE], "RESERVED"),
        ([RESERVE, CONFIRM], [RESERVE_FOR_ANOTHER, RELEASE, GIVE_BACK, REVOKE], "USED"),
        ([RESERVE, RELEASE], [RESERVE, CONFIRM], "ISSUED"),
        ([GIVE_BACK], [RESERVE, CONFIRM, RELEASE, REVOKE], "GIVEN_BACK"),
        ([REVOKE], [RESERVE, CONFIRM, RELEASE, GIVE_BACK], "REVOKED"),
    ],
)
def test_what_the_status_does_not_allow_is_refused_with_it(
    client: FlaskClient, engine: Engine, before: list[Call], calls: list[Call], status: str
) -> None:
    held = issued(client, engine)
    for earlier in before:
        succeed(earlier(client, held))
    stored = rows(engine, "SELECT * FROM user_coupon"), count(engine, "user_coupon_change")

    for call in calls:
        assert refused(call(client, held)) == (409, "user-coupon-transition-refused", status)

    assert (rows(engine, "SELECT * FROM user_coupon"), count(engine, "user_coupon_change")) == stored


def test_a_reservation_that_nobody_confirms_ends_before_any_sweep(
    client: FlaskClient, engine: Engine
) -> None:
    held = issued(client, engine)
    succeed(reserve(client, held, FIRST))
    let_pass(engine, held, "reserved_until")

    seen = user_coupon_of(client, held)
    assert (seen["status"], seen["reservation"]) == ("ISSUED", None)
    assert client.get("/api/v1/users/7/coupons").get_json()["coupons"] == [seen]
    assert kinds(client, held) == ["RESERVED", "LAPSED"]
    assert refused(confirm(client, held, FIRST)) == (409, "user-coupon-transition-refused", "ISSUED")
    assert succeed(release(client, held, FIRST))["status"] == "ISSUED"
    assert count(engine, "user_coupon_change") == 1
    assert succeed(reserve(client, held, SECOND))["reservation"]["orderId"] == str(SECOND)
    assert kinds(client, held) == ["RESERVED", "LAPSED", "RESERVED"]


def test_a_sweep_stores_what_was_seen_before_it(client: FlaskClient, engine: Engine) -> None:
    lapsed, expired, both, kept = (issued(client, engine, validForHours=1, totalQuantity=1) for _ in range(4))
    for held in (lapsed, both, kept):
        succeed(reserve(client, held, FIRST))
    let_pass(engine, both, "expires_at")
    let_pass(engine, expired, "expires_at")
    for held in (lapsed, both):
        let_pass(engine, held, "reserved_until")
    ids = (lapsed, expired, both, kept)

    def seen() -> list[object]:
        urls = [f"/api/v1/user-coupons/{held}{part}" for held in ids for part in ("", "/changes")]
        return [succeed(client.get(url)) for url in urls]

    before = seen()
    stored = "SELECT status FROM user_coupon ORDER BY user_coupon_id"
    assert [row.status for row in rows(engine, stored)] == ["RESERVED", "ISSUED", "RESERVED", "RESERVED"]

    assert sweep(engine, batch_rows=1) == {"reservations": 2, "user_coupons": 2}

    assert seen() == before
    assert [row.status for row in rows(engine, stored)] == ["ISSUED", "EXPIRED", "EXPIRED", "RESERVED"]
    assert [kinds(client, held) for held in ids] == [
        ["RESERVED", "LAPSED"],
        ["EXPIRED"],
        ["RESERVED", "LAPSED", "EXPIRED"],
        ["RESERVED"],
    ]
    assert sweep(engine) == {"reservations": 0, "user_coupons": 0}
    # None of them returned to the stock.
    for row in rows(engine, "SELECT coupon_id FROM coupon"):
        coupon = coupon_of(client, row.coupon_id)
        assert (coupon["status"], coupon["remainingQuantity"]) == ("SOLD_OUT", 0)


def test_a_sweep_leaves_out_what_another_transaction_holds(client: FlaskClient, engine: Engine) -> None:
    held, free = issued(client, engine), issued(client, engine)
    for user_coupon_id in (held, free):
        succeed(reserve(client, user_coupon_id, FIRST))
        let_pass(engine, user_coupon_id, "reserved_until")

    with locked(engine, held):
        assert sweep(engine)["reservations"] == 1

    assert sweep(engine)["reservations"] == 1


RACES: list[tuple[list[Call], Call, Call, str, str]] = [
    ([], RESERVE, RESERVE_FOR_ANOTHER, "RESERVED", "RESERVED"),
    ([], RESERVE, GIVE_BACK, "RESERVED", "GIVEN_BACK"),
    ([], GIVE_BACK, REVOKE, "GIVEN_BACK", "REVOKED"),
    ([RESERVE], CONFIRM, RELEASE, "USED", "ISSUED"),
    ([RESERVE], CONFIRM, REVOKE, "USED", "REVOKED"),
    ([RESERVE], RELEASE, REVOKE, "ISSUED", "REVOKED"),
]


@pytest.mark.parametrize(("before", "one", "other", "after_one", "after_other"), RACES)
def test_of_two_changes_at_once_the_second_is_judged_after_the_first(
    client: FlaskClient,
    engine: Engine,
    before: list[Call],
    one: Call,
    other: Call,
    after_one: str,
    after_other: str,
) -> None:
    held = issued(client, engine)
    for earlier in before:
        succeed(earlier(client, held))

    with ThreadPoolExecutor() as threads:
        with locked(engine, held):
            # Both have judged the same state before either of them can change it.
            calls = [threads.submit(call, client.application.test_client(), held) for call in (one, other)]
            wait_until(lambda: waiting_sessions(engine) == 2, "both to be about to change it")
        replies = [call.result() for call in calls]

    recorded = kinds(client, held)
    assert len(recorded) == count(engine, "user_coupon_change")
    codes = [reply.status_code for reply in replies]
    if (one, other) == (RELEASE, REVOKE):
        # Both are allowed in a row; after the revocation there is nothing to release.
        assert codes == [200, 200]
        assert recorded[len(before) :] in (["RELEASED", "REVOKED"], ["REVOKED"])
        return
    assert sorted(codes) == [200, 409]
    status = after_one if codes[0] == 200 else after_other
    [problem] = [reply.get_json() for reply in replies if reply.status_code == 409]
    assert problem["currentStatus"] == status == user_coupon_of(client, held)["status"]
    assert len(recorded) == len(before) + 1


def test_a_confirmation_that_waited_past_the_reservation_is_refused(
    client: FlaskClient, engine: Engine
) -> None:
    held = issued(client, engine)
    succeed(reserve(client, held, FIRST, holdSeconds=2))

    over = "SELECT reserved_until <= clock_timestamp() AS over FROM user_coupon"
    with ThreadPoolExecutor() as threads, locked(engine, held):
        call = threads.submit(confirm, client.application.test_client(), held, FIRST)
        wait_until(lambda: waiting_sessions(engine) == 1 or call.done(), "the confirmation to wait")
        wait_until(lambda: rows(engine, over)[0].over, "the reservation to end")

    assert refused(call.result()) == (409, "user-coupon-transition-refused", "ISSUED")
    assert kinds(client, held) == ["RESERVED", "LAPSED"]


def test_a_sweep_and_a_confirmation_at_once_leave_one_of_them(client: FlaskClient, engine: Engine) -> None:
    held = issued(client, engine)
    succeed(reserve(client, held, FIRST))
    let_pass(engine, held, "reserved_until")

    with ThreadPoolExecutor() as threads:
        sweeps = [threads.submit(sweep, engine) for _ in range(3)]
        call = threads.submit(reserve, client.application.test_client(), held, SECOND)

    assert sum(swept.result()["reservations"] for swept in sweeps) <= 1
    assert succeed(call.result())["reservation"]["orderId"] == str(SECOND)
    assert kinds(client, held) == ["RESERVED", "LAPSED", "RESERVED"]


# By kind of change: from which status, and to which.
LEGAL = {
    "RESERVED": ("ISSUED", "RESERVED"),
    "USED": ("RESERVED", "USED"),
    "RELEASED": ("RESERVED", "ISSUED"),
    "LAPSED": ("RESERVED", "ISSUED"),
    "GIVEN_BACK": ("ISSUED", "GIVEN_BACK"),
    "EXPIRED": ("ISSUED", "EXPIRED"),
}


def test_a_crowd_leaves_histories_in_which_each_change_was_allowed(
    client: FlaskClient, engine: Engine
) -> None:
    helds = [issued(client, engine) for _ in range(6)]
    dice = random.Random(16)  # noqa: S311 - a reproducible crowd
    orders = [UUID(int=number) for number in range(1, 6)]
    verbs = ["reserve"] * 5 + ["release"] * 3 + ["confirm"]
    calls = [(dice.choice(helds), dice.choice(verbs), dice.choice(orders)) for _ in range(240)]
    calls += [(held, "give-back", orders[0]) for held in helds[:2]]

    def go(call: tuple[int, str, UUID]) -> tuple[int, str, UUID, int]:
        held, verb, order_id = call
        other = client.application.test_client()
        if verb == "reserve":
            code = reserve(other, held, order_id, holdSeconds=1).status_code
        elif verb == "give-back":
            code = act(other, held, "give-back", userId=7).status_code
        else:
            code = act(other, held, verb, orderId=str(order_id)).status_code
        return held, verb, order_id, code

    with ThreadPoolExecutor(6) as crowd:
        answers = [crowd.submit(go, call) for call in calls]
        sweeps = [crowd.submit(sweep, engine) for _ in range(5)]
    assert {answer.result()[3] for answer in answers} <= {200, 409}
    assert all(swept.exception() is None for swept in sweeps)

    # A reservation that ends between the two readings below would show in the one, not in the other.
    for held in helds:
        if user_coupon_of(client, held)["status"] == "RESERVED":
            let_pass(engine, held, "reserved_until")
    sweep(engine)

    for held in helds:
        changes = succeed(client.get(f"/api/v1/user-coupons/{held}/changes?limit=100"))["changes"][::-1]
        assert [change["changeNumber"] for change in changes] == list(range(1, len(changes) + 1))
        status, holder = "ISSUED", None
        for change in changes:
            before, after = LEGAL[change["kind"]]
            assert status == before, changes
            assert holder is None or change["orderId"] == holder
            status, holder = after, change["orderId"] if after == "RESERVED" else None
        assert user_coupon_of(client, held)["status"] == status
        # The history has what clients were answered, and nothing else.
        used = [
            order_id
            for of, verb, order_id, code in map(Future.result, answers)
            if (of, verb, code) == (held, "confirm", 200)
        ]
        recorded = {change["orderId"] for change in changes if change["kind"] == "USED"}
        assert {str(order_id) for order_id in used} == recorded


@pytest.mark.parametrize("call", [GIVE_BACK, REVOKE])
def test_what_a_user_lost_returns_neither_to_the_stock_nor_to_the_user(
    client: FlaskClient, engine: Engine, call: Call
) -> None:
    held = issued(client, engine, totalQuantity=1)
    succeed(call(client, held))
    coupon_id = user_coupon_of(client, held)["couponId"]

    events = [a_stored_event(engine, user_id, coupon_id) for user_id in (7, 8)]
    a_handler(engine).handle(events)

    reasons = [request_of(client, event.request_id)["reason"] for event in events]
    assert reasons == ["DUPLICATE", "SOLD_OUT"]
    assert coupon_of(client, coupon_id)["status"] == "SOLD_OUT"


def test_an_order_cannot_change_its_amount_or_reserve_below_the_minimum(
    client: FlaskClient, engine: Engine
) -> None:
    held = issued(client, engine, minimumOrderAmount=10_000)

    small = reserve(client, held, FIRST, amount=9_999)
    succeed(reserve(client, held, FIRST, amount=10_000))
    other = reserve(client, held, FIRST, amount=10_001)

    assert refused(small)[:2] == (422, "order-amount-too-small")
    assert small.get_json()["errors"][0]["field"] == "orderAmount"
    assert refused(other) == (409, "reservation-differs", "RESERVED")
    assert kinds(client, held) == ["RESERVED"]


def test_the_changes_of_a_user_coupon_are_paged(client: FlaskClient, engine: Engine) -> None:
    held = issued(client, engine)
    for number in range(1, 4):
        reserve(client, held, UUID(int=number))
        release(client, held, UUID(int=number))
    reserve(client, held, UUID(int=9))
    let_pass(engine, held, "reserved_until")

    url, seen, before = f"/api/v1/user-coupons/{held}/changes?limit=3", [], ""
    while before is not None:
        page = succeed(client.get(f"{url}{before}"))
        seen.append([change["changeNumber"] for change in page["changes"]])
        before = page["nextBefore"] and f"&before={page['nextBefore']}"

    assert seen == [[8, 7, 6], [5, 4, 3], [2, 1]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE user_coupon SET status = 'ISSUED', change_count = 9",
        (
            "UPDATE user_coupon SET status = 'REVOKED', change_count = 9, order_id = NULL,"
            " order_amount = NULL, discount_amount = NULL, reserved_until = NULL"
        ),
        "UPDATE user_coupon SET order_id = gen_random_uuid()",
        "UPDATE user_coupon SET user_id = 8, change_count = 9",
    ],
)
def test_the_database_is_the_last_defence_of_a_used_coupon(
    client: FlaskClient, engine: Engine, statement: str
) -> None:
    held = issued(client, engine)
    succeed(reserve(client, held, FIRST))
    succeed(confirm(client, held, FIRST))

    with pytest.raises(IntegrityError, match="user_coupon_transition"), engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("status", ["RESERVED", "GIVEN_BACK", "EXPIRED"])
def test_the_database_keeps_a_reservation_until_its_time(
    client: FlaskClient, engine: Engine, status: str
) -> None:
    held = issued(client, engine)
    succeed(reserve(client, held, FIRST))
    columns = "order_id, order_amount, discount_amount, reserved_until"
    kept = columns if status == "RESERVED" else "NULL, NULL, NULL, NULL"
    statement = text(
        f"UPDATE user_coupon SET status = '{status}', change_count = 2, ({columns}) = ROW({kept})"  # noqa: S608
    )

    with pytest.raises(IntegrityError, match="user_coupon_transition"), engine.begin() as connection:
        connection.execute(statement)
    let_pass(engine, held, "reserved_until")
    with engine.begin() as connection:
        connection.execute(statement)


def test_a_change_whose_record_cannot_be_stored_is_not_stored(client: FlaskClient, engine: Engine) -> None:
    held = issued(client, engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE user_coupon_change ADD CONSTRAINT refuse_all CHECK (false)"))

    assert reserve(client, held, FIRST).status_code == 500
    assert user_coupon_of(client, held)["status"] == "ISSUED"
