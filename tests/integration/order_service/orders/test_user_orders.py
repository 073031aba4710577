"""A user's orders, by pages, newest first."""

from typing import Any
from uuid import UUID

import pytest

from tests.integration.order_service.shop import Shop, an_order_body, an_order_of, slug


def a_page(shop: Shop, user_id: int = 7, **query: Any) -> dict[str, Any]:
    reply = shop.client.get(f"/api/v1/users/{user_id}/orders", query_string=query)
    assert reply.status_code == 200, reply.text
    page: dict[str, Any] = reply.get_json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [order["orderId"] for order in page["orders"]]


def read_by_pages(shop: Shop, limit: int) -> list[str]:
    page = a_page(shop, limit=limit)
    read = ids(page)
    while page["nextBefore"] is not None:
        page = a_page(shop, limit=limit, before=page["nextBefore"])
        assert page["orders"]
        read += ids(page)
    return read


def test_a_users_orders_are_read_newest_first(shop: Shop) -> None:
    shop.add_product()
    first, second = shop.placed(), shop.placed(an_order_of(("C-1", 2)))
    shop.placed(an_order_body(userId=8))
    shop.pay(first, "decline-1")
    shop.pay(first)
    shop.execute("UPDATE payment SET requested_at = '2026-11-30T00:00:00Z' WHERE status = 'APPROVED'")

    # The live payment, though it isn't the latest.
    assert shop.order(first)["payment"]["status"] == "APPROVED"
    assert a_page(shop) == {
        "userId": 7,
        "orders": [shop.order(second), shop.order(first)],
        "nextBefore": None,
    }
    assert a_page(shop, user_id=9) == {"userId": 9, "orders": [], "nextBefore": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_of_orders_of_one_moment_repeat_and_skip_none(shop: Shop, limit: int) -> None:
    orders = [shop.placed() for _ in range(7)]
    shop.execute("UPDATE orders SET created_at = '2026-11-30T00:00:00Z'")
    assert read_by_pages(shop, limit) == sorted(orders, reverse=True)


def test_the_time_of_an_order_counts_and_not_its_id(shop: Shop) -> None:
    """Ids are made by hosts, whose clocks differ."""
    first, second, third = shop.placed(), shop.placed(), shop.placed()
    shop.execute(
        "UPDATE orders SET created_at = created_at + interval '1 hour'"  # noqa: S608 - ours
        f" WHERE order_id = '{first}'"
    )
    assert read_by_pages(shop, 1) == [first, third, second]


def test_an_order_placed_meanwhile_moves_no_page(shop: Shop) -> None:
    orders = [shop.placed() for _ in range(4)]
    page = a_page(shop, limit=2)
    shop.placed()
    assert ids(a_page(shop, limit=2, before=page["nextBefore"])) == orders[1::-1]


def test_a_page_of_another_users_list_is_refused(shop: Shop) -> None:
    other = shop.placed(an_order_body(userId=8))
    for before in (other, str(UUID(int=0))):
        reply = shop.client.get("/api/v1/users/7/orders", query_string={"before": before})
        assert (reply.status_code, slug(reply)) == (422, "validation")
        assert [error["field"] for error in reply.get_json()["errors"]] == ["query.before"]
