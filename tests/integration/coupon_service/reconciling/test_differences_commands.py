"""``coupon-service differences``: what it lists, and what an operator says of it."""

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine

from coupon_service.application.count_differences import CountDifferences
from coupon_service.cli import main
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.lives import issued
from tests.integration.coupon_service.order_events import complete, order_completed

WHO_AND_WHY = ("--by", "kim", "--reason", "the shop bears it")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, coupon_database_url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", coupon_database_url)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["differences", *arguments])


def listed(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("list", "--json", *arguments).stdout.splitlines()[-1])
    return found


def two_differences(client: FlaskClient, engine: Engine) -> tuple[int, UUID, UUID]:
    """The user coupon, and the orders that another one was faster than; the earlier first."""
    held, first, second = issued(client, engine), uuid7(), uuid7()
    complete(engine, order_completed(uuid7(), held))
    complete(engine, order_completed(first, held))
    complete(engine, order_completed(second, held))
    return held, first, second


def test_differences_are_listed_until_they_are_settled(client: FlaskClient, engine: Engine) -> None:
    assert run("list").stdout.splitlines()[-1] == "no differences"
    held, first, second = two_differences(client, engine)

    [found, _] = listed()
    assert found.pop("foundAt")
    assert found == {
        "orderId": str(first),
        "userId": 7,
        "userCouponId": held,
        "discountAmount": 5_000,
        "currency": "KRW",
        "reason": "USED_BY_ANOTHER_ORDER",
        "settledBy": None,
        "settledReason": None,
        "settledAt": None,
    }
    shown = run("list", "--limit", "1").stdout.splitlines()[-1]
    assert str(first) in shown
    assert "5000 KRW  USED_BY_ANOTHER_ORDER" in shown

    settled = run("settle", str(first), *WHO_AND_WHY)
    assert settled.exit_code == 0, settled.output
    assert settled.stdout.splitlines()[-1] == f"the difference of order {first} is settled"
    assert [one["orderId"] for one in listed()] == [str(second)]
    kept = {one["orderId"]: (one["settledBy"], one["settledReason"]) for one in listed("--any")}
    assert kept == {str(first): ("kim", "the shop bears it"), str(second): (None, None)}


def test_a_difference_is_settled_once_by_a_name_with_a_reason(client: FlaskClient, engine: Engine) -> None:
    _, first, _ = two_differences(client, engine)
    run("settle", str(first), *WHO_AND_WHY)

    again = run("settle", str(first), "--by", "lee", "--reason", "not known")
    assert (again.exit_code, again.stderr.splitlines()[-1]) == (
        2,
        "Error: The difference has been settled before, by kim.",
    )
    unknown = run("settle", str(uuid7()), *WHO_AND_WHY)
    assert (unknown.exit_code, unknown.stderr.splitlines()[-1]) == (2, "Error: There is no such difference.")
    for wrong in (("nothing", *WHO_AND_WHY), (str(first), "--by", "kim"), (str(first), "--by", "")):
        refused = run("settle", *wrong)
        assert refused.exit_code == 2
        assert len(refused.stderr.splitlines()) == 1


def test_open_differences_are_counted_for_the_alert(client: FlaskClient, engine: Engine) -> None:
    count = CountDifferences(lambda: CouponUnitOfWork(engine, "group"))
    assert count() == 0
    _, first, _ = two_differences(client, engine)
    assert count() == 2
    run("settle", str(first), *WHO_AND_WHY)
    assert count() == 1
