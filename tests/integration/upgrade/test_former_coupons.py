"""The former release's API and worker go on beside this one's, on the upgraded database."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from coupon_service.api import build_application
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import confirm, reserve
from tests.integration.coupon_service.service import (
    a_handler,
    a_stored_event,
    an_engine,
    create_coupon,
    request_of,
    rows,
)
from tests.integration.upgrade.former import former_program
from tests.integration.upgrade.processes import output
from tests.support.service_databases import migrate_coupons

DECIDER = Path(__file__).with_name("former_decider.py")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = an_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine, StopSignal(), max_waiting=1).test_client()


def former(url: str, coupon_id: int, *user_ids: int) -> dict[str, Any]:
    printed = output(former_program("python"), str(DECIDER), url, str(coupon_id), *map(str, user_ids))
    result: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return result


def test_former_release_issues_its_coupons_and_this_one_goes_on(
    database_url: str, client: FlaskClient, engine: Engine
) -> None:
    migrate_coupons(database_url)
    decided = former(database_url, 0, 1, 1, 2)

    assert decided["outcomes"] == ["ISSUED", "DUPLICATE", "ISSUED"]
    assert decided["held"] == [1, 1, 1]
    [mine] = client.get("/api/v1/users/1/coupons").get_json()["coupons"]
    assert (mine["status"], mine["expiresAt"], mine["minimumOrderAmount"]) == ("ISSUED", None, 0)
    events = [a_stored_event(engine, user_id, decided["couponId"]) for user_id in (2, 3)]
    a_handler(engine).handle(events)
    reasons = [request_of(client, event.request_id)["reason"] for event in events]
    assert reasons == ["DUPLICATE", None]


def test_former_release_never_issues_beyond_a_limit_that_it_does_not_know(
    database_url: str, client: FlaskClient, engine: Engine
) -> None:
    migrate_coupons(database_url)
    coupon_id = create_coupon(client, limitPerUser=2)

    assert former(database_url, coupon_id, 1, 1)["outcomes"] == ["ISSUED", "DUPLICATE"]
    a_handler(engine).handle([a_stored_event(engine, 1, coupon_id) for _ in range(2)])
    assert former(database_url, coupon_id, 1)["outcomes"] == ["DUPLICATE"]

    copies = rows(engine, "SELECT copy_number FROM user_coupon ORDER BY issue_number")
    assert [row.copy_number for row in copies] == [1, 2]


def test_coupons_that_were_issued_before_the_upgrade_can_be_used_after_it(
    database_url: str, client: FlaskClient, engine: Engine
) -> None:
    output(former_program("coupon-service"), "migrate", DATABASE_URL=database_url)
    coupon_id = former(database_url, 0, 1, 2)["couponId"]

    migrate_coupons(database_url)

    [mine] = client.get("/api/v1/users/1/coupons").get_json()["coupons"]
    held, order_id = mine["userCouponId"], uuid7()
    assert mine["status"] == "ISSUED"
    assert reserve(client, held, order_id, user_id=1).status_code == 200
    assert confirm(client, held, order_id).get_json()["status"] == "USED"
    event = a_stored_event(engine, 2, coupon_id)
    a_handler(engine).handle([event])
    assert request_of(client, event.request_id)["reason"] == "DUPLICATE"
    assert former(database_url, coupon_id, 3)["outcomes"] == ["ISSUED"]
