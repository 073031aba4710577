"""An operator returns what was taken wrongly: once, whatever is lost or repeated."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest

from order_service.application.record_refund import RecordRefund, RecordRefundCommand
from order_service.application.refund_payment import RefundPayment, RefundPaymentCommand
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.persistence.unit_of_work import OrderUnitOfWork
from tests.integration.order_service.ledger_gateway import DOLLARS, CallerDied
from tests.integration.order_service.shop import Shop
from tests.integration.order_service.test_settling import backlog


@pytest.fixture
def payment_id(shop: Shop) -> UUID:
    """A payment that took dollars for an order in won."""
    assert shop.pay(shop.placed(), "dollars-1").status_code == 409
    [(payment_id,)] = shop.query("SELECT payment_id FROM payment")
    assert isinstance(payment_id, UUID)
    return payment_id


def refund(shop: Shop, payment_id: UUID, by: str = "kim") -> RefundOutcome | None:
    command = RefundPaymentCommand(payment_id, by)
    return RefundPayment(partial(OrderUnitOfWork, shop.engine), shop.gateway)(command)


def recorded(shop: Shop) -> list[tuple[object, ...]]:
    return shop.query("SELECT refunded_by, refunded_at IS NOT NULL FROM payment")


def test_what_was_taken_is_returned_once(shop: Shop, payment_id: UUID) -> None:
    assert isinstance(refund(shop, payment_id), Refunded)

    assert list(shop.gateway.returned.values()) == [DOLLARS]
    assert (recorded(shop), backlog(shop).refunds_due) == ([("kim", True)], 0)
    assert refund(shop, payment_id, "lee") is None
    assert (len(shop.gateway.refund_keys), recorded(shop)) == (1, [("kim", True)])


def test_a_process_that_died_after_returning_is_made_good_by_another(shop: Shop, payment_id: UUID) -> None:
    def die() -> None:
        raise CallerDied

    shop.gateway.after_returning = die
    with pytest.raises(CallerDied):
        refund(shop, payment_id)
    assert backlog(shop).refunds_due == 1

    assert isinstance(refund(shop, payment_id, "lee"), Refunded)
    assert (len(shop.gateway.refund_keys), recorded(shop)) == (1, [("lee", True)])


def test_a_refused_refund_stays_due_and_is_asked_for_anew(shop: Shop, payment_id: UUID) -> None:
    shop.gateway.refund_refusal = "NOT_AVAILABLE_BANK"
    for _ in range(2):
        assert refund(shop, payment_id) == RefundRefused("NOT_AVAILABLE_BANK")
    assert backlog(shop).refunds_due == 1
    # A gateway repeats its first answer to a key.
    first, second = shop.gateway.refund_keys
    assert first != second

    shop.gateway.refund_refusal = None
    assert isinstance(refund(shop, payment_id), Refunded)
    assert list(shop.gateway.returned.values()) == [DOLLARS]


def test_a_refund_made_by_hand_is_not_made_again(shop: Shop, payment_id: UUID) -> None:
    record = RecordRefund(partial(OrderUnitOfWork, shop.engine))
    assert record(RecordRefundCommand(payment_id, "lee"))

    assert refund(shop, payment_id) is None
    assert (shop.gateway.returned, recorded(shop)) == ({}, [("lee", True)])


def test_two_operators_at_once_return_it_once(shop: Shop, payment_id: UUID) -> None:
    with ThreadPoolExecutor(2) as operators:
        outcomes = list(operators.map(lambda by: refund(shop, payment_id, by), ("kim", "lee")))

    assert any(isinstance(outcome, Refunded) for outcome in outcomes)
    assert list(shop.gateway.returned.values()) == [DOLLARS]
    assert backlog(shop).refunds_due == 0


def test_a_payment_that_is_not_due_for_refund_is_left_alone(shop: Shop) -> None:
    paid = shop.pay(shop.placed(), "pay-1").get_json()
    assert refund(shop, UUID(paid["paymentId"])) is None
    assert (shop.gateway.refund_keys, shop.payment_statuses()) == ([], ["APPROVED"])
