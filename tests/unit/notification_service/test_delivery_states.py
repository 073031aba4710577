"""What each status may become, and what an attempt makes of its delivery."""

from itertools import product

import pytest

from notification_service.domain.after_failure import outcome_of_failure
from notification_service.domain.attempt import (
    Accepted,
    Delivered,
    GivenUp,
    NotFound,
    Outcome,
    Rejected,
    Released,
    RetryLater,
    Skipped,
    Unclear,
)
from notification_service.domain.attempt_history import AttemptOutcome, Purpose
from notification_service.domain.delivery import (
    CAN_BE_GIVEN_UP,
    RETRYABLE,
    TRANSITIONS,
    DeliveryStatus,
    Effect,
    may_become,
)
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    NotConfirmed,
    OutcomeUnknown,
    ReceiverUnavailable,
    TemplateRefused,
    Unanswerable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.recorded_outcome import RecordedOutcome, recorded_outcome
from notification_service.domain.retry_policy import RetryPolicy
from tests.support.notification_builders import a_delivery

S = DeliveryStatus
ALLOWED = {
    (S.PENDING, S.SENDING),
    (S.PENDING, S.DELIVERED),
    (S.PENDING, S.GIVEN_UP),
    (S.SENDING, S.SENDING),
    (S.SENDING, S.PENDING),
    (S.SENDING, S.ACCEPTED),
    (S.SENDING, S.DELIVERED),
    (S.SENDING, S.FAILED),
    (S.SENDING, S.UNKNOWN),
    (S.SENDING, S.GIVEN_UP),
    (S.SENDING, S.SKIPPED),
    (S.ACCEPTED, S.DELIVERED),
    (S.ACCEPTED, S.FAILED),
    (S.ACCEPTED, S.EXPIRED),
    (S.UNKNOWN, S.SENDING),
    (S.UNKNOWN, S.PENDING),
    (S.UNKNOWN, S.GIVEN_UP),
    (S.ACCEPTED, S.PENDING),
    (S.UNKNOWN, S.DELIVERED),
    (S.FAILED, S.PENDING),
    (S.FAILED, S.DELIVERED),
    (S.EXPIRED, S.PENDING),
    (S.EXPIRED, S.DELIVERED),
    (S.EXPIRED, S.FAILED),
    (S.GIVEN_UP, S.PENDING),
    (S.GIVEN_UP, S.DELIVERED),
}
REASON = FailureReason.NO_REPLY
RETRY = RetryPolicy()


@pytest.mark.parametrize(("former", "new"), list(product(S, S)))
def test_a_status_becomes_what_the_table_allows_and_nothing_else(
    former: DeliveryStatus, new: DeliveryStatus
) -> None:
    assert may_become(former, new) == ((former, new) in ALLOWED)


def test_every_status_has_its_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(S)


def test_operators_change_only_what_no_process_holds() -> None:
    assert {S.FAILED, S.EXPIRED, S.GIVEN_UP, S.UNKNOWN} == RETRYABLE
    assert {S.PENDING, S.UNKNOWN} == CAN_BE_GIVEN_UP


@pytest.mark.parametrize(
    ("outcome", "status", "attempt"),
    [
        (Delivered(a_delivery()), S.DELIVERED, AttemptOutcome.DELIVERED),
        (Accepted(a_delivery(), "m-1"), S.ACCEPTED, AttemptOutcome.ACCEPTED),
        (RetryLater(a_delivery(), 1.0, REASON), S.PENDING, AttemptOutcome.NOT_TAKEN),
        (RetryLater(a_delivery(), 1.0, REASON, possibly_sent=True), S.PENDING, AttemptOutcome.UNKNOWN),
        (Unclear(a_delivery(), 1.0, REASON, possibly_sent=True), S.UNKNOWN, AttemptOutcome.UNKNOWN),
        (Unclear(a_delivery(purpose=Purpose.LOOK_UP), None, REASON), S.UNKNOWN, AttemptOutcome.UNKNOWN),
        (NotFound(a_delivery(purpose=Purpose.LOOK_UP)), S.PENDING, AttemptOutcome.NOT_FOUND),
        (Rejected(a_delivery(), FailureReason.REJECTED), S.FAILED, AttemptOutcome.REJECTED),
        (GivenUp(a_delivery(), REASON), S.GIVEN_UP, AttemptOutcome.NOT_TAKEN),
        (GivenUp(a_delivery(), REASON, possibly_sent=True), S.GIVEN_UP, AttemptOutcome.UNKNOWN),
        (Skipped(a_delivery(), REASON), S.SKIPPED, None),
        (Released(a_delivery()), S.PENDING, None),
        (Released(a_delivery(purpose=Purpose.LOOK_UP)), S.UNKNOWN, None),
    ],
)
def test_an_outcome_is_recorded_as_a_status_and_in_the_history(
    outcome: Outcome, status: DeliveryStatus, attempt: AttemptOutcome | None
) -> None:
    recorded = recorded_outcome(outcome)

    assert (recorded.status, recorded.attempt_outcome) == (status, attempt)


def test_an_attempt_can_not_leave_a_delivery_expired() -> None:
    with pytest.raises(ValueError, match="EXPIRED"):
        RecordedOutcome(S.EXPIRED, AttemptOutcome.UNKNOWN)


@pytest.mark.parametrize(
    ("effect", "purpose", "failure", "outcome", "possibly_sent"),
    [
        (Effect.ALIMTALK, Purpose.SEND, OutcomeUnknown(REASON, ""), Unclear, True),
        (Effect.ALIMTALK, Purpose.SEND, Unanswerable(REASON, ""), Unclear, True),
        (Effect.ALIMTALK, Purpose.SEND, ReceiverUnavailable(REASON, ""), RetryLater, False),
        (Effect.ALIMTALK, Purpose.SEND, NotConfirmed(REASON, ""), RetryLater, False),
        (Effect.ALIMTALK, Purpose.LOOK_UP, OutcomeUnknown(REASON, ""), Unclear, False),
        (Effect.ALIMTALK, Purpose.LOOK_UP, ReceiverUnavailable(REASON, ""), Unclear, False),
        (Effect.ALIMTALK, Purpose.LOOK_UP, NotConfirmed(REASON, ""), Unclear, False),
        (Effect.MONITORING, Purpose.SEND, OutcomeUnknown(REASON, ""), RetryLater, True),
    ],
)
def test_a_failed_attempt_leaves_open_only_what_may_have_been_sent(
    effect: Effect,
    purpose: Purpose,
    failure: DeliveryFailed,
    outcome: type[Unclear | RetryLater],
    possibly_sent: bool,
) -> None:
    found = outcome_of_failure(effect, a_delivery(purpose=purpose), failure, RETRY, 0.5)

    assert isinstance(found, outcome)
    assert found.possibly_sent == possibly_sent


def test_a_refused_template_is_tried_again_after_the_check() -> None:
    failure = TemplateRefused(FailureReason.TEMPLATE_NOT_USABLE, "")

    found = outcome_of_failure(Effect.ALIMTALK, a_delivery(), failure, RETRY, 0.5)

    assert found == RetryLater(found.delivery, 60.0, FailureReason.TEMPLATE_NOT_USABLE)


def test_what_can_not_be_asked_about_has_no_next_attempt() -> None:
    found = outcome_of_failure(Effect.ALIMTALK, a_delivery(), Unanswerable(REASON, ""), RETRY, 0.5)

    assert isinstance(found, Unclear)
    assert found.delay_seconds is None


def test_a_rejected_delivery_fails_and_an_exhausted_one_is_given_up() -> None:
    exhausted = RetryPolicy(give_up_after_seconds=0.0, least_attempts=1)
    rejection = DeliveryRejected(FailureReason.REJECTED, "")

    for retry in (RETRY, exhausted):
        rejected = outcome_of_failure(Effect.ALIMTALK, a_delivery(), rejection, retry, 0.5)
        assert rejected == Rejected(rejected.delivery, FailureReason.REJECTED)
    failure = ReceiverUnavailable(REASON, "")
    given_up = outcome_of_failure(Effect.MONITORING, a_delivery(), failure, exhausted, 0.5)
    assert given_up == GivenUp(given_up.delivery, REASON)


def test_a_question_waits_until_the_provider_can_be_sure_and_no_longer() -> None:
    failure = NotConfirmed(REASON, "", sure_in_seconds=12.0)
    many = a_delivery(attempt=20, purpose=Purpose.LOOK_UP)

    found = outcome_of_failure(Effect.ALIMTALK, many, failure, RETRY, 0.5)

    assert isinstance(found, Unclear)
    assert found.delay_seconds == 12.0 + RETRY.base_seconds / 2


def test_a_provider_that_takes_long_to_be_sure_is_asked_before() -> None:
    failure = NotConfirmed(REASON, "", sure_in_seconds=3_000.0)
    first = a_delivery(attempt=2, purpose=Purpose.LOOK_UP)

    found = outcome_of_failure(Effect.ALIMTALK, first, failure, RETRY, 0.5)

    assert isinstance(found, Unclear)
    assert found.delay_seconds == RETRY.delay_seconds(2, 0.5)
