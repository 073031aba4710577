"""Orders with a coupon while either service dies, stands still or lies: nothing stays reserved for ever."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine, event, text

from devstack.free_ports import find_free_ports
from order_service.application.measure_coupon_releases import MeasureCouponReleases
from order_service.application.release_coupons import ARRIVES_WITHIN, CouponsReleased
from order_service.application.reserve_coupon import PLACED_WITHIN, ReserveCoupon, ReserveCouponCommand
from order_service.coupons.http_coupons import HttpCoupons
from order_service.domain.coupon import CouponRelease, CouponReleaseBacklog
from order_service.domain.coupon_outcome import CouponUnanswered, CouponUnclear
from order_service.domain.errors import CouponServiceUnavailable
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.identifiers import uuid7
from servicekit.outbound.turns import Turns
from tests.integration.order_service.coupon_shop import (
    CouponShop,
    WatchedCoupons,
    a_release_worker,
    releases_grow_older,
    releases_waiting,
    watched,
)
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.operations.test_process import a_process, an_api, stopped
from tests.integration.order_service.orders.lying_coupon_service import LyingCouponService
from tests.integration.order_service.shop import TOTAL, Shop, an_order_body, slug
from tests.support.slow_receiver import SlowReceiver
from tests.support.waiting import wait_until

AN_HOUR = timedelta(hours=1)
DEADLINE_SECONDS = 30


def die() -> None:
    raise CallerDied


@pytest.fixture
def coupons(coupon_shop: CouponShop) -> WatchedCoupons:
    return watched(coupon_shop.url)


@pytest.fixture
def shop(shop: Shop, coupons: WatchedCoupons) -> Shop:
    return Shop(shop.engine, coupons=coupons)


def assert_released(shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, held: int) -> None:
    """Once its order can no longer be placed, the worker frees the coupon, and another order uses it."""
    releases_grow_older(shop, PLACED_WITHIN + ARRIVES_WITHIN)
    assert a_release_worker(shop, coupons)() == CouponsReleased(asked=1, released=1)
    assert (coupon_shop.status(held), releases_waiting(shop)) == ("ISSUED", [])
    coupons.before_reserving = coupons.after_reserving = lambda: None
    order_id = shop.placed(an_order_body(userCouponId=held))
    assert coupon_shop.coupon(held)["reservation"]["orderId"] == order_id


@pytest.mark.parametrize("point", ["before_reserving", "after_reserving"])
def test_a_process_that_dies_beside_the_call_leaves_a_release(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, point: str
) -> None:
    held = coupon_shop.issued()
    setattr(coupons, point, die)
    with pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held), key="k-1")

    assert coupon_shop.status(held) == ("RESERVED" if point == "after_reserving" else "ISSUED")
    assert (releases_waiting(shop), shop.count("orders")) == ([(held, 0)], 0)
    # The process might still place it.
    assert a_release_worker(shop, coupons)() == CouponsReleased()
    assert_released(shop, coupon_shop, coupons, held)


@contextmanager
def dying_at(engine: Engine, statement: str, is_armed: threading.Event) -> Iterator[None]:
    """A process dies as it is about to send this, once it is armed."""

    def look(*arguments: Any) -> None:
        if is_armed.is_set() and arguments[2].startswith(statement):
            raise CallerDied

    def commit(unit_of_work: OrderUnitOfWork) -> None:
        if is_armed.is_set() and statement == "COMMIT":
            raise CallerDied
        unit_of_work.connection.commit()

    event.listen(engine, "before_cursor_execute", look)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(OrderUnitOfWork, "commit", commit)
            yield
    finally:
        event.remove(engine, "before_cursor_execute", look)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM coupon_release", "INSERT INTO orders", "INSERT INTO order_item", "COMMIT"]
)
def test_a_process_that_dies_while_it_places_leaves_a_release(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, statement: str
) -> None:
    held, is_reserved = coupon_shop.issued(), threading.Event()
    coupons.after_reserving = is_reserved.set
    with dying_at(shop.engine, statement, is_reserved), pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held))

    assert coupon_shop.status(held) == "RESERVED"
    assert (releases_waiting(shop), shop.count("orders")) == ([(held, 0)], 0)
    assert_released(shop, coupon_shop, coupons, held)


@pytest.mark.parametrize("statement", ["INSERT INTO coupon_release", "COMMIT"])
def test_a_process_that_dies_before_the_call_has_reserved_nothing(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, statement: str
) -> None:
    held, is_armed = coupon_shop.issued(), threading.Event()
    is_armed.set()
    with dying_at(shop.engine, statement, is_armed), pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held))
    assert (coupons.calls, releases_waiting(shop), coupon_shop.status(held)) == ([], [], "ISSUED")


@pytest.mark.parametrize("point", ["UPDATE coupon_release", "DELETE FROM coupon_release", "COMMIT"])
def test_a_worker_that_dies_is_followed_by_another(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, point: str
) -> None:
    held, is_armed = coupon_shop.issued(), threading.Event()
    coupons.after_reserving = die
    with pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held))
    releases_grow_older(shop, PLACED_WITHIN)
    is_armed.set()
    with dying_at(shop.engine, point, is_armed), pytest.raises(CallerDied):
        a_release_worker(shop, coupons)()
    assert_released(shop, coupon_shop, coupons, held)


def test_a_client_comes_again_until_the_coupon_is_free(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    body = an_order_body(userCouponId=coupon_shop.issued())
    coupons.after_reserving = die
    with pytest.raises(CallerDied):
        shop.place(body, key="k-1")
    coupons.after_reserving = lambda: None

    reply = shop.place(body, key="k-1")
    assert (reply.status_code, slug(reply), reply.headers["Retry-After"]) == (409, "user-coupon-busy", "2")
    releases_grow_older(shop, PLACED_WITHIN)
    assert a_release_worker(shop, coupons)().released == 1
    assert shop.place(body, key="k-1").status_code == 201


def test_a_release_that_was_begun_ends_the_placing(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    """The process stood still after it had reserved."""
    held = coupon_shop.issued()
    worker = a_release_worker(shop, coupons)

    def stand_still() -> None:
        releases_grow_older(shop, PLACED_WITHIN)
        assert worker() == CouponsReleased(asked=1, released=1)

    coupons.after_reserving = stand_still
    reply = shop.place(an_order_body(userCouponId=held))
    assert (reply.status_code, slug(reply)) == (503, "coupon-service-unavailable")
    assert (coupon_shop.status(held), shop.count("orders"), releases_waiting(shop)) == ("ISSUED", 0, [])


def test_a_process_that_stood_still_reserves_nothing(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    """Its release may be done by then, and no other would come."""
    held, now = coupon_shop.issued(), [0.0]
    reserve = ReserveCoupon(
        partial(OrderUnitOfWork, shop.engine), coupons, Turns(1), AN_HOUR, "KRW", lambda: now[0]
    )

    def stand_still() -> None:
        now[0] += 11

    coupons.before_reserving = stand_still
    with pytest.raises(CouponServiceUnavailable):
        reserve(ReserveCouponCommand(uuid7(), held, 7, TOTAL, "KRW"))
    assert (coupon_shop.status(held), releases_waiting(shop)) == ("ISSUED", [(held, 0)])


def test_a_reservation_that_may_still_arrive_keeps_its_release(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons
) -> None:
    held = coupon_shop.issued()
    coupons.before_reserving = die
    with pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held))
    releases_grow_older(shop, PLACED_WITHIN)
    # Never reserved, as it looks by now.
    assert a_release_worker(shop, coupons)() == CouponsReleased(asked=1)
    assert releases_waiting(shop) == [(held, 1)]
    [(order_id,)] = shop.query("SELECT order_id FROM coupon_release")
    reservation = {"orderId": str(order_id), "userId": 7, "orderAmount": TOTAL}
    late = coupon_shop.client.post(f"/api/v1/user-coupons/{held}/reserve", json=reservation)
    assert late.status_code == 200
    assert_released(shop, coupon_shop, coupons, held)


def a_reply(status: int, body: object) -> list[bytes]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return [head.encode() + content]


def a_user_coupon(**changes: object) -> dict[str, object]:
    """With an order's id that no order has, unless it is replaced."""
    reservation = {"orderId": "", "orderAmount": TOTAL, "discountAmount": 5_000}
    return {
        "userCouponId": 5,
        "userId": 7,
        "status": "RESERVED",
        "reservation": reservation | changes.pop("reservation", {}),  # type: ignore[operator]
        **changes,
    }


def a_problem(kind: str, **more: object) -> dict[str, object]:
    return {"type": f"urn:problem:{kind}", "title": "", "detail": "", **more}


LIES: dict[str, list[bytes]] = {
    "nothing": [],
    "no-http": [b"hello\r\n\r\n"],
    "html": a_reply(200, b"<html>welcome</html>"),
    "empty": a_reply(200, b""),
    "null": a_reply(200, b"null"),
    "deep": a_reply(200, b"[" * 60_000),
    "huge": a_reply(200, b" " * 70_000 + b"{}"),
    "another-order": a_reply(200, a_user_coupon(reservation={"orderId": str(UUID(int=1))})),
    "not-found-elsewhere": a_reply(404, a_problem("not-found")),
    "404-of-a-proxy": a_reply(404, b"<html>"),
    "redirect": a_reply(302, b""),
    "refused-without-reason": a_reply(409, a_problem("user-coupon-transition-refused")),
    "refused-although-free": a_reply(
        409, a_problem("user-coupon-transition-refused", currentStatus="ISSUED")
    ),
    "refuses-the-call": a_reply(422, a_problem("validation")),
    "unauthorised": a_reply(401, a_problem("unauthorized")),
    "overloaded": a_reply(429, a_problem("overloaded")),
    "broken": a_reply(500, a_problem("internal-error")),
    "busy": a_reply(503, a_problem("database-unavailable")),
    "refusal-with-500": a_reply(500, a_problem("user-coupon-not-found")),
}
# As it would of any coupon.
SERVICE_AWAY = {"nothing", "no-http", "overloaded", "broken", "busy", "refusal-with-500"}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_strange_reply_means_is_unclear(
    shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons, lie: str
) -> None:
    held = coupon_shop.issued()
    with SlowReceiver(LIES[lie], pause_seconds=0) as liar:
        strange = Shop(shop.engine, coupons=HttpCoupons(liar.url.removesuffix("/hook"), 1))
        reply = strange.place(an_order_body(userCouponId=held), key="k-1")
        assert (reply.status_code, slug(reply)) == (503, "coupon-service-unavailable")
        assert 2 <= int(reply.headers["Retry-After"]) <= 6
        if not lie.startswith("refused-"):
            release = CouponRelease(uuid7(), held)
            outcome = HttpCoupons(liar.url.removesuffix("/hook"), 1).release(release)
            assert isinstance(outcome, CouponUnclear)
            assert isinstance(outcome, CouponUnanswered) == (lie in SERVICE_AWAY)
    # Due at once: the coupon may be held.
    assert [shop.count(table) for table in ("orders", "idempotency_key", "coupon_release")] == [0, 0, 1]
    assert a_release_worker(shop, coupons)().asked == 1


@pytest.mark.parametrize(
    "change",
    [
        {"user_coupon_id": 6},
        {"user_id": 8},
        {"status": "USED"},
        {"order_id": str(UUID(int=1))},
        {"order_amount": TOTAL - 1},
        {"discount_amount": -1},
        {"discount_amount": TOTAL + 1},
        {"discount_amount": 1.5},
        {"discount_amount": "5000"},
        {"discount_amount": None},
    ],
    ids=lambda change: "-".join(f"{name}={value}" for name, value in change.items()),
)
def test_a_reservation_that_is_not_ours_is_unclear(shop: Shop, change: dict[str, object]) -> None:
    with LyingCouponService(change) as liar:
        reply = Shop(shop.engine, coupons=HttpCoupons(liar.url, 1)).place(an_order_body(userCouponId=5))
        assert (reply.status_code, slug(reply)) == (503, "coupon-service-unavailable")
    assert (shop.count("orders"), releases_waiting(shop)) == (0, [(5, 0)])


def test_a_reservation_that_is_ours_is_taken(shop: Shop) -> None:
    with LyingCouponService({}) as honest:
        reply = Shop(shop.engine, coupons=HttpCoupons(honest.url, 1)).place(an_order_body(userCouponId=5))
        assert reply.get_json()["coupon"] == {"userCouponId": 5, "discountAmount": 5_000}


def test_away_and_back(shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons) -> None:
    held, [port] = coupon_shop.issued(), find_free_ports(1)
    away = HttpCoupons(f"http://127.0.0.1:{port}", 1)
    reply = Shop(shop.engine, coupons=away).place(an_order_body(userCouponId=held))
    assert (reply.status_code, slug(reply)) == (503, "coupon-service-unavailable")
    assert Shop(shop.engine, coupons=away).place().status_code == 201
    # Nothing was sent, so that nothing has to be released.
    assert releases_waiting(shop) == []

    coupons.after_reserving = die
    with pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=held))
    releases_grow_older(shop, PLACED_WITHIN)
    assert a_release_worker(shop, away)() == CouponsReleased(asked=1, is_service_away=True)
    assert a_release_worker(shop, away)() == CouponsReleased()
    [(pause,)] = shop.query("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM coupon_release")
    assert 0 < pause <= 2
    assert_released(shop, coupon_shop, coupons, held)


def test_one_that_hangs_holds_up_no_order_without_a_coupon(shop: Shop) -> None:
    with SlowReceiver([b"HTTP/1.1 200 OK\r\n"], pause_seconds=60) as hanging:
        coupons = HttpCoupons(hanging.url.removesuffix("/hook"), 2)
        slow = Shop(shop.engine, coupons=coupons, coupon_turns=Turns(2, waiting_at_most=1))
        with ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(slow.place, an_order_body(userCouponId=each)) for each in range(1, 5)]
            assert slow.place().status_code == 201
            replies = [each.result(DEADLINE_SECONDS) for each in waiting]
        assert {slug(reply) for reply in replies} == {"coupon-service-unavailable"}
        # The others took no thread from anybody.
        assert hanging.requests == 2
    # Of the others nothing was sent.
    assert len(releases_waiting(shop)) == 2


def test_an_order_without_a_turn_stores_no_release_and_asks_nobody(
    shop: Shop, coupons: WatchedCoupons
) -> None:
    turns = Turns(1)
    busy, stored = Shop(shop.engine, coupons=coupons, coupon_turns=turns), list[str]()
    event.listen(shop.engine, "before_cursor_execute", lambda *sent: stored.append(sent[2]))
    with turns.one():
        reply = busy.place(an_order_body(userCouponId=5), key="k-1")
    assert (reply.status_code, slug(reply)) == (503, "coupon-service-unavailable")
    assert 2 <= int(reply.headers["Retry-After"]) <= 6
    assert coupons.calls == []
    assert [each for each in stored if "coupon_release" in each] == []


def test_operators_see_what_waits(shop: Shop, coupon_shop: CouponShop, coupons: WatchedCoupons) -> None:
    seen: list[CouponReleaseBacklog] = []
    measure = MeasureCouponReleases(partial(OrderUnitOfWork, shop.engine), seen.append)
    coupons.after_reserving = die
    with pytest.raises(CallerDied):
        shop.place(an_order_body(userCouponId=coupon_shop.issued()))
    measure()
    # Its order may be placed yet.
    assert seen[-1] == CouponReleaseBacklog(0, 0.0)
    releases_grow_older(shop, timedelta(minutes=5))
    measure()
    assert seen[-1].waiting == 1
    assert 300 <= seen[-1].oldest_seconds < 300 + DEADLINE_SECONDS
    a_release_worker(shop, coupons)()
    measure()
    assert seen[-1] == CouponReleaseBacklog(0, 0.0)


def test_after_a_killed_api_the_worker_process_frees_the_coupon(
    order_database_url: str, shop: Shop, coupon_shop: CouponShop, tmp_path: Path
) -> None:
    held, [port] = coupon_shop.issued(), find_free_ports(1)
    url, body = f"http://127.0.0.1:{port}/api/v1/orders", an_order_body(userCouponId=held)
    with shop.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        with an_api(order_database_url, port, tmp_path / "api", COUPON_SERVICE_URL=coupon_shop.url):
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            # So that it has reserved, and can't store the order.
            connection.execute(text("LOCK TABLE orders IN SHARE MODE"))
            lost = pool.submit(partial(httpx.post, url, json=body, timeout=DEADLINE_SECONDS))
            wait_until(lambda: coupon_shop.status(held) == "RESERVED", "the coupon to be reserved")
        # Killed; or it has waited for the lock for too long before that.
        with suppress(httpx.TransportError):
            assert lost.result(DEADLINE_SECONDS).status_code == 503
    assert (shop.count("orders"), releases_waiting(shop)) == (0, [(held, 0)])

    releases_grow_older(shop, PLACED_WITHIN)
    variables = {
        "DATABASE_URL": order_database_url,
        "PAYMENT_GATEWAY": "in-process",
        "COUPON_SERVICE_URL": coupon_shop.url,
    }
    with a_process("worker", tmp_path / "worker", **variables) as worker:
        wait_until(lambda: releases_waiting(shop) == [], "the coupon to be released")
        assert stopped(worker) == 0, (tmp_path / "worker").read_text()
    assert coupon_shop.status(held) == "ISSUED"
