"""What a failed attempt says about the provider."""

import pytest

from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    EarlierRequestArrived,
    NotConfirmed,
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
    ReceiverUnavailable,
    Unanswerable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallOutcome, call_of_failure

R = FailureReason


def caused(failure: DeliveryFailed, cause: DeliveryFailed) -> DeliveryFailed:
    failure.__cause__ = cause
    return failure


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (ReceiverUnavailable(R.RECEIVER_UNREACHABLE, ""), CallOutcome.UNAVAILABLE),
        (ProviderThrottled(R.RECEIVER_BUSY, ""), CallOutcome.THROTTLED),
        (ProviderStopped(R.UNEXPECTED_REPLY, "", code="-1017"), CallOutcome.STOPPED),
        (DeliveryRejected(R.REJECTED, ""), CallOutcome.ANSWERED),
        (OutcomeUnknown(R.NO_REPLY, ""), CallOutcome.UNKNOWN),
        (OutcomeUnknown(R.RECEIVER_ERROR, ""), CallOutcome.UNKNOWN),
        (OutcomeUnknown(R.UNEXPECTED_REPLY, "a code that has to be asked for"), CallOutcome.UNCLEAR),
        (OutcomeUnknown(R.NOT_CONFIRMED, ""), CallOutcome.UNCLEAR),
        (EarlierRequestArrived(R.UNEXPECTED_REPLY, ""), CallOutcome.ANSWERED),
        (NotConfirmed(R.NOT_CONFIRMED, "not found yet"), CallOutcome.ANSWERED),
        (
            caused(NotConfirmed(R.NOT_CONFIRMED, "look-up failed"), OutcomeUnknown(R.NO_REPLY, "")),
            CallOutcome.UNKNOWN,
        ),
        (caused(Unanswerable(R.NO_REPLY, ""), OutcomeUnknown(R.NO_REPLY, "")), CallOutcome.UNKNOWN),
    ],
)
def test_a_failure_says_how_the_provider_is(failure: DeliveryFailed, outcome: CallOutcome) -> None:
    call = call_of_failure(failure)

    assert call is not None
    assert call.outcome is outcome


@pytest.mark.parametrize(
    "failure",
    [
        OutcomeUnknown(R.INTERNAL_ERROR, "a bug of ours"),
        Unanswerable(R.NOT_CONFIRMED, "another provider is configured"),
    ],
)
def test_what_called_nobody_says_nothing(failure: DeliveryFailed) -> None:
    assert call_of_failure(failure) is None


def test_code_and_pause_are_kept() -> None:
    stopped = ProviderStopped(R.UNEXPECTED_REPLY, "", code="-1017")
    busy = ReceiverUnavailable(R.RECEIVER_BUSY, "", retry_after_seconds=9.0)

    assert call_of_failure(stopped) == Call(CallOutcome.STOPPED, "-1017")
    assert call_of_failure(busy) == Call(CallOutcome.UNAVAILABLE, "RECEIVER_BUSY", 9.0)


def test_a_pause_is_kept_of_a_503_that_may_hide_an_acceptance() -> None:
    busy = ReceiverUnavailable(R.RECEIVER_BUSY, "", retry_after_seconds=9.0)

    assert call_of_failure(caused(OutcomeUnknown(R.RECEIVER_ERROR, ""), busy)) == Call(
        CallOutcome.UNKNOWN, "RECEIVER_ERROR", 9.0
    )
