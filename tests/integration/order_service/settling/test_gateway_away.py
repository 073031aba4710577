"""The worker while a gateway answers nothing, and afterwards."""

import threading
from datetime import timedelta

from order_service.application.settle_unsettled_payments import AWAY, BATCH_SIZE, UNANSWERED, LookUps
from order_service.gateways.configured import ConfiguredGateways
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.settling.test_settling import NOTHING, a_worker
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop

DEADLINE_SECONDS = 30
AT_ONCE = 4


def unknown(shop: Shop, *payment_keys: str) -> None:
    for key in payment_keys:
        shop.pay(shop.placed(), key)
    shop.time_passes(IN_PROGRESS_LIMIT)


def test_an_outage_is_found_by_one_look_up_and_counts_for_no_payment(shop: Shop) -> None:
    unknown(shop, "silent-1", "silent-2", "silent-3")
    shop.gateway.away = ("silent-",)
    worker = a_worker(shop.engine, shop.gateway)

    for _ in range(6):
        assert worker() == LookUps(looked_up=1, settled=0, is_gateway_away=True)
        shop.time_passes(timedelta(seconds=AWAY.longest_seconds))
    assert shop.query("SELECT DISTINCT lookup_count FROM payment") == [(0,)]

    shop.gateway.away = ()
    assert worker() == LookUps(looked_up=3, settled=3)


def test_an_outage_of_one_gateway_delays_no_look_up_at_another(shop: Shop) -> None:
    toss, portone = LedgerGateway("toss", "shop-1"), LedgerGateway("portone", "store-1")
    # These have been due for longer.
    unknown(Shop(shop.engine, toss), "silent-1", "silent-2", "silent-3")
    unknown(Shop(shop.engine, portone), "silent-4", "silent-5")
    toss.away = ("silent-",)
    worker = a_worker(shop.engine, ConfiguredGateways("toss", {"toss": toss, "portone": portone}))

    assert worker() == LookUps(looked_up=3, settled=2)
    assert (toss.looked_up, portone.looked_up) == (["silent-1"], ["silent-4", "silent-5"])

    # Now no other one has anything due.
    assert worker() == LookUps(looked_up=1, settled=0, is_gateway_away=True)
    counts = shop.query("SELECT DISTINCT lookup_count FROM payment WHERE gateway = 'toss'")
    assert counts == [(0,)], "an outage counts for no payment"


def test_after_an_outage_a_payment_is_due_within_seconds(shop: Shop) -> None:
    unknown(shop, "silent-1")
    shop.gateway.away = ("silent-",)
    a_worker(shop.engine, shop.gateway)()
    [(pause,)] = shop.query(
        "SELECT extract(epoch FROM next_lookup_at - clock_timestamp())::float FROM payment"
    )
    assert A_SECOND.total_seconds() / 2 < pause <= AWAY.longest_seconds


def test_a_payment_that_alone_gets_no_answer_delays_no_other(shop: Shop) -> None:
    unknown(shop, "silent-1", "silent-2", "silent-3")
    shop.gateway.away = ("silent-2",)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=3, settled=2)
    counts = shop.query("SELECT lookup_count FROM payment WHERE payment_key = 'silent-2'")
    assert counts == [(1,)], "it waits longer each time"


def test_a_gateway_that_fails_now_and_then_delays_no_payment_for_long(shop: Shop) -> None:
    unknown(shop, "silent-unlucky")
    shop.gateway.away = ("silent-unlucky",)
    worker = a_worker(shop.engine, shop.gateway)
    pauses = []
    for number in range(8):
        unknown(shop, f"silent-{number}")
        # What gets an answer goes first.
        shop.execute(
            "UPDATE payment SET looked_up_at = NULL, next_lookup_at = clock_timestamp()"
            " - CASE payment_key WHEN 'silent-unlucky' THEN interval '1 s' ELSE interval '2 s' END"
        )
        assert worker() == LookUps(looked_up=2, settled=1)
        [(pause,)] = shop.query(
            "SELECT extract(epoch FROM next_lookup_at - clock_timestamp())::float FROM payment"
            " WHERE payment_key = 'silent-unlucky'"
        )
        pauses.append(pause)
    longest = UNANSWERED.longest_seconds
    assert all(0 < pause <= limit for limit, pause in zip((2, 4, *[longest] * 6), pauses, strict=True))
    # Nor is it longer from now on where it gets an answer that decides nothing.
    shop.gateway.away, shop.gateway.blind = (), True
    shop.execute("UPDATE payment SET looked_up_at = NULL, next_lookup_at = clock_timestamp()")
    worker()
    assert shop.query("SELECT lookup_count FROM payment WHERE payment_key = 'silent-unlucky'") == [(4,)]


def test_payments_are_looked_up_at_the_same_time(shop: Shop) -> None:
    unknown(shop, *(f"silent-{number}" for number in range(AT_ONCE)))
    all_are_asked_about = threading.Barrier(AT_ONCE, timeout=DEADLINE_SECONDS)

    def wait_for_the_others(_: object) -> None:
        all_are_asked_about.wait()

    shop.gateway.before_answering = wait_for_the_others
    worker = a_worker(shop.engine, shop.gateway, at_once=AT_ONCE)
    assert worker() == LookUps(looked_up=AT_ONCE, settled=AT_ONCE)
    assert worker() == NOTHING


def test_a_run_takes_a_batch_and_the_next_one_the_rest(shop: Shop) -> None:
    unknown(shop, *(f"silent-{number}" for number in range(BATCH_SIZE + 1)))
    worker = a_worker(shop.engine, shop.gateway, at_once=AT_ONCE)
    assert worker() == LookUps(looked_up=BATCH_SIZE, settled=BATCH_SIZE)
    assert worker() == LookUps(looked_up=1, settled=1)
    assert len(shop.gateway.looked_up) == len(set(shop.gateway.looked_up)) == BATCH_SIZE + 1
