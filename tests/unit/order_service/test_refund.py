"""A refund's states: what may be sent, with which key, and what ends it."""

from dataclasses import replace
from datetime import timedelta

from order_service.domain.payment import PaymentStatus
from order_service.domain.payment_outcome import Undecided
from order_service.domain.refund import Refund, RefundStatus
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from tests.support.order_builders import NOON, a_payment

LATER = NOON + timedelta(seconds=75)


def a_due_refund(former_attempts: int = 0) -> Refund:
    return Refund.of_all(a_payment(PaymentStatus.REFUND_DUE), former_attempts, NOON)


def sent_twice() -> Refund:
    refund = a_due_refund().sent(NOON).settled(Undecided(), "worker", NOON)
    return refund.settled(NotRefunded(), "worker", NOON).sent(NOON)


def test_what_nobody_has_sent_may_be_sent() -> None:
    assert a_due_refund().may_be_sent
    assert not a_due_refund(former_attempts=1).may_be_sent


def test_what_was_sent_is_sent_again_only_after_a_look_up_with_its_key() -> None:
    sent = a_due_refund().sent(NOON)
    assert not sent.may_be_sent
    assert not sent.settled(Undecided(), "worker", LATER).may_be_sent

    again = sent.settled(NotRefunded(), "worker", LATER)

    assert again.may_be_sent
    assert again.request.idempotency_key == sent.request.idempotency_key


def test_no_other_key_while_the_gateway_may_work_on_the_former() -> None:
    early = sent_twice().settled(NotRefunded(), "worker", LATER - timedelta(seconds=1))
    assert (early.may_be_sent, early.request.attempt) == (True, 1)
    late = sent_twice().settled(NotRefunded(), "worker", LATER)
    assert (late.may_be_sent, late.request.attempt, late.sent_count) == (True, 2, 0)


def test_a_refusal_ends_it_until_an_operator_asks_anew() -> None:
    refused = a_due_refund().sent(NOON).settled(RefundRefused("CODE"), "worker", NOON)
    assert (refused.status, refused.refused_code) == (RefundStatus.REFUSED, "CODE")
    assert refused.settled(NotRefunded(), "worker", LATER) is refused

    anew = refused.asked_anew()

    assert (anew.status, anew.may_be_sent, anew.refused_code) == (RefundStatus.DUE, False, None)
    assert anew.request.idempotency_key != refused.request.idempotency_key


def test_money_that_was_returned_counts_whatever_was_believed() -> None:
    refused = replace(a_due_refund(), status=RefundStatus.REFUSED, refused_code="CODE")

    refunded = refused.settled(Refunded(NOON), "worker", LATER)

    assert (refunded.status, refunded.refunded_by, refunded.refused_code) == (
        RefundStatus.REFUNDED,
        "worker",
        None,
    )
    assert refunded.settled(Refunded(LATER), "kim", LATER) is refunded


def test_what_was_sent_may_be_at_work_until_it_is_answered() -> None:
    refund = a_due_refund()
    sent = refund.sent(NOON)
    assert (refund.sending_ends(), sent.sending_ends()) == (None, LATER)
    # A look-up says nothing of what comes yet.
    for outcome in (Undecided(), NotRefunded()):
        assert sent.settled(outcome, "worker", NOON).sending_ends() == LATER
    for answer in (RefundRefused("CODE"), Refunded(NOON)):
        assert sent.settled(answer, "worker", NOON).sending_ends() is None
