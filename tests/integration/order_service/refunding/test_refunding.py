"""What was taken wrongly is returned without an operator: once, whatever is lost, repeated or killed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from structlog.typing import EventDict

from order_service.application.end_cancellation import EndCancellation
from order_service.application.ports import PaymentGateway
from order_service.application.refund_due_payments import WORKER, RefundDuePayments, RefundsDone
from order_service.application.refund_payment import ASKS_WITHIN, RefundPayment
from order_service.domain.money import Money
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal
from tests.integration.order_service.ledger_gateway import DOLLARS, CallerDied
from tests.integration.order_service.operations.test_process import a_process, stopped
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.settling.test_settling import backlog
from tests.integration.order_service.shop import TOTAL, Shop, an_order_of, slug
from tests.support.clock_jumps import JumpingClock
from tests.support.waiting import wait_until

LEASE = timedelta(seconds=90)
NOTHING = RefundsDone(0, 0)
A_STEP = RefundsDone(steps=1)
REFUNDED = RefundsDone(steps=1, refunded=1)


def a_refunder(
    shop: Shop,
    gateway: PaymentGateway | None = None,
    clock: Callable[[], float] = lease_clock_seconds,
    failures: list[str] | None = None,
) -> RefundDuePayments:
    """The part of a worker that refunds."""
    unit_of_work = partial(OrderUnitOfWork, shop.engine)
    gateway = gateway or shop.gateways or shop.gateway
    refund = RefundPayment(unit_of_work, gateway, EndCancellation(order_cancelled), clock)
    return RefundDuePayments(unit_of_work, gateway, refund, LEASE, StopSignal(), a_report(failures))


def time_passes_for_refunds(shop: Shop, by: timedelta = timedelta(minutes=11)) -> None:
    """As if all had been claimed, sent and asked about so much earlier: longer than any pause or lease."""
    earlier = f"- interval '{by.total_seconds()} seconds'"
    shop.execute(
        f"UPDATE refund SET next_at = next_at {earlier}, claimed_until = claimed_until {earlier},"  # noqa: S608
        f" asked_at = asked_at {earlier}, sent_at = sent_at {earlier}"
    )


@pytest.fixture
def payment_id(shop: Shop) -> UUID:
    """A payment that took dollars for an order in won."""
    assert shop.pay(shop.placed(), "dollars-1").status_code == 409
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")
    assert isinstance(payment_id, UUID)
    return payment_id


def recorded(shop: Shop) -> list[tuple[object, ...]]:
    return shop.query("SELECT refunded_by, refunded_at IS NOT NULL FROM payment")


def refunds(shop: Shop) -> list[tuple[object, ...]]:
    return shop.query("SELECT status, attempt, sent_count, refused_code FROM refund")


def test_what_was_taken_is_returned_once(shop: Shop, payment_id: UUID) -> None:
    refunder = a_refunder(shop)
    assert refunder() == REFUNDED

    assert list(shop.gateway.returned.values()) == [DOLLARS]
    assert (recorded(shop), backlog(shop).refunds_due) == ([(WORKER, True)], 0)
    time_passes_for_refunds(shop)
    assert refunder() == NOTHING
    assert shop.gateway.refund_keys == [f"{uuid5(payment_id, 'refund')}-1"]


def test_a_sold_out_orders_money_is_returned_and_the_order_paid_again(shop: Shop) -> None:
    shop.add_product(unitPrice=TOTAL, stock=1)
    order_id = shop.placed(an_order_of(("C-1", 1)))
    shop.gateway.before_charging = lambda request: shop.execute("UPDATE product SET stock = 0")
    reply = shop.pay(order_id, "pay-1")
    assert (reply.status_code, slug(reply)) == (409, "payment-refund-due")

    assert a_refunder(shop)() == REFUNDED
    assert list(shop.gateway.returned.values()) == [Money(TOTAL, "KRW")]
    assert shop.order(order_id)["status"] == "PENDING_PAYMENT"

    shop.gateway.before_charging = lambda request: None
    shop.execute("UPDATE product SET stock = 1")
    assert shop.pay(order_id, "pay-2").status_code == 201
    assert a_refunder(shop)() == NOTHING
    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)
    assert shop.payment_statuses() == ["REFUND_DUE", "APPROVED"]
    assert shop.query("SELECT stock FROM product") == [(0,)]


def test_a_worker_killed_before_it_asks_leaves_the_refund(shop: Shop, payment_id: UUID) -> None:
    def die(_: object) -> None:
        raise CallerDied

    shop.gateway.before_returning = die
    with pytest.raises(CallerDied):
        a_refunder(shop)()
    assert (refunds(shop), shop.gateway.returned) == ([("DUE", 1, 1, None)], {})
    shop.gateway.before_returning = lambda request: None

    # The lease is not over; then the gateway is asked what became of it before it is sent again.
    assert a_refunder(shop)() == NOTHING
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == A_STEP
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == REFUNDED

    assert list(shop.gateway.returned.values()) == [DOLLARS]
    first, second = shop.gateway.refund_keys
    assert first == second


def test_a_worker_killed_after_returning_is_made_good(shop: Shop, payment_id: UUID) -> None:
    def die() -> None:
        raise CallerDied

    shop.gateway.after_returning = die
    with pytest.raises(CallerDied):
        a_refunder(shop)()
    assert backlog(shop).refunds_due == 1

    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == REFUNDED
    assert (len(shop.gateway.refund_keys), recorded(shop)) == (1, [(WORKER, True)])


def test_a_worker_that_stood_still_asks_nothing(shop: Shop, payment_id: UUID) -> None:
    seconds = iter((0.0, ASKS_WITHIN.total_seconds(), 100.0))

    assert a_refunder(shop, clock=lambda: next(seconds))() == A_STEP

    assert (shop.gateway.refund_keys, shop.gateway.returned) == ([], {})
    for _ in range(2):
        time_passes_for_refunds(shop)
        a_refunder(shop)()
    assert list(shop.gateway.returned.values()) == [DOLLARS]


def test_a_refused_refund_stays_due_and_is_left_to_an_operator(
    shop: Shop, payment_id: UUID, logs: list[EventDict]
) -> None:
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    assert a_refunder(shop)() == A_STEP
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == NOTHING

    found = backlog(shop)
    assert (found.refunds_due, found.refunds_refused, found.oldest_refund_due_seconds) == (1, 1, 0)
    assert (shop.payment_statuses(), len(shop.gateway.refund_keys)) == (["REFUND_DUE"], 1)
    [line] = [line for line in logs if line["event"] == "refund_refused"]
    assert (line["payment_id"], line["code"]) == (str(payment_id), "NOT_AVAILABLE_BANK")


def test_two_workers_at_once_return_each_payment_once(shop: Shop) -> None:
    for number in range(12):
        shop.pay(shop.placed(), f"dollars-{number}")

    def work(_: int) -> int:
        refunder, refunded = a_refunder(shop), 0
        while (done := refunder()).steps:
            refunded += done.refunded
        return refunded

    with ThreadPoolExecutor(2) as workers:
        assert sum(workers.map(work, range(2))) == 12
    assert (len(shop.gateway.returned), len(shop.gateway.refund_keys)) == (12, 12)
    assert backlog(shop).refunds_due == 0


def test_a_refund_that_another_transaction_holds_delays_no_other(shop: Shop) -> None:
    for number in range(2):
        shop.pay(shop.placed(), f"dollars-{number}")
    shop.gateway.refunds_without_answer = 2
    assert a_refunder(shop)() == RefundsDone(steps=2)
    time_passes_for_refunds(shop)
    with shop.engine.begin() as holder:
        holder.exec_driver_sql("SELECT FROM refund ORDER BY next_at LIMIT 1 FOR UPDATE")
        # A worker that waits for the lock ends with its time-out here.
        assert a_refunder(shop)() == A_STEP


def test_nobody_asks_twice_about_a_payment_in_a_second(shop: Shop, payment_id: UUID) -> None:
    shop.gateway.refunds_without_answer = 1
    assert a_refunder(shop)() == A_STEP
    asked = "UPDATE refund SET next_at = 'epoch', claimed_until = NULL, asked_at = clock_timestamp()"
    shop.execute(f"{asked} + interval '1 minute'")
    assert a_refunder(shop)() == NOTHING
    shop.execute(f"{asked} - interval '1 second'")
    assert a_refunder(shop)() == A_STEP


def test_an_attempt_that_comes_to_nothing_is_followed_by_another(shop: Shop, payment_id: UUID) -> None:
    """A gateway repeats its first answer to a key, faults included."""
    shop.gateway.refunds_without_answer = 2
    for _ in range(5):
        a_refunder(shop)()
        time_passes_for_refunds(shop)

    first, second, third = shop.gateway.refund_keys
    assert first == second != third
    assert (refunds(shop), list(shop.gateway.returned.values())) == ([("REFUNDED", 2, 1, None)], [DOLLARS])


def test_an_undecided_refund_is_asked_about_less_and_less_often(shop: Shop, payment_id: UUID) -> None:
    shop.gateway.refunds_without_answer = 1
    shop.gateway.blind = True
    pauses = []
    for _ in range(4):
        assert a_refunder(shop)() == A_STEP
        [(pause,)] = shop.query("SELECT extract(epoch FROM next_at - clock_timestamp())::float FROM refund")
        pauses.append(pause)
        time_passes_for_refunds(shop)
    # Jittered between a half and the whole of 4, 8, 16 and 32 seconds.
    assert all(limit / 4 < pause <= limit for limit, pause in zip((4, 8, 16, 32), pauses, strict=True))
    assert (len(shop.gateway.refund_keys), shop.gateway.returned) == (1, {})


def test_a_refusal_that_a_look_up_finds_is_left_to_the_gateway(shop: Shop, payment_id: UUID) -> None:
    """The look-up may lag behind; the refund itself is refused if less is left than it says."""
    shop.gateway.refunds_without_answer = 1
    assert a_refunder(shop)() == A_STEP
    shop.gateway.look_up_refusal = "ANOTHER_BALANCE"
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == A_STEP
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == REFUNDED


def test_a_payment_of_another_account_is_left_alone(shop: Shop, payment_id: UUID) -> None:
    shop.gateway.account = "another"
    assert a_refunder(shop)() == NOTHING
    assert backlog(shop).refunds_due == 1


def test_what_the_former_release_refunded_is_not_refunded_again(shop: Shop, payment_id: UUID) -> None:
    shop.gateway.refunds_without_answer = 1
    a_refunder(shop)()
    shop.execute(
        "UPDATE payment SET refund_attempts = 1, refunded_at = clock_timestamp(), refunded_by = 'kim'"
    )
    time_passes_for_refunds(shop)
    assert a_refunder(shop)() == NOTHING
    assert recorded(shop) == [("kim", True)]


def test_what_the_former_release_sent_is_asked_about_first(shop: Shop, payment_id: UUID) -> None:
    shop.execute("UPDATE payment SET refund_attempts = 1")
    assert a_refunder(shop)() == A_STEP
    assert (shop.gateway.refund_keys, refunds(shop)) == ([], [("DUE", 2, 0, None)])


@pytest.mark.parametrize(
    "change",
    [
        "idempotency_key = 'another'",
        "amount = refundable_amount + 1",
        "status = 'REFUNDED'",
        "refused_code = 'X'",
    ],
    ids=["another key", "more than is left", "refunded never", "refused without being so"],
)
def test_the_database_refuses_a_refund_that_contradicts_itself(
    shop: Shop, payment_id: UUID, change: str
) -> None:
    shop.gateway.refunds_without_answer = 1
    a_refunder(shop)()
    with pytest.raises(Exception, match="23514 check_violation, table refund"):
        shop.execute(f"UPDATE refund SET {change}")  # noqa: S608 - ours


def test_a_worker_process_refunds_whatever_its_clock_says(
    shop: Shop, order_database_url: str, tmp_path: Path
) -> None:
    payment_id = shop.pay(shop.placed()).get_json()["paymentId"]
    shop.execute("UPDATE payment SET status = 'REFUND_DUE'")
    clock = JumpingClock(tmp_path / "clock")
    clock.jump(-3 * 3600)
    variables = {"DATABASE_URL": order_database_url, "PAYMENT_GATEWAY": "in-process", **clock.environment}
    log = tmp_path / "log"
    with a_process("worker", log, **variables) as worker:
        wait_until(lambda: recorded(shop) == [(WORKER, True)], "the refund")
        assert stopped(worker) == 0, log.read_text()

    is_now = "abs(extract(epoch FROM now() - refunded_at)) < 600"
    assert shop.query(f"SELECT idempotency_key, {is_now} FROM refund") == [  # noqa: S608 - ours
        (f"{uuid5(UUID(payment_id), 'refund')}-1", True)
    ]
