"""The worker settles payments whose client never came back."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text
from structlog.typing import EventDict

from devstack.free_ports import find_free_ports
from order_service.application.measure_payments import MeasurePayments
from order_service.application.ports import PaymentGateway
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import LEASE, LookUps, SettleUnsettledPayments
from order_service.application.warn_of_unreachable_payments import WarnOfUnreachablePayments
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.ledger_gateway import CallerDied
from tests.integration.order_service.operations.test_process import a_process, stopped
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, slug
from tests.support.waiting import wait_until

NOTHING = LookUps(0, 0)
DEADLINE_SECONDS = 30


def a_worker(
    engine: Engine,
    gateway: PaymentGateway,
    clock_seconds: Callable[[], float] = lease_clock_seconds,
    *,
    at_once: int = 1,
    failures: list[str] | None = None,
) -> SettleUnsettledPayments:
    unit_of_work = partial(OrderUnitOfWork, engine)
    settle = SettlePayment(unit_of_work, order_completed)
    stop = StopSignal()
    report = a_report(failures)
    return SettleUnsettledPayments(
        unit_of_work, gateway, settle, IN_PROGRESS_LIMIT, stop, report, clock_seconds, at_once=at_once
    )


@pytest.fixture
def worker(shop: Shop) -> SettleUnsettledPayments:
    return a_worker(shop.engine, shop.gateway)


def backlog(shop: Shop) -> PaymentBacklog:
    reported: list[PaymentBacklog] = []
    accounts = (shop.gateways or shop.gateway).accounts
    unit_of_work = partial(OrderUnitOfWork, shop.engine)
    warn = WarnOfUnreachablePayments()
    MeasurePayments(unit_of_work, accounts, IN_PROGRESS_LIMIT, reported.append, warn)()
    [found] = reported
    return found


def test_a_payment_that_was_charged_is_completed_without_its_client(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    order_id = shop.placed()
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 504
    shop.time_passes(IN_PROGRESS_LIMIT)

    assert worker() == LookUps(looked_up=1, settled=1)

    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)
    assert len(shop.gateway.charged) == 1
    assert worker() == NOTHING
    # The client comes back all the same.
    assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201


def test_a_payment_whose_process_died_is_completed(shop: Shop, worker: SettleUnsettledPayments) -> None:
    order_id = shop.placed()
    with pytest.raises(CallerDied):
        shop.pay(order_id, "fatal-1")
    shop.time_passes(IN_PROGRESS_LIMIT)
    worker()
    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)


def test_a_payment_that_may_be_in_progress_is_left_alone(shop: Shop, worker: SettleUnsettledPayments) -> None:
    with pytest.raises(CallerDied):
        shop.pay(shop.placed(), "fatal-1")
    assert worker() == NOTHING


def test_a_payment_that_never_happened_is_given_up_and_never_sent_again(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "lost-1", key="k-1")
    shop.gateway.lost = ("nothing-",)
    shop.time_passes(IN_PROGRESS_LIMIT)
    worker()
    assert (shop.payment_statuses(), shop.gateway.charged) == (["ABANDONED"], {})
    late = shop.pay(order_id, "lost-1", key="k-1")
    assert (late.status_code, slug(late)) == (409, "payment-abandoned")
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201


def test_an_undecided_payment_is_looked_up_less_and_less_often(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    shop.pay(shop.placed(), "silent-1")
    shop.gateway.blind = True
    shop.time_passes(IN_PROGRESS_LIMIT)
    pauses = []
    for _ in range(4):
        assert worker() == LookUps(looked_up=1, settled=0)
        assert worker() == NOTHING
        [(pause,)] = shop.query(
            "SELECT extract(epoch FROM next_lookup_at - clock_timestamp())::float FROM payment"
        )
        pauses.append(pause)
        shop.time_passes(A_SECOND)
        shop.execute("UPDATE payment SET next_lookup_at = clock_timestamp()")
    # Jittered between a half and the whole of 10, 20, 40 and 80 seconds.
    assert all(limit / 4 < pause <= limit for limit, pause in zip((10, 20, 40, 80), pauses, strict=True))


def test_a_payment_that_breaks_the_gateways_adapter_delays_no_other(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    first, second = shop.placed(), shop.placed()
    shop.pay(first, "odd-1")
    shop.pay(second, "silent-2")
    shop.time_passes(IN_PROGRESS_LIMIT)
    assert worker() == LookUps(looked_up=2, settled=1)
    assert shop.order(second)["status"] == "COMPLETED"


def test_two_workers_at_once_complete_each_order_once(shop: Shop) -> None:
    orders = [shop.placed() for _ in range(30)]
    for order_id in orders:
        shop.pay(order_id, f"silent-{order_id}")
    shop.time_passes(IN_PROGRESS_LIMIT)

    def work(_: int) -> int:
        worker, looked_up = a_worker(shop.engine, shop.gateway), 0
        while done := worker().looked_up:
            looked_up += done
        return looked_up

    with ThreadPoolExecutor(2) as workers:
        assert sum(workers.map(work, range(2))) == len(orders)
    assert shop.payment_statuses() == ["APPROVED"] * len(orders)
    assert sorted(event["orderId"] for event in shop.events()) == sorted(orders)


def test_a_payment_that_another_transaction_holds_delays_no_other(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    held, other = shop.placed(), shop.placed()
    shop.pay(held, "silent-1")
    shop.pay(other, "silent-2")
    shop.time_passes(IN_PROGRESS_LIMIT)
    with shop.engine.begin() as holder:
        holder.execute(text("SELECT FROM payment WHERE payment_key = 'silent-1' FOR UPDATE"))
        # A worker that waits for the lock ends with its time-out here.
        assert worker() == LookUps(looked_up=1, settled=1)
    assert shop.order(other)["status"] == "COMPLETED"
    assert worker() == LookUps(looked_up=1, settled=1)


def test_an_order_that_another_transaction_holds_delays_no_other(
    shop: Shop, order_database_url: str, logs: list[EventDict]
) -> None:
    held, other = shop.placed(), shop.placed()
    shop.pay(held, "silent-1")
    shop.pay(other, "silent-2")
    shop.time_passes(IN_PROGRESS_LIMIT)
    impatient = DatabaseSettings(database_url=order_database_url, database_lock_timeout_ms=100)
    engine = create_engine(impatient, "impatient-worker")
    with shop.engine.begin() as holder:
        holder.execute(text("SELECT FROM orders WHERE order_id = :held FOR UPDATE"), {"held": held})
        assert a_worker(engine, shop.gateway)() == LookUps(looked_up=2, settled=1)
    engine.dispose()
    assert shop.order(other)["status"] == "COMPLETED"
    lines = [
        (each["event"], each["log_level"]) for each in logs if each["event"].startswith("payment_lookup")
    ]
    assert lines == [("payment_lookup_postponed", "warning")]

    shop.time_passes(LEASE)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)
    assert shop.order(held)["status"] == "COMPLETED"


def test_no_two_workers_ask_about_a_payment_at_a_time(shop: Shop, worker: SettleUnsettledPayments) -> None:
    """However slow the gateway is: the one that waits is asked about by the other worker."""
    for number in (1, 2):
        shop.pay(shop.placed(), f"silent-{number}")
    shop.time_passes(IN_PROGRESS_LIMIT)
    asked, answer = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        shop.gateway.before_answering = lambda request: None
        asked.set()
        assert answer.wait(DEADLINE_SECONDS)

    shop.gateway.before_answering = hold
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(worker)
        try:
            assert asked.wait(DEADLINE_SECONDS)
            other = a_worker(shop.engine, shop.gateway)
            assert other() == LookUps(looked_up=1, settled=1)
            # Longer than the pause after the first look-up.
            shop.time_passes(LEASE - timedelta(seconds=10))
            assert other() == NOTHING
        finally:
            answer.set()
        assert slow.result(DEADLINE_SECONDS) == LookUps(looked_up=1, settled=1)
    assert sorted(shop.gateway.looked_up) == ["silent-1", "silent-2"]


def test_a_payment_whose_worker_died_is_looked_up_by_another(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    shop.pay(shop.placed(), "silent-1")
    shop.time_passes(IN_PROGRESS_LIMIT)

    def die(_: object) -> None:
        raise CallerDied

    shop.gateway.before_answering = die
    with pytest.raises(CallerDied):
        worker()
    shop.gateway.before_answering = lambda request: None
    assert worker() == NOTHING

    shop.time_passes(LEASE)
    assert worker() == LookUps(looked_up=1, settled=1)


def test_a_worker_that_stood_still_after_its_claim_asks_nothing(shop: Shop) -> None:
    shop.pay(shop.placed(), "silent-1")
    shop.time_passes(IN_PROGRESS_LIMIT)
    clock = itertools.chain([0.0], itertools.repeat(LEASE.total_seconds()))

    assert a_worker(shop.engine, shop.gateway, lambda: next(clock))() == LookUps(looked_up=1, settled=0)

    assert (shop.gateway.looked_up, shop.payment_statuses()) == ([], ["UNKNOWN"])
    shop.time_passes(LEASE)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)


def test_a_payment_is_looked_up_once_a_second_by_all_together(shop: Shop) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "silent-1", key="k-1")
    shop.gateway.blind = True

    began = time.monotonic()
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda _: shop.pay(order_id, "silent-1", key="k-1"), range(32)))
    seconds = time.monotonic() - began

    asked = len(shop.gateway.looked_up)
    assert 1 <= asked <= 1 + seconds
    assert Counter(reply.status_code for reply in replies) == {504: asked, 409: len(replies) - asked}
    refusals = [reply for reply in replies if reply.status_code == 409]
    assert {slug(reply) for reply in refusals} == {"payment-in-progress"}
    assert all(reply.headers["Retry-After"] for reply in refusals)


def test_what_was_just_looked_up_is_left_alone_for_a_second(
    shop: Shop, worker: SettleUnsettledPayments
) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "silent-1", key="k-1")
    shop.time_passes(IN_PROGRESS_LIMIT)
    # A second that lasts for as long as this test.
    shop.execute("UPDATE payment SET looked_up_at = clock_timestamp() + interval '1 hour'")

    assert worker() == NOTHING
    for payment_key, key in (("silent-1", "k-1"), ("pay-2", "k-2")):
        reply = shop.pay(order_id, payment_key, key=key)
        assert (reply.status_code, slug(reply)) == (409, "payment-in-progress")
    assert (shop.gateway.looked_up, shop.payment_statuses()) == ([], ["UNKNOWN"])

    shop.execute("UPDATE payment SET looked_up_at = clock_timestamp() - interval '1 second'")
    assert worker() == LookUps(looked_up=1, settled=1)


def test_a_settled_payment_is_never_looked_up(shop: Shop, worker: SettleUnsettledPayments) -> None:
    order_id = shop.placed()
    shop.pay(order_id, "silent-1", key="k-1")
    shop.time_passes(IN_PROGRESS_LIMIT)
    worker()
    for _ in range(3):
        shop.time_passes(IN_PROGRESS_LIMIT)
        assert shop.pay(order_id, "silent-1", key="k-1").status_code == 201
        assert worker() == NOTHING
    assert shop.gateway.looked_up == ["silent-1"]


def test_the_backlog_counts_what_waits(shop: Shop) -> None:
    assert backlog(shop) == PaymentBacklog(0, 0.0, 0)
    shop.pay(shop.placed())
    shop.pay(shop.placed(), "decline-1")
    shop.pay(shop.placed(), "silent-1")
    shop.pay(shop.placed(), "silent-2")
    shop.time_passes(IN_PROGRESS_LIMIT)
    shop.execute("UPDATE payment SET status = 'REFUND_DUE' WHERE status = 'APPROVED'")
    found = backlog(shop)
    assert (found.unsettled, found.refunds_due) == (2, 1)
    assert found.oldest_unsettled_seconds >= IN_PROGRESS_LIMIT.total_seconds()


def test_the_worker_settles_shows_the_backlog_and_exits_0(
    shop: Shop, order_database_url: str, tmp_path: Path
) -> None:
    [port] = find_free_ports(1)
    variables = {"DATABASE_URL": order_database_url, "ADMIN_PORT": str(port), "PAYMENT_GATEWAY": "in-process"}
    url = f"http://127.0.0.1:{port}"
    order_id = shop.placed()
    shop.pay(order_id, "silent-1")
    log = tmp_path / "log"
    with a_process("worker", log, **variables) as worker:
        wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 200, "the worker to be ready")
        wait_until(
            lambda: "order_payments_unsettled 1.0" in httpx.get(f"{url}/metrics").text,
            "the backlog to be shown",
        )
        shop.time_passes(IN_PROGRESS_LIMIT)
        wait_until(lambda: shop.order(order_id)["status"] == "COMPLETED", "the order to be completed")
        wait_until(
            lambda: "order_payments_unsettled 0.0" in httpx.get(f"{url}/metrics").text,
            "the backlog to be gone",
        )
        assert stopped(worker) == 0, log.read_text()
