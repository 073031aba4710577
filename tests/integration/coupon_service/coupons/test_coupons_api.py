"""Coupons over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.integration.coupon_service.builders import a_coupon_body
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    accepted,
    count,
    create_coupon,
    published_events,
)


def test_a_coupon_is_created_and_can_be_read_at_its_location(client: FlaskClient) -> None:
    body = a_coupon_body(startsAt="2026-01-01T09:00:00+09:00", endsAt="2999-01-01T00:00:00Z")

    created = client.post("/api/v1/coupons", json=body)

    assert created.status_code == 201
    coupon = created.get_json()
    assert created.headers["Location"] == f"/api/v1/coupons/{coupon['couponId']}"
    read = client.get(created.headers["Location"]).get_json()
    assert read == coupon
    assert read | {"couponId": 0, "createdAt": ""} == {
        "couponId": 0,
        "name": "선착순",
        "totalQuantity": 500,
        "issuedQuantity": 0,
        "remainingQuantity": 500,
        "status": "ACTIVE",
        "startsAt": "2026-01-01T00:00:00.000000Z",
        "endsAt": "2999-01-01T00:00:00.000000Z",
        "discount": {"type": "AMOUNT", "value": 5000, "maximumAmount": None},
        "limitPerUser": 1,
        "minimumOrderAmount": 0,
        "validForHours": None,
        "pausedAt": None,
        "endedAt": None,
        "createdAt": "",
    }


def test_a_coupon_has_a_status_and_a_stock(client: FlaskClient, engine: Engine) -> None:
    now = datetime.now(UTC)
    scheduled = create_coupon(client, startsAt=(now + timedelta(minutes=1)).isoformat())
    ended = create_coupon(client, endsAt=(now - timedelta(minutes=1)).isoformat())
    sold_out = create_coupon(client, totalQuantity=1)
    a_handler(engine).handle([a_stored_event(engine, 1, sold_out)])

    stand = {
        coupon_id: client.get(f"/api/v1/coupons/{coupon_id}").get_json()
        for coupon_id in (scheduled, ended, sold_out)
    }

    assert stand[scheduled]["status"] == "SCHEDULED"
    assert stand[ended]["status"] == "ENDED"
    assert stand[sold_out]["status"] == "SOLD_OUT"
    assert (stand[sold_out]["issuedQuantity"], stand[sold_out]["remainingQuantity"]) == (1, 0)


def test_a_coupon_sent_again_under_one_key_is_created_once(client: FlaskClient, engine: Engine) -> None:
    body = a_coupon_body()
    headers = {"Idempotency-Key": "create-1"}

    replies = [client.post("/api/v1/coupons", json=body, headers=headers) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].get_json() == replies[1].get_json()
    assert replies[0].headers["Location"] == replies[1].headers["Location"]
    assert count(engine, "coupon") == 1


def test_only_a_repeated_creation_is_marked_as_replayed(client: FlaskClient) -> None:
    body, headers = a_coupon_body(), {"Idempotency-Key": "create-1"}
    first, again = (client.post("/api/v1/coupons", json=body, headers=headers) for _ in range(2))
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_replayed_creation_shows_the_coupon_as_it_was_created(client: FlaskClient, engine: Engine) -> None:
    body, headers = a_coupon_body(totalQuantity=1), {"Idempotency-Key": "create-1"}
    first = client.post("/api/v1/coupons", json=body, headers=headers)
    a_handler(engine).handle([a_stored_event(engine, 7, first.get_json()["couponId"])])
    again = client.post("/api/v1/coupons", json=body, headers=headers)
    assert (again.status_code, again.data) == (201, first.data)


def test_a_coupon_sent_many_times_at_once_under_one_key_is_created_once(
    client: FlaskClient, engine: Engine
) -> None:
    body, headers = a_coupon_body(), {"Idempotency-Key": "create-1"}

    def create(_: int) -> TestResponse:
        return client.application.test_client().post("/api/v1/coupons", json=body, headers=headers)

    with ThreadPoolExecutor(4) as crowd:
        replies = list(crowd.map(create, range(12)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.data for reply in replies}) == 1
    assert sorted(reply.headers.get("Idempotent-Replayed", "") for reply in replies) == ["", *["true"] * 11]
    assert count(engine, "coupon") == 1


def test_a_key_used_again_for_another_coupon_is_refused(client: FlaskClient, engine: Engine) -> None:
    headers = {"Idempotency-Key": "create-1"}
    client.post("/api/v1/coupons", json=a_coupon_body(), headers=headers)

    reply = client.post("/api/v1/coupons", json=a_coupon_body(name="another"), headers=headers)

    assert reply.status_code == 422
    assert reply.get_json()["type"] == "urn:problem:idempotency-key-reused"
    assert count(engine, "coupon") == 1


def test_a_users_coupons_are_paged_newest_first(client: FlaskClient, engine: Engine) -> None:
    coupon_ids = [create_coupon(client) for _ in range(3)]
    for coupon_id in coupon_ids:
        accepted(client, 7, coupon_id)
    a_handler(engine).handle(published_events(engine))

    first = client.get("/api/v1/users/7/coupons?limit=2").get_json()
    second = client.get(f"/api/v1/users/7/coupons?limit=2&before={first['nextBefore']}").get_json()

    assert [coupon["couponId"] for coupon in first["coupons"]] == [coupon_ids[2], coupon_ids[1]]
    assert [coupon["couponId"] for coupon in second["coupons"]] == [coupon_ids[0]]
    assert second["nextBefore"] is None
    assert first["coupons"][0] | {"userCouponId": 0, "issuedAt": "", "requestId": "", "couponId": 0} == {
        "userCouponId": 0,
        "couponId": 0,
        "userId": 7,
        "name": "선착순",
        "discount": {"type": "AMOUNT", "value": 5000, "maximumAmount": None},
        "minimumOrderAmount": 0,
        "requestId": "",
        "issueNumber": 1,
        "issuedAt": "",
        "expiresAt": None,
        "status": "ISSUED",
        "reservation": None,
    }


@pytest.mark.parametrize(
    ("limit", "pages"), [(1, [1, 1, 1, 1]), (2, [2, 2]), (3, [3, 1]), (4, [4]), (5, [4])]
)
def test_the_last_page_of_a_users_coupons_has_no_next_one(
    client: FlaskClient, engine: Engine, limit: int, pages: list[int]
) -> None:
    a_handler(engine).handle([a_stored_event(engine, 7, create_coupon(client)) for _ in range(4)])

    url = f"/api/v1/users/7/coupons?limit={limit}"
    page = client.get(url).get_json()
    sizes = [len(page["coupons"])]
    while page["nextBefore"] is not None:
        page = client.get(f"{url}&before={page['nextBefore']}").get_json()
        sizes.append(len(page["coupons"]))

    assert sizes == pages


def test_a_user_without_coupons_has_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/api/v1/users/8/coupons").get_json() == {
        "userId": 8,
        "coupons": [],
        "nextBefore": None,
    }
