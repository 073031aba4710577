"""A buyer gets an account to pay into, and pays in time, too late, or never."""

from datetime import UTC, datetime, timedelta

import pytest

from order_service.application.settle_unsettled_payments import LookUps, SettleUnsettledPayments
from order_service.domain.payment_backlog import PaymentBacklog
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import A_SECOND, IN_PROGRESS_LIMIT, Shop, slug


@pytest.fixture
def worker(shop: Shop) -> SettleUnsettledPayments:
    return a_worker(shop.engine, shop.gateway)


@pytest.fixture
def order_id(shop: Shop) -> str:
    """An order whose buyer may pay into an account."""
    order_id = shop.placed()
    assert shop.pay(order_id, "deposit-1", key="k-1").status_code == 504
    shop.time_passes(IN_PROGRESS_LIMIT)
    return order_id


def is_overdue(shop: Shop, by: timedelta = timedelta(minutes=11)) -> None:
    shop.gateway.deposits_due_at = datetime.now(UTC) - by


def test_a_deposit_that_comes_in_time_completes_the_order(
    shop: Shop, worker: SettleUnsettledPayments, order_id: str
) -> None:
    assert worker() == LookUps(looked_up=1, settled=0)
    assert shop.query("SELECT status, deposit_due_at FROM payment") == [
        ("UNKNOWN", shop.gateway.deposits_due_at)
    ]
    # Nobody has to wake up for it.
    assert backlog(shop) == PaymentBacklog(0, 0.0, 0, awaiting_deposit=1)
    other = shop.pay(order_id, "pay-2", key="k-2")
    assert (other.status_code, slug(other)) == (409, "payment-in-progress")

    shop.gateway.deposited = True
    shop.time_passes(timedelta(seconds=20))
    assert worker() == LookUps(looked_up=1, settled=1)
    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)


def test_a_deposit_that_never_comes_leaves_the_order_to_be_paid_again(
    shop: Shop, worker: SettleUnsettledPayments, order_id: str
) -> None:
    is_overdue(shop)

    assert worker() == LookUps(looked_up=1, settled=1)

    assert (shop.payment_statuses(), shop.gateway.voided) == (["DECLINED"], ["deposit-1"])
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert len(shop.gateway.charged) == 1


def test_another_payment_takes_an_overdue_account_back_first(shop: Shop, order_id: str) -> None:
    is_overdue(shop)
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
    assert (shop.payment_statuses(), shop.gateway.voided) == (["DECLINED", "APPROVED"], ["deposit-1"])


def test_a_deposit_at_the_last_moment_is_not_given_up(shop: Shop, order_id: str) -> None:
    is_overdue(shop)

    def deposit() -> None:
        shop.gateway.deposited = True

    shop.gateway.before_voiding = deposit
    other = shop.pay(order_id, "pay-2", key="k-2")

    assert (other.status_code, slug(other)) == (409, "order-already-completed")
    assert shop.gateway.voided == []
    assert [request.payment_key for request in shop.gateway.charged.values()] == ["deposit-1"]
    assert (shop.order(order_id)["status"], len(shop.events())) == ("COMPLETED", 1)


def test_an_overdue_account_that_can_not_be_taken_back_wakes_operators(
    shop: Shop, worker: SettleUnsettledPayments, order_id: str
) -> None:
    is_overdue(shop)

    def fail() -> None:
        raise KeyError("status")

    shop.gateway.before_voiding = fail
    assert worker() == LookUps(looked_up=1, settled=0)
    shop.execute("UPDATE payment SET deposit_due_at = clock_timestamp()")

    assert (backlog(shop).unsettled, backlog(shop).awaiting_deposit) == (1, 0)
    shop.gateway.before_voiding = lambda: None
    shop.time_passes(A_SECOND)
    assert shop.pay(order_id, "pay-2", key="k-2").status_code == 201
