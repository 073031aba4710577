"""The state machine in ``order_service.domain.payment``, edge by edge."""

from datetime import timedelta

import pytest

from order_service.domain.money import Money
from order_service.domain.payment import PaymentStatus as Status
from order_service.domain.payment_outcome import (
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
    Unpaid,
)
from tests.support.order_builders import NOON, a_payment

APPROVED = Approved(NOON)
DOLLARS = Money(2_300, "USD")
OTHERWISE = ChargedOtherwise(NOON, DOLLARS)
AWAITED = AwaitsDeposit(NOON + timedelta(days=7))
DECLINED = Declined("NO_FUNDS")


@pytest.mark.parametrize(
    ("before", "outcome", "after"),
    [
        (Status.REQUESTED, APPROVED, Status.APPROVED),
        (Status.REQUESTED, DECLINED, Status.DECLINED),
        (Status.REQUESTED, Undecided(), Status.UNKNOWN),
        (Status.REQUESTED, Unpaid(), Status.UNKNOWN),
        (Status.REQUESTED, NeverHappened(), Status.ABANDONED),
        (Status.UNKNOWN, APPROVED, Status.APPROVED),
        (Status.UNKNOWN, DECLINED, Status.DECLINED),
        (Status.UNKNOWN, Undecided(), Status.UNKNOWN),
        (Status.UNKNOWN, Unpaid(), Status.UNKNOWN),
        (Status.UNKNOWN, NeverHappened(), Status.ABANDONED),
        (Status.UNKNOWN, AWAITED, Status.UNKNOWN),
        (Status.REQUESTED, AWAITED, Status.UNKNOWN),
        (Status.REQUESTED, OTHERWISE, Status.REFUND_DUE),
        (Status.UNKNOWN, OTHERWISE, Status.REFUND_DUE),
        (Status.DECLINED, OTHERWISE, Status.REFUND_DUE),
        (Status.ABANDONED, OTHERWISE, Status.REFUND_DUE),
        (Status.ABANDONED, APPROVED, Status.REFUND_DUE),
        (Status.DECLINED, APPROVED, Status.REFUND_DUE),
    ],
)
def test_an_outcome_moves_a_payment(before: Status, outcome: Outcome, after: Status) -> None:
    settled = a_payment(before).settled(1, outcome)
    assert settled.status is after
    assert (settled.approved_at == NOON) == isinstance(outcome, Approved | ChargedOtherwise)
    assert settled.charged == (DOLLARS if outcome is OTHERWISE else None)
    assert settled.deposit_due_at == (AWAITED.due_at if outcome is AWAITED else None)
    assert settled.decline_code == ("NO_FUNDS" if isinstance(outcome, Declined) else None)


@pytest.mark.parametrize("outcome", [APPROVED, OTHERWISE, DECLINED, Undecided(), AWAITED, NeverHappened()])
@pytest.mark.parametrize("status", [Status.APPROVED, Status.REFUND_DUE])
def test_an_approved_payment_stays_as_it_is(status: Status, outcome: Outcome) -> None:
    payment = a_payment(status)
    assert payment.settled(1, outcome) is payment


@pytest.mark.parametrize("outcome", [DECLINED, Undecided(), AWAITED, NeverHappened()])
def test_what_a_former_attempt_says_is_history(outcome: Outcome) -> None:
    payment = a_payment(Status.REQUESTED, attempt=2)
    assert payment.settled(1, outcome) is payment


def test_an_approval_counts_whichever_attempt_it_belongs_to() -> None:
    assert a_payment(Status.REQUESTED, attempt=2).settled(1, APPROVED).status is Status.APPROVED


def test_what_was_taken_is_returned_and_not_what_was_requested() -> None:
    payment = a_payment(Status.REQUESTED)
    assert payment.settled(1, APPROVED).to_return == Money(30_000, "KRW")
    assert payment.settled(1, OTHERWISE).to_return == DOLLARS


def test_a_look_up_without_an_answer_forgets_no_deposits_time() -> None:
    payment = a_payment(Status.UNKNOWN).settled(1, AWAITED).settled(1, Undecided())
    assert payment.deposit_due_at == AWAITED.due_at
    assert payment.next_attempt(NOON).deposit_due_at is None


def test_each_attempt_has_an_idempotency_key_of_its_own() -> None:
    first = a_payment(Status.UNKNOWN)
    second = first.next_attempt(NOON)
    assert second.status is Status.REQUESTED
    assert second.payment_id == first.payment_id
    assert second.request.idempotency_key != first.request.idempotency_key


def test_no_attempt_begins_once_the_first_one_must_have_lapsed() -> None:
    payment = a_payment(Status.UNKNOWN).next_attempt(NOON + timedelta(minutes=11))
    assert payment.may_be_sent_again(NOON, NOON + timedelta(minutes=11, seconds=59))
    assert not payment.may_be_sent_again(NOON, NOON + timedelta(minutes=12))


def test_a_requested_payment_is_in_progress_until_the_limit() -> None:
    limit = timedelta(seconds=60)
    payment = a_payment(Status.REQUESTED)
    assert payment.is_in_progress(NOON + timedelta(seconds=59), limit)
    assert not payment.is_in_progress(NOON + limit, limit)
    assert not a_payment(Status.UNKNOWN).is_in_progress(NOON, limit)
