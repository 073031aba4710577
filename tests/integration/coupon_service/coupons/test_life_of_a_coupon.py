"""An operator adds stock, pauses, resumes and ends; and what a request gets that was accepted meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from coupon_service.messaging.incoming_coupon_publish_requested import CouponPublishRequested
from tests.integration.coupon_service.lives import coupon_of, history, operate, refused, succeed
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    count,
    create_coupon,
    held,
    request_of,
    rows,
    waiting_sessions,
)
from tests.support.waiting import wait_until

ANOTHER_COPY = """
INSERT INTO user_coupon (coupon_id, user_id, request_id, issue_number, issued_at, copy_number)
SELECT coupon_id, user_id, request_id, 9, now(), {copy_number} FROM user_coupon
"""


def outcome(client: FlaskClient, event: CouponPublishRequested) -> str:
    request = request_of(client, event.request_id)
    return str(request["reason"] or request["status"])


def a_coupon_that_is(client: FlaskClient, engine: Engine, status: str) -> int:
    now = datetime.now(UTC)
    soon, ago = (now + timedelta(minutes=1)).isoformat(), (now - timedelta(minutes=1)).isoformat()
    terms: dict[str, Any] = {"SCHEDULED": {"startsAt": soon}, "ENDED": {"endsAt": ago}}.get(status, {})
    coupon_id = create_coupon(client, totalQuantity=1, **terms)
    if status == "SOLD_OUT":
        a_handler(engine).handle([a_stored_event(engine, 1, coupon_id)])
    if status == "PAUSED":
        succeed(operate(client, coupon_id, "pause"))
    assert coupon_of(client, coupon_id)["status"] == status
    return coupon_id


@pytest.mark.parametrize(
    ("verb", "allowed"),
    [
        ("stock", {"SCHEDULED": "SCHEDULED", "ACTIVE": "ACTIVE", "PAUSED": "PAUSED", "SOLD_OUT": "ACTIVE"}),
        ("pause", {"SCHEDULED": "PAUSED", "ACTIVE": "PAUSED", "PAUSED": "PAUSED", "SOLD_OUT": "PAUSED"}),
        ("resume", {"PAUSED": "ACTIVE"}),
        ("end", {"SCHEDULED": "ENDED", "ACTIVE": "ENDED", "PAUSED": "ENDED", "SOLD_OUT": "ENDED"}),
    ],
)
def test_an_operation_is_allowed_from_some_statuses_only(
    client: FlaskClient, engine: Engine, verb: str, allowed: dict[str, str]
) -> None:
    more = {"quantity": 3} if verb == "stock" else {}
    for status in ("SCHEDULED", "ACTIVE", "PAUSED", "SOLD_OUT", "ENDED"):
        coupon_id = a_coupon_that_is(client, engine, status)
        before = rows(engine, f"SELECT * FROM coupon WHERE coupon_id = {coupon_id}")  # noqa: S608
        recorded = count(engine, "coupon_change")

        reply = operate(client, coupon_id, verb, key=f"{verb}-{coupon_id}", **more)

        if status in allowed:
            assert succeed(reply)["status"] == allowed[status]
            assert coupon_of(client, coupon_id) == reply.get_json()
        else:
            assert refused(reply) == (409, "coupon-transition-refused", status)
            assert rows(engine, f"SELECT * FROM coupon WHERE coupon_id = {coupon_id}") == before  # noqa: S608
            assert count(engine, "coupon_change") == recorded
            assert rows(engine, f"SELECT FROM idempotency_key WHERE key = '{verb}-{coupon_id}'") == []


def test_each_change_is_recorded_with_operator_and_reason(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    operate(client, coupon_id, "pause", reason="wrong price")
    operate(client, coupon_id, "stock", key="more", by="lee", reason="a second delivery", quantity=20)
    operate(client, coupon_id, "resume", reason="price corrected")
    operate(client, coupon_id, "end", by="lee", reason="recalled")

    assert history(client, f"coupons/{coupon_id}") == [
        ("PAUSED", "kim", "wrong price"),
        ("STOCK_ADDED", "lee", "a second delivery"),
        ("RESUMED", "kim", "price corrected"),
        ("ENDED", "lee", "recalled"),
    ]
    url = f"/api/v1/coupons/{coupon_id}/changes?limit=3"
    first = succeed(client.get(url))
    second = succeed(client.get(f"{url}&before={first['nextBefore']}"))
    assert [change["kind"] for change in second["changes"]] == ["PAUSED"]
    assert second["nextBefore"] is None
    assert first["changes"][2]["quantity"] == 20
    times = [change["changedAt"] for change in first["changes"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("verb", ["pause", "resume", "end"])
def test_an_operation_repeated_without_a_key_changes_nothing(
    client: FlaskClient, engine: Engine, verb: str
) -> None:
    coupon_id = create_coupon(client)
    if verb == "resume":
        operate(client, coupon_id, "pause")
    first = succeed(operate(client, coupon_id, verb))
    recorded = count(engine, "coupon_change")

    assert succeed(operate(client, coupon_id, verb, by="lee")) == first
    assert count(engine, "coupon_change") == recorded


def test_stock_is_added_once_for_a_key_however_often_it_comes(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, totalQuantity=10)

    def add(_: int) -> tuple[int, bytes]:
        reply = operate(client.application.test_client(), coupon_id, "stock", key="k", quantity=5)
        return reply.status_code, reply.data

    with ThreadPoolExecutor(4) as operators:
        replies = set(operators.map(add, range(8)))

    assert len(replies) == 1
    assert coupon_of(client, coupon_id)["totalQuantity"] == 15
    assert count(engine, "coupon_change") == 1


def test_an_operation_repeated_under_its_key_gets_its_first_answer(client: FlaskClient) -> None:
    coupon_id = create_coupon(client)
    first = operate(client, coupon_id, "pause", key="pause-1")
    operate(client, coupon_id, "stock", key="stock-1", quantity=7)
    operate(client, coupon_id, "end")

    again = operate(client, coupon_id, "pause", key="pause-1")

    assert (again.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert coupon_of(client, coupon_id)["status"] == "ENDED"
    other = operate(client, coupon_id, "pause", key="pause-1", reason="another")
    assert other.get_json()["type"] == "urn:problem:idempotency-key-reused"


def test_a_sold_out_coupon_with_more_stock_issues_again(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, totalQuantity=1)
    events = [a_stored_event(engine, user_id, coupon_id) for user_id in (1, 2, 3, 4)]
    a_handler(engine).handle(events[:2])

    succeed(operate(client, coupon_id, "stock", key="k", quantity=1))
    a_handler(engine).handle(events[2:])

    assert [outcome(client, event) for event in events] == ["ISSUED", "SOLD_OUT", "ISSUED", "SOLD_OUT"]


def test_a_request_accepted_in_a_pause_is_rejected_and_others_are_not(
    client: FlaskClient, engine: Engine
) -> None:
    coupon_id = create_coupon(client)
    events = [a_stored_event(engine, 1, coupon_id)]
    for user_id, verb in enumerate(("pause", "resume", "pause", "resume"), 2):
        succeed(operate(client, coupon_id, verb))
        events.append(a_stored_event(engine, user_id, coupon_id))

    # Decided during a third pause, which none of them was accepted in.
    succeed(operate(client, coupon_id, "pause"))
    a_handler(engine).handle(events)

    assert [outcome(client, event) for event in events] == ["ISSUED", "PAUSED", "ISSUED", "PAUSED", "ISSUED"]


def test_a_request_accepted_before_the_end_is_decided_as_usual(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    before = a_stored_event(engine, 1, coupon_id)
    succeed(operate(client, coupon_id, "end"))
    after = a_stored_event(engine, 2, coupon_id)

    a_handler(engine).handle([after, before])

    assert (outcome(client, before), outcome(client, after)) == ("ISSUED", "ENDED")


def test_a_change_waits_for_the_decisions_that_it_comes_after(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    event = a_stored_event(engine, 1, coupon_id)

    with ThreadPoolExecutor() as threads, held(engine, coupon_id):
        pause = threads.submit(operate, client.application.test_client(), coupon_id, "pause")
        wait_until(lambda: waiting_sessions(engine) == 1, "the pause to wait for the coupon")
        late = a_stored_event(engine, 2, coupon_id)

    assert succeed(pause.result())["status"] == "PAUSED"
    a_handler(engine).handle([event, late])
    # Its time is later than all that could be decided before it.
    assert (outcome(client, event), outcome(client, late)) == ("ISSUED", "ISSUED")


def test_operators_at_once_make_each_change_once(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client)
    verbs = ["pause", "pause", "end"] * 4

    def go(number: int) -> int:
        other = client.application.test_client()
        return operate(other, coupon_id, verbs[number], key=f"k-{number}").status_code

    with ThreadPoolExecutor(4) as operators:
        codes = list(operators.map(go, range(len(verbs))))

    recorded = [kind for kind, _, _ in history(client, f"coupons/{coupon_id}")]
    assert recorded in (["ENDED"], ["PAUSED", "ENDED"])
    assert [code for code, verb in zip(codes, verbs, strict=True) if verb == "end"] == [200] * 4
    # After the end a pause is refused, and it was the end that came before it.
    assert set(codes) <= {200, 409}


def test_a_user_gets_as_many_as_the_limit_in_any_batches(client: FlaskClient, engine: Engine) -> None:
    coupon_id = create_coupon(client, limitPerUser=2, totalQuantity=4)
    events = [a_stored_event(engine, user_id, coupon_id) for user_id in (1, 1, 1, 2, 1, 2, 3)]
    handler = a_handler(engine)
    for batch in (events[:1], events[1:4], events[4:]):
        handler.handle(batch)

    assert [outcome(client, event) for event in events] == [
        "ISSUED", "ISSUED", "DUPLICATE", "ISSUED", "DUPLICATE", "ISSUED", "SOLD_OUT",
    ]  # fmt: skip
    copies = rows(engine, "SELECT user_id, copy_number FROM user_coupon ORDER BY issue_number")
    assert [tuple(row) for row in copies] == [(1, 1), (1, 2), (2, 1), (2, 2)]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE coupon SET total_quantity = total_quantity - 1", "coupon_transition"),
        ("UPDATE coupon SET ended_at = NULL", "coupon_transition"),
        ("UPDATE coupon SET total_quantity = total_quantity + 1", "coupon_transition"),
        ("UPDATE coupon SET limit_per_user = 1", "coupon_transition"),
        (ANOTHER_COPY.format(copy_number=3), "user_coupon_within_limit"),
        (ANOTHER_COPY.format(copy_number=1), "user_coupon_one_copy"),
    ],
)
def test_the_database_is_the_last_defence_of_a_coupons_life(
    client: FlaskClient, engine: Engine, statement: str, constraint: str
) -> None:
    coupon_id = create_coupon(client, limitPerUser=2)
    a_handler(engine).handle([a_stored_event(engine, 7, coupon_id)])
    succeed(operate(client, coupon_id, "end"))

    with pytest.raises(IntegrityError, match=constraint), engine.begin() as connection:
        connection.execute(text(statement))


def test_the_coupons_are_paged_newest_first(client: FlaskClient, engine: Engine) -> None:
    assert succeed(client.get("/api/v1/coupons")) == {"coupons": [], "nextBefore": None}
    ids = [create_coupon(client) for _ in range(5)]
    operate(client, ids[4], "pause")

    first = succeed(client.get("/api/v1/coupons?limit=3"))
    second = succeed(client.get(f"/api/v1/coupons?limit=3&before={first['nextBefore']}"))

    assert first["coupons"][0] == coupon_of(client, ids[4])
    assert [coupon["couponId"] for page in (first, second) for coupon in page["coupons"]] == ids[::-1]
    assert second["nextBefore"] is None
