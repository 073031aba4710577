"""Paid orders are cancelled, whole and by item: their money, stock and event go back once, together."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.typing import EventDict

from order_service.domain.money import Money
from servicekit.identifiers import uuid7
from tests.integration.order_service.orders.test_stock import STOCK, stock
from tests.integration.order_service.refunding.test_refunding import (
    NOTHING,
    a_refunder,
    time_passes_for_refunds,
)
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.shop import TOTAL, Shop, an_order_body, an_order_of, slug

CALLERS = 6
DEADLINE_SECONDS = 30


def cancelled(shop: Shop) -> list[dict[str, Any]]:
    """The events of cancellations."""
    return [event for event in shop.events() if event["eventType"] == "OrderCancelled"]


def returned(shop: Shop) -> list[int]:
    return [money.amount for money in shop.gateway.returned.values()]


def test_a_whole_order_is_cancelled_at_once(shop: Shop) -> None:
    shop.add_product("C-1")
    order_id = shop.paid(an_order_of(("C-1", 3)))

    reply = shop.cancel(order_id)

    body = reply.get_json()
    assert (reply.status_code, body["status"], body["amount"]) == (201, "CANCELLED", 36_000)
    assert body["items"] == [{"lineNumber": 1, "quantity": 3}]
    order = shop.order(order_id)
    assert (order["status"], order["leftAmount"], order["cancellations"]) == ("CANCELLED", 0, [body])
    assert order["cancelledAt"] == body["cancelledAt"]
    assert (shop.payment_statuses(), returned(shop)) == (["APPROVED"], [36_000])
    assert (stock(shop), shop.count("cancellation")) == ({"C-1": STOCK}, 1)
    [event] = cancelled(shop)
    assert (event["cancellationId"], event["isWhole"]) == (body["cancellationId"], True)
    assert (event["cancelledAmount"], event["remainingAmount"]) == (36_000, 0)


def test_an_order_is_cancelled_piece_by_piece(shop: Shop) -> None:
    shop.add_product("C-1")
    shop.add_product("C-2", unitPrice=500, stock=None)
    order_id = shop.paid(an_order_of(("C-1", 2), ("C-2", 5), ("C-1", 1)))

    first = shop.cancel(order_id, (3, 1), (2, 4))

    assert (first.status_code, first.get_json()["amount"]) == (201, 14_000)
    order = shop.order(order_id)
    assert (order["status"], order["leftAmount"]) == ("COMPLETED", 24_500)
    assert [item["leftQuantity"] for item in order["items"]] == [2, 1, 0]
    assert stock(shop) == {"C-1": STOCK - 2, "C-2": None}

    # The rest, without naming it.
    assert shop.cancel(order_id).get_json()["items"] == [
        {"lineNumber": 1, "quantity": 2},
        {"lineNumber": 2, "quantity": 1},
    ]
    assert (shop.order(order_id)["status"], stock(shop)["C-1"]) == ("CANCELLED", STOCK)
    assert returned(shop) == [14_000, 24_500]
    events = [(event["remainingAmount"], event["isWhole"]) for event in cancelled(shop)]
    assert events == [(24_500, False), (0, True)]
    assert [item["productId"] for item in cancelled(shop)[0]["items"]] == ["C-2", "C-1"]


def test_a_repeated_request_cancels_nothing_more(shop: Shop) -> None:
    order_id = shop.paid()
    first = shop.cancel(order_id, (1, 1), key="k-1")
    again = shop.cancel(order_id, (1, 1), key="k-1")

    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (returned(shop), len(cancelled(shop))) == ([15_000], 1)
    other = shop.cancel(order_id, (1, 2), key="k-1")
    assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")


def test_a_free_order_is_cancelled_without_a_gateway(shop: Shop) -> None:
    free = [{"productId": "P-1", "quantity": 2, "unitPrice": 0}]
    order_id = shop.paid(an_order_body(items=free))

    reply = shop.cancel(order_id)

    assert (reply.status_code, reply.get_json()["amount"]) == (201, 0)
    assert (shop.gateway.refund_keys, shop.count("refund")) == ([], 0)
    assert (shop.order(order_id)["status"], cancelled(shop)[0]["cancelledAmount"]) == ("CANCELLED", 0)
    assert slug(shop.cancel(order_id)) == "order-already-cancelled"


def test_pieces_of_a_discounted_order_return_what_was_paid_for_them(shop: Shop) -> None:
    order_id = shop.placed(an_order_body(items=[{"productId": "P-1", "quantity": 3, "unitPrice": 1_000}]))
    shop.execute("UPDATE orders SET total_amount = 2000, discount_amount = 1000, user_coupon_id = 41")
    assert shop.pay(order_id, amount=2_000).status_code == 201

    amounts = [shop.cancel(order_id, (1, 1)).get_json()["amount"] for _ in range(3)]

    assert amounts == returned(shop) == [666, 667, 667]
    assert shop.order(order_id)["status"] == "CANCELLED"
    events = [(event["coupon"]["userCouponId"], event["remainingAmount"]) for event in cancelled(shop)]
    assert events == [(41, 1_334), (41, 667), (41, 0)]


def test_an_order_that_can_not_be_cancelled_says_why(shop: Shop) -> None:
    unknown = shop.cancel(str(uuid7()))
    assert (unknown.status_code, slug(unknown)) == (404, "order-not-found")
    unpaid, expired, paid = shop.placed(), shop.placed(), shop.paid()
    shop.execute(f"UPDATE orders SET expired_at = now() WHERE order_id = '{expired}'")  # noqa: S608
    assert shop.cancel(paid).status_code == 201
    for order_id, reason in (
        (unpaid, "order-not-completed"),
        (expired, "order-expired"),
        (paid, "order-already-cancelled"),
    ):
        # A refused request leaves its key free.
        reply = shop.cancel(order_id, key=f"k-{order_id}")
        assert (reply.status_code, slug(reply)) == (409, reason)
    assert (shop.count("cancellation"), shop.count("idempotency_key")) == (1, 0)
    # Nor is it paid again.
    assert slug(shop.pay(paid)) == "order-already-cancelled"


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([(3, 1)], "items.0.lineNumber"),
        ([(1, 1), (1, 1)], "items.1.lineNumber"),
        ([(2, 1), (1, 3)], "items.1.quantity"),
        ([(1, 0)], "items.0.quantity"),
        ([(0, 1)], "items.0.lineNumber"),
    ],
    ids=["no such line", "a line twice", "more than is left", "none", "line 0"],
)
def test_pieces_that_are_not_there_are_refused(shop: Shop, lines: list[tuple[int, int]], field: str) -> None:
    order_id = shop.paid()
    reply = shop.cancel(order_id, *lines)
    assert reply.status_code == 422
    assert [error["field"] for error in reply.get_json()["errors"]] == [field]
    assert (shop.count("cancellation"), returned(shop)) == (0, [])


def test_what_was_cancelled_is_not_left_to_cancel(shop: Shop) -> None:
    order_id = shop.paid()
    assert shop.cancel(order_id, (1, 1)).status_code == 201
    reply = shop.cancel(order_id, (1, 2))
    assert (reply.status_code, slug(reply)) == (422, "too-many-pieces")
    assert reply.get_json()["errors"] == [
        {"field": "items.0.quantity", "detail": "1 pieces of line 1 are left"}
    ]


def test_cancellations_at_once_are_one_and_clear_refusals(shop: Shop) -> None:
    shop.add_product("C-1")
    order_id = shop.paid(an_order_of(("C-1", CALLERS)))
    barrier = threading.Barrier(CALLERS)

    def cancel(_: int) -> tuple[int, str]:
        barrier.wait(DEADLINE_SECONDS)
        reply = shop.cancel(order_id)
        return reply.status_code, "" if reply.status_code == 201 else slug(reply)

    with ThreadPoolExecutor(CALLERS) as callers:
        found = Counter(callers.map(cancel, range(CALLERS)))

    assert found.pop((201, "")) == 1
    assert set(found) <= {(409, "cancellation-in-progress"), (409, "order-already-cancelled")}
    assert (returned(shop), len(cancelled(shop)), stock(shop)) == ([12_000 * CALLERS], 1, {"C-1": STOCK})


def test_a_cancellation_under_way_lets_no_other_one_in(shop: Shop) -> None:
    order_id = shop.paid()
    shop.gateway.refunds_without_answer = 1
    first = shop.cancel(order_id, (1, 1), key="k-1")
    assert (first.status_code, first.get_json()["status"]) == (202, "REFUNDING")

    second = shop.cancel(order_id, (2, 1))

    assert (second.status_code, slug(second)) == (409, "cancellation-in-progress")
    assert second.headers["Retry-After"] == "2"
    order = shop.order(order_id)
    assert (order["status"], order["leftAmount"], order["items"][0]["leftQuantity"]) == (
        "COMPLETED", TOTAL - 15_000, 1
    )  # fmt: skip
    assert (backlog(shop).refunds_due, cancelled(shop)) == (1, [])
    again = shop.cancel(order_id, (1, 1), key="k-1")
    assert (again.status_code, again.get_json()) == (202, first.get_json())


def test_a_user_sees_cancellations_in_the_list_of_orders(shop: Shop) -> None:
    first, second = shop.paid(), shop.paid()
    shop.cancel(first, (1, 1))
    listed = shop.client.get("/api/v1/users/7/orders").get_json()["orders"]
    assert listed == [shop.order(second), shop.order(first)]
    assert [len(order["cancellations"]) for order in listed] == [0, 1]


def test_an_order_is_cancelled_by_parts_a_hundred_times_at_most(shop: Shop) -> None:
    order_id = shop.paid(an_order_body(items=[{"productId": "P-1", "quantity": 200, "unitPrice": 7}]))
    # As if it had been cancelled so often, for nothing.
    shop.execute(
        "INSERT INTO cancellation"
        " (cancellation_id, order_id, payment_id, amount, reason, requested_at, cancelled_at)"
        " SELECT gen_random_uuid(), order_id, payment_id, 0, 'a part', now(), now()"
        " FROM payment, generate_series(1, 98)"
    )
    assert shop.cancel(order_id, (1, 1)).status_code == 201
    assert slug(shop.cancel(order_id, (1, 1))) == "too-many-cancellations"
    assert shop.cancel(order_id).status_code == 201
    assert (sum(returned(shop)), shop.order(order_id)["status"]) == (1_400, "CANCELLED")


def test_a_refused_cancellation_waits_for_an_operator(shop: Shop, logs: list[EventDict]) -> None:
    order_id = shop.paid()
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"

    reply = shop.cancel(order_id)

    assert (reply.status_code, reply.get_json()["status"]) == (202, "REFUSED")
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == NOTHING
    found = backlog(shop)
    assert (found.refunds_due, found.refunds_refused) == (1, 1)
    assert [line["code"] for line in logs if line["event"] == "refund_refused"] == ["NOT_AVAILABLE_BANK"]
    assert (shop.order(order_id)["status"], cancelled(shop)) == ("COMPLETED", [])


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        (
            "INSERT INTO cancellation_item SELECT cancellation_id, order_id, 2, 2 FROM cancellation",
            "cancellation_takes_what_is_left",
        ),
        ("UPDATE cancellation_item SET quantity = 3", "cancellation_takes_what_is_left"),
        ("UPDATE cancellation SET cancelled_at = NULL", "cancellation_ends_with_its_refund"),
        ("UPDATE cancellation SET amount = 1", "cancellation_ends_with_its_refund"),
        ("UPDATE refund SET amount = 1", "refund_ends_its_cancellation"),
        ("UPDATE cancellation SET refund_id = NULL", "cancellation_returns_its_amount"),
        ("UPDATE orders SET cancelled_at = now(), status = 'PENDING_PAYMENT', completed_at = NULL",
         "orders_cancelled_were_completed"),
    ],
    ids=["pieces of another line", "more pieces", "not ended", "another amount", "another refund",
         "no refund", "not completed"],
)  # fmt: skip
def test_the_database_refuses_what_does_not_add_up(shop: Shop, change: str, constraint: str) -> None:
    shop.cancel(shop.paid(), (1, 1))
    with pytest.raises(Exception, match=constraint):
        shop.execute(change)


def test_two_cancellations_under_way_are_refused_by_the_database(shop: Shop) -> None:
    shop.gateway.refunds_without_answer = 1
    shop.cancel(shop.paid(), (1, 1))
    with pytest.raises(Exception, match="cancellation_under_way"):
        shop.execute(
            "INSERT INTO cancellation (cancellation_id, order_id, payment_id, amount, reason, requested_at)"
            " SELECT gen_random_uuid(), order_id, payment_id, 0, 'again', now() FROM cancellation"
        )


def test_what_was_returned_is_in_the_orders_currency(shop: Shop) -> None:
    order_id = shop.placed(an_order_body(currency="USD"))
    shop.pay(order_id)
    shop.cancel(order_id, (2, 1))
    assert list(shop.gateway.returned.values()) == [Money(3_500, "USD")]
