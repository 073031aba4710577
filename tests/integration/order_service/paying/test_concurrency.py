"""Many callers at once, on real rows and real locks."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from werkzeug.test import TestResponse

from tests.integration.order_service.shop import Shop, slug

CALLERS = 8
DEADLINE_SECONDS = 30


def test_payments_of_one_order_at_once_charge_once_and_leave_one_event(shop: Shop) -> None:
    order_id = shop.placed()
    replies = _at_once(lambda number: shop.pay(order_id, f"pay-{number}", key=f"k-{number}"))
    statuses = Counter(reply.status_code for reply in replies)
    assert statuses == {201: 1, 409: CALLERS - 1}
    refusals = {slug(reply) for reply in replies if reply.status_code == 409}
    assert refusals <= {"payment-in-progress", "order-already-completed"}
    assert (len(shop.gateway.charged), len(shop.events()), shop.payment_statuses()) == (1, 1, ["APPROVED"])


def test_one_payment_sent_many_times_at_once_charges_and_completes_once(shop: Shop) -> None:
    order_id = shop.placed()
    replies = _at_once(lambda _: shop.pay(order_id, key="k-1"))
    assert 201 in {reply.status_code for reply in replies}
    assert {slug(reply) for reply in replies if reply.status_code != 201} <= {"payment-in-progress"}
    assert len({reply.data for reply in replies if reply.status_code == 201}) == 1
    assert (len(shop.gateway.charged), len(shop.events()), shop.payment_statuses()) == (1, 1, ["APPROVED"])


def test_an_unknown_payment_retried_many_times_at_once_is_sent_again_once(shop: Shop) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "lost-1", key="k-1").status_code == 504
    shop.gateway.lost = ("nothing-",)
    replies = _at_once(lambda _: shop.pay(order_id, "lost-1", key="k-1"))
    assert 201 in {reply.status_code for reply in replies}
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)
    assert shop.query("SELECT status, attempt FROM payment") == [("APPROVED", 2)]


def test_a_payment_waiting_for_the_gateway_holds_no_lock(shop: Shop) -> None:
    order_id = shop.placed()
    asked, answer = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        asked.set()
        assert answer.wait(DEADLINE_SECONDS)

    shop.gateway.before_charging = hold
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.pay, order_id, "pay-1", "k-1")
        assert asked.wait(DEADLINE_SECONDS)
        try:
            # Nobody waits: neither readers, nor another payment, nor the same one again.
            assert shop.order(order_id)["payment"]["status"] == "REQUESTED"
            for key, payment_key in (("k-2", "pay-2"), ("k-1", "pay-1")):
                reply = shop.pay(order_id, payment_key, key=key)
                assert (reply.status_code, slug(reply)) == (409, "payment-in-progress")
                assert reply.headers["Retry-After"]
        finally:
            answer.set()
        assert first.result(DEADLINE_SECONDS).status_code == 201
    assert (len(shop.gateway.charged), len(shop.events())) == (1, 1)


def test_one_order_sent_many_times_at_once_is_placed_once(shop: Shop) -> None:
    replies = _at_once(lambda _: shop.place(key="k-1"))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.data for reply in replies}) == 1
    assert shop.count("orders") == 1


def _at_once(call: Callable[[int], TestResponse]) -> list[TestResponse]:
    barrier = threading.Barrier(CALLERS, timeout=DEADLINE_SECONDS)

    def caller(number: int) -> TestResponse:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))
