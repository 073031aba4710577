"""Bad requests: each a 4xx problem that names the field, and nothing stored."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.service import count, create_coupon

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
    ],
)
def test_a_bad_coupon_is_refused_by_field(
    client: FlaskClient, engine: Engine, changes: dict[str, Any], field: str
) -> None:
    reply = client.post(COUPONS, json=a_coupon_body(**changes), headers={"Idempotency-Key": "k"})

    assert_problem(reply, 422, field)
    assert (count(engine, "coupon"), count(engine, "idempotency_key")) == (0, 0)


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
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("before=0", "before"),
        ("page=2", "page"),
    ],
)
def test_a_bad_page_is_named(client: FlaskClient, query: str, field: str) -> None:
    assert_problem(client.get(f"/api/v1/users/7/coupons?{query}"), 422, f"query.{field}")


def test_what_does_not_exist_is_not_found(client: FlaskClient) -> None:
    unknown_request = "/api/v1/coupon-requests/0190b6a4-5c3e-7d21-9f4a-2f6c1f0e8a11"

    assert_problem(client.get("/api/v1/coupons/1"), 404, "path.couponId")
    assert_problem(client.get(unknown_request), 404, "path.requestId")
    assert_problem(client.get("/api/v1/nothing"), 404)
    assert_problem(client.delete("/api/v1/coupons"), 405)
