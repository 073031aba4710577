"""The worker settles payments whose client never came back."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from devstack.free_ports import find_free_ports
from order_service.application.measure_payments import MeasurePayments
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import LookUps, SettleUnsettledPayments
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.ledger_gateway import CallerDied, LedgerGateway
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop, slug
from tests.integration.order_service.test_process import a_process, stopped
from tests.support.waiting import wait_until

NOTHING = LookUps(0, 0)


def a_worker(engine: Engine, gateway: LedgerGateway) -> SettleUnsettledPayments:
    unit_of_work = partial(OrderUnitOfWork, engine)
    settle = SettlePayment(unit_of_work, order_completed)
    return SettleUnsettledPayments(unit_of_work, gateway, settle, IN_PROGRESS_LIMIT, StopSignal())


@pytest.fixture
def worker(shop: Shop) -> SettleUnsettledPayments:
    return a_worker(shop.engine, shop.gateway)


def backlog(shop: Shop) -> PaymentBacklog:
    reported: list[PaymentBacklog] = []
    MeasurePayments(partial(OrderUnitOfWork, shop.engine), reported.append)()
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
