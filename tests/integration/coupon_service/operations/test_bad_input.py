"""Bad requests: each a 4xx problem that names the field, and nothing stored."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from coupon_service.http.bodies import LONGEST_HOLD_SECONDS
from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.lives import WHY, act, issued, operate
from tests.integration.coupon_service.service import count, create_coupon, rows

COUPONS = "/api/v1/coupons"
TOO_LARGE = 2**63
NOT_INT64 = ["0", "-1", "+1", "1.0", "1e3", "1_0", "%201", "٣", "abc", str(TOO_LARGE), "9" * 5000, "%00"]


def assert_problem(reply: TestResponse, status: int, field: str | None = None) -> None:
    assert reply.status_code == status, reply.text
    assert reply.content_type == "application/problem+json"
    problem = reply.get_json()
    assert problem["status"] == status
    assert {"type", "title", "detail", "instance", "requestId"} <= problem.keys()
    if field is not None:
        assert field in [error["field"] for error in problem["errors"]], problem


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"totalQuantity": 0}, "totalQuantity"),
        ({"totalQuantity": -5}, "totalQuantity"),
        ({"totalQuantity": 10_000_001}, "totalQuantity"),
        ({"totalQuantity": TOO_LARGE}, "totalQuantity"),
        ({"totalQuantity": 10**400}, "totalQuantity"),
        ({"totalQuantity": 5.0}, "totalQuantity"),
        ({"totalQuantity": "5"}, "totalQuantity"),
        ({"totalQuantity": True}, "totalQuantity"),
        ({"startsAt": "yesterday"}, "startsAt"),
        ({"startsAt": "2026-01-01T00:00:00"}, "startsAt"),
        ({"startsAt": "2026-01-01"}, "startsAt"),
        ({"startsAt": 1_700_000_000}, "startsAt"),
        ({"startsAt": "1700000000"}, "startsAt"),
        ({"startsAt": "0001-01-01T00:00:00+14:00"}, "startsAt"),
        ({"endsAt": "9999-12-31T23:59:59-14:00"}, "endsAt"),
        ({"endsAt": "2026-02-30T00:00:00Z"}, "endsAt"),
        ({"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}, "endsAt"),
        ({"discount": None}, "discount"),
        ({"discount": []}, "discount"),
        ({"discount": {"type": "GIFT", "value": 1}}, "discount.type"),
        ({"discount": {"type": "AMOUNT", "value": 0}}, "discount.value"),
        ({"discount": {"type": "AMOUNT", "value": TOO_LARGE}}, "discount.value"),
        ({"discount": {"type": "RATE", "value": 101}}, "discount.value"),
        ({"discount": {"type": "RATE", "value": 9.5}}, "discount.value"),
        ({"discount": {"type": "RATE", "value": 10, "currency": "KRW"}}, "discount.currency"),
        ({"unknown": 1}, "unknown"),
        ({"limitPerUser": 0}, "limitPerUser"),
        ({"limitPerUser": 101}, "limitPerUser"),
        ({"limitPerUser": 2.0}, "limitPerUser"),
        ({"limitPerUser": None}, "limitPerUser"),
        ({"minimumOrderAmount": -1}, "minimumOrderAmount"),
        ({"minimumOrderAmount": TOO_LARGE}, "minimumOrderAmount"),
        ({"minimumOrderAmount": "0"}, "minimumOrderAmount"),
        ({"minimumOrderAmount": None}, "minimumOrderAmount"),
        ({"validForHours": 0}, "validForHours"),
        ({"validForHours": 87_601}, "validForHours"),
        ({"validForHours": True}, "validForHours"),
        ({"discount": {"type": "RATE", "value": 10, "maximumAmount": 0}}, "discount.maximumAmount"),
        ({"discount": {"type": "RATE", "value": 10, "maximumAmount": TOO_LARGE}}, "discount.maximumAmount"),
        ({"discount": {"type": "RATE", "value": 10, "maximumAmount": "1"}}, "discount.maximumAmount"),
        ({"discount": {"type": "AMOUNT", "value": 10, "maximumAmount": 5}}, "discount.maximumAmount"),
    ],
)
def test_a_bad_coupon_is_refused_by_field(
    client: FlaskClient, engine: Engine, changes: dict[str, Any], field: str
) -> None:
    reply = client.post(COUPONS, json=a_coupon_body(**changes), headers={"Idempotency-Key": "k"})

    assert_problem(reply, 422, field)
    assert (count(engine, "coupon"), count(engine, "idempotency_key")) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "totalQuantity": 10_000_000,
            "limitPerUser": 100,
            "minimumOrderAmount": 2**63 - 1,
            "validForHours": 1,
        },
        {"totalQuantity": 1, "limitPerUser": 1, "minimumOrderAmount": 0, "validForHours": 87_600},
        {"discount": {"type": "RATE", "value": 100, "maximumAmount": 2**63 - 1}, "validForHours": None},
        {"discount": {"type": "AMOUNT", "value": 2**63 - 1, "maximumAmount": None}},
        {"startsAt": "1000-01-01T00:00:00+14:00", "endsAt": "2999-12-31T23:59:59.999999-14:00"},
    ],
)
def test_a_coupon_at_the_edges_is_kept_as_it_was_sent(client: FlaskClient, changes: dict[str, Any]) -> None:
    coupon_id = create_coupon(client, **changes)

    read = client.get(f"/api/v1/coupons/{coupon_id}").get_json()
    sent = {name: value for name, value in changes.items() if name not in ("startsAt", "endsAt")}
    assert {name: read[name] for name in sent} == sent


@pytest.mark.parametrize("field", ["name", "totalQuantity", "startsAt", "endsAt", "discount"])
def test_a_missing_field_is_named(client: FlaskClient, field: str) -> None:
    body = a_coupon_body()
    del body[field]

    assert_problem(client.post(COUPONS, json=body), 422, field)


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"", "application/json", 422),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"text"', "application/json", 422),
        (b'"{}"', "application/json", 422),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b'{"name": "' + b"x" * 65_536 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, engine: Engine, data: bytes, content_type: str, status: int
) -> None:
    assert_problem(client.post(COUPONS, data=data, content_type=content_type), status)
    assert count(engine, "coupon") == 0


@pytest.mark.parametrize("number", NOT_INT64)
def test_a_path_id_that_is_no_positive_int64_is_named(
    client: FlaskClient, engine: Engine, number: str
) -> None:
    coupon_id = create_coupon(client)

    assert_problem(client.post(f"/api/v1/users/{number}/coupons/{coupon_id}/issue"), 422, "path.userId")
    assert_problem(client.post(f"/api/v1/users/7/coupons/{number}/issue"), 422, "path.couponId")
    assert_problem(client.get(f"/api/v1/coupons/{number}"), 422, "path.couponId")
    assert_problem(client.get(f"/api/v1/users/{number}/coupons"), 422, "path.userId")
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (0, 0)


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b'{"quantity": 2}', "application/json", 422),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b"7", "application/json", 422),
        (b"{", "application/json", 400),
        (b"x", "text/plain", 415),
        (b"{}" + b" " * 65_536, "application/json", 413),
    ],
)
def test_asking_for_a_coupon_takes_no_body_but_an_empty_one(
    client: FlaskClient, engine: Engine, data: bytes, content_type: str, status: int
) -> None:
    url = f"/api/v1/users/7/coupons/{create_coupon(client)}/issue"

    assert_problem(client.post(url, data=data, content_type=content_type), status)
    assert (count(engine, "coupon_request"), count(engine, "outbox")) == (0, 0)
    assert client.post(url, data=b"{}", content_type="application/json").status_code == 202
    assert client.post(url, data=b"", content_type="application/json").status_code == 202
    assert client.post(url).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "with blank", "é"])
def test_a_malformed_idempotency_key_is_named(client: FlaskClient, engine: Engine, key: str) -> None:
    url = f"/api/v1/users/7/coupons/{create_coupon(client)}/issue"

    reply = client.post(url, headers={"Idempotency-Key": key})

    assert_problem(reply, 400, "Idempotency-Key")
    assert count(engine, "coupon_request") == 0


@pytest.mark.parametrize("request_id", ["1", "not-a-uuid", "%00", "0" * 31])
def test_a_request_id_that_is_no_uuid_is_named(client: FlaskClient, request_id: str) -> None:
    assert_problem(client.get(f"/api/v1/coupon-requests/{request_id}"), 422, "path.requestId")


@pytest.mark.parametrize("wait", ["-1", "31", "nan", "inf", "soon", "", "1e400"])
def test_a_wait_out_of_range_is_named(client: FlaskClient, wait: str) -> None:
    url = f"/api/v1/coupon-requests/0190b6a4-5c3e-7d21-9f4a-2f6c1f0e8a11?wait={wait}"

    assert_problem(client.get(url), 422, "query.wait")


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/users/7/coupons",
        "/api/v1/coupons",
        "/api/v1/coupons/1/changes",
        "/api/v1/user-coupons/1/changes",
    ],
)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("before=0", "before"),
        ("page=2", "page"),
    ],
)
def test_a_bad_page_is_named(client: FlaskClient, url: str, query: str, field: str) -> None:
    assert_problem(client.get(f"{url}?{query}"), 422, f"query.{field}")


def test_what_does_not_exist_is_not_found(client: FlaskClient) -> None:
    unknown_request = "/api/v1/coupon-requests/0190b6a4-5c3e-7d21-9f4a-2f6c1f0e8a11"

    assert_problem(client.get("/api/v1/coupons/1"), 404, "path.couponId")
    assert_problem(client.get(unknown_request), 404, "path.requestId")
    assert_problem(client.get("/api/v1/nothing"), 404)
    assert_problem(client.delete("/api/v1/coupons"), 405)


@pytest.mark.parametrize(
    ("verb", "changes", "field"),
    [
        ("stock", {"quantity": 0}, "quantity"),
        ("stock", {"quantity": -1}, "quantity"),
        ("stock", {"quantity": 10_000_001}, "quantity"),
        ("stock", {"quantity": 9_999_501}, "quantity"),
        ("stock", {"quantity": 1.0}, "quantity"),
        ("stock", {"quantity": "1"}, "quantity"),
        ("stock", {"quantity": None}, "quantity"),
        ("stock", {"by": ""}, "by"),
        ("pause", {"by": ""}, "by"),
        ("pause", {"by": "x" * 201}, "by"),
        ("stock", {"by": " "}, "by"),
        ("pause", {"by": "\t\n"}, "by"),
        ("pause", {"by": None}, "by"),
        ("resume", {"by": 7}, "by"),
        ("end", {"by": "a\x00b"}, "by"),
        ("pause", {"reason": ""}, "reason"),
        ("resume", {"reason": "x" * 1_001}, "reason"),
        ("stock", {"reason": " "}, "reason"),
        ("end", {"reason": "  "}, "reason"),
        ("end", {"reason": "\ud800"}, "reason"),
        ("end", {"reason": []}, "reason"),
        ("pause", {"quantity": 1}, "quantity"),
    ],
)
def test_a_bad_change_of_a_coupon_is_refused_by_field(
    client: FlaskClient, engine: Engine, verb: str, changes: dict[str, Any], field: str
) -> None:
    coupon_id = create_coupon(client)
    more = {"quantity": 1} if verb == "stock" else {}

    reply = operate(client, coupon_id, verb, key="k", **more | changes)

    assert_problem(reply, 422, field)
    assert (count(engine, "coupon_change"), count(engine, "idempotency_key")) == (0, 0)
    assert operate(client, coupon_id, "resume", key="r").status_code == 409


def test_stock_up_to_the_largest_total_is_added(client: FlaskClient) -> None:
    coupon_id = create_coupon(client)

    assert operate(client, coupon_id, "stock", key="k", quantity=9_999_500).status_code == 200
    assert_problem(operate(client, coupon_id, "stock", key="l", quantity=1), 422, "quantity")


A_RESERVATION = {"orderId": "00000000-0000-0000-0000-000000000001", "userId": 7, "orderAmount": 1}


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        *(
            ("reserve", A_RESERVATION | changes, next(iter(changes)))
            for changes in (
                {"orderId": "1"},
                {"orderId": None},
                {"orderId": 1},
                {"userId": 0},
                {"userId": "7"},
                {"userId": TOO_LARGE},
                {"orderAmount": 0},
                {"orderAmount": -1},
                {"orderAmount": 1.0},
                {"orderAmount": TOO_LARGE},
                {"holdSeconds": 0},
                {"holdSeconds": LONGEST_HOLD_SECONDS + 1},
                {"holdSeconds": 1.5},
                {"holdSeconds": None},
                {"by": "kim"},
            )
        ),
        ("reserve", {"orderId": A_RESERVATION["orderId"], "userId": 7}, "orderAmount"),
        ("confirm", {}, "orderId"),
        ("confirm", {"orderId": "x"}, "orderId"),
        ("release", {"orderId": A_RESERVATION["orderId"], "reason": ""}, "reason"),
        ("give-back", {"userId": True}, "userId"),
        ("give-back", {"userId": 7, "reason": "a\x00b"}, "reason"),
        ("revoke", {"by": "kim"}, "reason"),
        ("revoke", WHY | {"by": "x" * 201}, "by"),
        ("release", {"orderId": A_RESERVATION["orderId"], "reason": " "}, "reason"),
        ("give-back", {"userId": 7, "reason": "\u3000"}, "reason"),
        ("revoke", WHY | {"by": " "}, "by"),
        ("revoke", WHY | {"reason": " "}, "reason"),
    ],
)
def test_a_bad_change_of_a_users_coupon_is_refused_by_field(
    client: FlaskClient, engine: Engine, verb: str, body: dict[str, Any], field: str
) -> None:
    held = issued(client, engine)
    before = rows(engine, "SELECT * FROM user_coupon")

    assert_problem(act(client, held, verb, **body), 422, field)
    assert rows(engine, "SELECT * FROM user_coupon") == before
    assert count(engine, "user_coupon_change") == 0


@pytest.mark.parametrize("number", NOT_INT64)
def test_an_id_in_the_path_of_a_change_is_named(client: FlaskClient, number: str) -> None:
    coupon, held = f"/api/v1/coupons/{number}", f"/api/v1/user-coupons/{number}"
    assert_problem(client.post(f"{coupon}/pause", json=WHY), 422, "path.couponId")
    assert_problem(client.get(f"{coupon}/changes"), 422, "path.couponId")
    assert_problem(client.post(f"{held}/reserve", json=A_RESERVATION), 422, "path.userCouponId")
    assert_problem(client.get(held), 422, "path.userCouponId")


def test_the_longest_hold_and_the_largest_amount_are_kept(client: FlaskClient, engine: Engine) -> None:
    held = issued(client, engine, discount={"type": "RATE", "value": 100})
    largest = 2**63 - 1

    most = {"orderAmount": largest, "holdSeconds": LONGEST_HOLD_SECONDS}
    reply = act(client, held, "reserve", **A_RESERVATION | most)

    assert reply.status_code == 200, reply.text
    assert reply.get_json()["reservation"]["discountAmount"] == largest
