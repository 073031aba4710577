"""Orders with a user's coupon, and a coupon service that answers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from order_service.application.expire_orders import ExpireOrders
from order_service.application.release_coupons import ARRIVES_WITHIN, CouponsReleased
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.db.errors import constraint_name
from tests.integration.coupon_service.lives import act, confirm, let_pass, reserve, succeed
from tests.integration.order_service.coupon_shop import (
    CouponShop,
    WatchedCoupons,
    a_release_worker,
    releases_grow_older,
    releases_waiting,
    watched,
)
from tests.integration.order_service.operations.test_beside_the_former_release import refused
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.shop import TOTAL, Shop, an_order_body, slug

DISCOUNT = 5_000
EXPIRY = timedelta(minutes=30)


@pytest.fixture
def coupons(coupon_shop: CouponShop) -> WatchedCoupons:
    return watched(coupon_shop.url)


@pytest.fixture
def shop(shop: Shop, coupons: WatchedCoupons) -> Shop:
    return Shop(shop.engine, coupons=coupons)


def expire(shop: Shop) -> int:
    shop.execute("UPDATE orders SET created_at = created_at - interval '1 hour'")
    return ExpireOrders(partial(OrderUnitOfWork, shop.engine), EXPIRY, a_report())()


def test_an_order_is_placed_with_its_discount(shop: Shop, coupon_shop: CouponShop) -> None:
    held = coupon_shop.issued()
    reply = shop.place(an_order_body(userCouponId=held))

    assert reply.status_code == 201, reply.text
    order = reply.get_json()
    assert order["coupon"] == {"userCouponId": held, "discountAmount": DISCOUNT}
    assert order["totalAmount"] == TOTAL - DISCOUNT
    assert shop.order(order["orderId"]) == order
    stored = coupon_shop.coupon(held)
    assert stored["status"] == "RESERVED"
    reservation = stored["reservation"]
    assert (reservation["orderId"], reservation["orderAmount"]) == (order["orderId"], TOTAL)
    hold = datetime.fromisoformat(reservation["reservedUntil"]) - datetime.fromisoformat(order["createdAt"])
    assert hold > timedelta(hours=24)
    assert releases_waiting(shop) == []


def test_the_event_of_a_paid_order_names_its_coupon(shop: Shop, coupon_shop: CouponShop) -> None:
    held = coupon_shop.issued()
    order_id = shop.placed(an_order_body(userCouponId=held))
    assert slug(shop.pay(order_id)) == "amount-mismatch"
    assert shop.pay(order_id, amount=TOTAL - DISCOUNT).status_code == 201

    [event] = shop.events()
    assert event["coupon"] == {"userCouponId": held, "discountAmount": DISCOUNT}
    assert event["totalAmount"] == TOTAL - DISCOUNT
    # An order that was paid keeps it.
    assert (expire(shop), releases_waiting(shop)) == (0, [])
    plain = shop.placed()
    assert shop.pay(plain).status_code == 201
    assert "coupon" not in shop.events()[-1]


def test_a_discount_of_all_leaves_nothing_to_pay(shop: Shop, coupon_shop: CouponShop) -> None:
    held = coupon_shop.issued(discount={"type": "RATE", "value": 100})
    order_id = shop.placed(an_order_body(userCouponId=held))
    assert shop.order(order_id)["totalAmount"] == 0
    assert shop.pay(order_id, amount=0).status_code == 201


def test_a_repeated_order_reserves_once(shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons) -> None:
    body = an_order_body(userCouponId=coupon_shop.issued())
    first, second = (shop.place(body, key="k-1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json() == second.get_json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (coupons.calls, shop.count("orders")) == (["reserve"], 1)


def test_of_two_requests_at_once_with_one_key_both_get_the_order(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    body = an_order_body(userCouponId=coupon_shop.issued())
    replies: list[Any] = []

    def place_another() -> None:
        coupons.before_reserving = lambda: None
        replies.append(shop.place(body, key="k-1"))

    coupons.before_reserving = place_another
    replies.append(shop.place(body, key="k-1"))
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].get_json() == replies[1].get_json()
    assert (shop.count("orders"), releases_waiting(shop)) == (1, [])


def test_of_many_orders_at_once_one_gets_the_coupon(shop: Shop, coupon_shop: CouponShop) -> None:
    body = an_order_body(userCouponId=coupon_shop.issued())
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: shop.place(body), range(6)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 5
    slugs = {slug(reply) for reply in replies if reply.status_code == 409}
    assert slugs <= {"user-coupon-not-usable", "user-coupon-busy"}
    assert (shop.count("orders"), releases_waiting(shop)) == (1, [])


def of_another_user(coupon_shop: CouponShop) -> int:
    return coupon_shop.issued(user_id=8)


def unknown(_: CouponShop) -> int:
    return 2**62


def used(coupon_shop: CouponShop) -> int:
    held, order_id = reserved(coupon_shop), coupon_shop
    confirm(coupon_shop.client, held, order_id.coupon(held)["reservation"]["orderId"])
    return held


def reserved(coupon_shop: CouponShop) -> int:
    held = coupon_shop.issued()
    succeed(reserve(coupon_shop.client, held, uuid4()))
    return held


def expired(coupon_shop: CouponShop) -> int:
    held = coupon_shop.issued(validForHours=1)
    let_pass(coupon_shop.engine, held, "expires_at")
    return held


def given_back(coupon_shop: CouponShop) -> int:
    held = coupon_shop.issued()
    succeed(act(coupon_shop.client, held, "give-back", userId=7))
    return held


def revoked(coupon_shop: CouponShop) -> int:
    held = coupon_shop.issued()
    succeed(act(coupon_shop.client, held, "revoke", by="kim", reason="abuse"))
    return held


def of_large_orders(coupon_shop: CouponShop) -> int:
    return coupon_shop.issued(minimumOrderAmount=TOTAL + 1)


@pytest.mark.parametrize(
    ("a_coupon", "refusal"),
    [
        (of_another_user, (422, "user-coupon-not-found", None)),
        (unknown, (422, "user-coupon-not-found", None)),
        (used, (409, "user-coupon-not-usable", "USED")),
        (reserved, (409, "user-coupon-not-usable", "RESERVED")),
        (expired, (409, "user-coupon-not-usable", "EXPIRED")),
        (given_back, (409, "user-coupon-not-usable", "GIVEN_BACK")),
        (revoked, (409, "user-coupon-not-usable", "REVOKED")),
        (of_large_orders, (422, "order-amount-too-small", None)),
    ],
)
def test_a_refusal_says_why(
    shop: Shop,
    coupon_shop: CouponShop,
    a_coupon: Callable[[CouponShop], int],
    refusal: tuple[int, str, str | None],
) -> None:
    reply = shop.place(an_order_body(userCouponId=a_coupon(coupon_shop)), key="k-1")
    assert (reply.status_code, slug(reply), reply.get_json().get("currentStatus")) == refusal
    assert "Retry-After" not in reply.headers
    # Nothing is left behind, and the key is free.
    assert [shop.count(table) for table in ("orders", "coupon_release", "idempotency_key")] == [0, 0, 0]


def test_an_order_for_nothing_takes_no_coupon(shop: Shop, coupons: WatchedCoupons) -> None:
    items = [{"productId": "P-1", "quantity": 1, "unitPrice": 0}]
    reply = shop.place(an_order_body(items=items, userCouponId=1))
    assert (slug(reply), coupons.calls) == ("order-amount-too-small", [])


@pytest.mark.parametrize("user_coupon_id", [0, -1, "7", 1.5, True, 2**63])
def test_an_id_out_of_range_is_refused(shop: Shop, coupons: WatchedCoupons, user_coupon_id: object) -> None:
    reply = shop.place(an_order_body(userCouponId=user_coupon_id))
    assert (reply.status_code, slug(reply), coupons.calls) == (422, "validation", [])


def test_without_a_coupon_service_no_order_has_a_coupon(shop: Shop) -> None:
    reply = Shop(shop.engine).place(an_order_body(userCouponId=1))
    assert (reply.status_code, slug(reply)) == (422, "coupons-not-accepted")
    assert [shop.count(table) for table in ("orders", "coupon_release")] == [0, 0]


def test_an_order_in_another_currency_has_no_coupon(shop: Shop, coupons: WatchedCoupons) -> None:
    reply = shop.place(an_order_body(userCouponId=1, currency="USD"))
    assert (reply.status_code, slug(reply)) == (422, "coupons-not-accepted")
    assert reply.get_json()["detail"] == "This shop takes coupons in orders in KRW only."
    assert (coupons.calls, shop.count("orders"), shop.count("coupon_release")) == ([], 0, 0)


def test_orders_without_a_coupon_never_ask(shop: Shop, coupons: WatchedCoupons) -> None:
    order_id = shop.placed()
    assert shop.order(order_id)["coupon"] is None
    assert (expire(shop), coupons.calls, releases_waiting(shop)) == (1, [], [])


def test_an_expired_order_releases_its_coupon(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    held = coupon_shop.issued()
    order_id = shop.placed(an_order_body(userCouponId=held))
    assert (expire(shop), releases_waiting(shop)) == (1, [(held, 0)])

    worker = a_release_worker(shop, coupons)
    assert worker() == CouponsReleased(asked=1, released=1)
    assert (coupon_shop.status(held), releases_waiting(shop)) == ("ISSUED", [])
    assert coupon_shop.kinds(held) == ["RESERVED", "RELEASED"]
    assert worker() == CouponsReleased()
    # Kept in the order, and free for another one.
    assert shop.order(order_id)["coupon"] == {"userCouponId": held, "discountAmount": DISCOUNT}
    shop.placed(an_order_body(userCouponId=held))


def test_many_workers_release_each_coupon_once(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    held = [coupon_shop.issued() for _ in range(12)]
    for user_coupon_id in held:
        shop.placed(an_order_body(userCouponId=user_coupon_id))
    assert expire(shop) == len(held)
    coupons.calls.clear()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: a_release_worker(shop, coupons)(), range(4)))
    assert sum(each.released for each in done) == len(held)
    assert coupons.calls == ["release"] * len(held)
    assert [coupon_shop.status(each) for each in held] == ["ISSUED"] * len(held)


def test_a_coupon_that_is_gone_is_not_released_for_ever(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    """An operator has revoked it, or another order uses it after the reservation had lapsed."""
    lapsed, gone = coupon_shop.issued(), coupon_shop.issued()
    for held in (lapsed, gone):
        shop.placed(an_order_body(userCouponId=held))
    let_pass(coupon_shop.engine, lapsed, "reserved_until")
    succeed(reserve(coupon_shop.client, lapsed, other := uuid4()))
    succeed(confirm(coupon_shop.client, lapsed, other))
    succeed(act(coupon_shop.client, gone, "revoke", by="kim", reason="abuse"))
    expire(shop)
    releases_grow_older(shop, ARRIVES_WITHIN)
    assert a_release_worker(shop, coupons)().released == 2
    assert releases_waiting(shop) == []
    assert (coupon_shop.status(lapsed), coupon_shop.status(gone)) == ("USED", "REVOKED")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("discount_amount = NULL", "orders_coupon_with_its_discount"),
        ("user_coupon_id = NULL", "orders_coupon_with_its_discount"),
        ("discount_amount = -1, total_amount = total_amount + 5001", "orders_discount_within_gross"),
        ("discount_amount = discount_amount + 30000, total_amount = -1500", None),
    ],
)
def test_the_database_refuses_a_discount_that_is_none(
    shop: Shop, coupon_shop: CouponShop, change: str, constraint: str | None
) -> None:
    shop.placed(an_order_body(userCouponId=coupon_shop.issued()))
    with pytest.raises(DBAPIError) as error, shop.engine.begin() as connection:
        connection.execute(text(f"UPDATE orders SET {change}"))  # noqa: S608 - ours
    assert constraint in {None, constraint_name(error.value)}


def test_the_former_release_completes_no_order_with_a_coupon(shop: Shop, coupon_shop: CouponShop) -> None:
    shop.placed(an_order_body(userCouponId=coupon_shop.issued()))
    completion = "UPDATE orders SET status = 'COMPLETED', completed_at = now(), stock_taken_at = now()"
    with refused(shop, "order_uses_its_coupon") as connection:
        connection.execute(text(completion))
