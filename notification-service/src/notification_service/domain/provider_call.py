"""What an attempt says about the provider that it called, apart from what it says about its delivery."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from notification_service.domain.errors import (
    BatchRefused,
    DeliveryRejected,
    EarlierRequestArrived,
    LookUpRefused,
    NotConfirmed,
    OutcomeUnknown,
    ProviderStopped,
    ProviderThrottled,
    ReceiverUnavailable,
    TemplateRefused,
    Unanswerable,
)
from notification_service.domain.failure_reason import FailureReason


class CallOutcome(StrEnum):
    """How a call ended for the provider."""

    ACCEPTED = "ACCEPTED"
    """It took a message."""
    ANSWERED = "ANSWERED"
    """It refused a message, or answered a question: it works."""
    THROTTLED = "THROTTLED"
    """It wants fewer calls."""
    UNAVAILABLE = "UNAVAILABLE"
    """It can't be reached, or says that it can't work."""
    UNKNOWN = "UNKNOWN"
    """Its reply is missing, late or malformed."""
    UNCLEAR = "UNCLEAR"
    """It answered, and didn't say whether it took the message."""
    STOPPED = "STOPPED"
    """It takes nothing until its account, balance or key is fixed. Answering a look-up, it answers none."""

    @property
    def is_failing(self) -> bool:
        return self in {CallOutcome.UNAVAILABLE, CallOutcome.UNKNOWN}

    @property
    def is_inconclusive(self) -> bool:
        """Whether the provider answers, and doesn't show that it takes messages."""
        return self in {CallOutcome.THROTTLED, CallOutcome.UNCLEAR}


@dataclass(frozen=True, slots=True)
class Call:
    """A call; ``reason`` is the provider's code or a FailureReason, and empty without a failure.

    ``is_look_up``: it sent nothing, so that its answer doesn't show whether the provider takes messages.
    """

    outcome: CallOutcome
    reason: str = ""
    retry_after_seconds: float | None = None
    is_look_up: bool = False

    @property
    def proves_nothing(self) -> bool:
        """Look-ups may be answered while sending hangs."""
        return self.is_look_up and not self.outcome.is_failing


def is_in_doubt_after(known: bool, calls: Sequence[Call]) -> bool:
    """Whether the provider may be hanging, by its last answer to a call that sends; ``known`` before."""
    for call in calls:
        if call.outcome.is_failing or call.outcome is CallOutcome.UNCLEAR:
            known = True
        elif call.outcome in {CallOutcome.ACCEPTED, CallOutcome.ANSWERED} and not call.is_look_up:
            known = False
    return known


def refusal_after(known: str | None, questions: Sequence[Call]) -> str | None:
    """The code with which the provider refuses our key such questions, if it does; ``known`` before."""
    refused = [call.reason for call in questions if call.outcome is CallOutcome.STOPPED]
    if refused:
        # Another code says nothing new.
        return known or refused[0]
    return None if any(call.outcome is CallOutcome.ANSWERED for call in questions) else known


@dataclass(frozen=True, slots=True)
class CallElsewhere:
    """A call to another provider than the one that the attempt was to be made at."""

    provider: str
    call: Call


def call_of_failure(failure: BaseException | None) -> Call | None:
    """The call that ended with ``failure``; None if none was made, or if ours was the fault."""
    match failure:
        case ProviderStopped():
            return Call(CallOutcome.STOPPED, failure.code, is_look_up=isinstance(failure, LookUpRefused))
        case ProviderThrottled():
            return Call(CallOutcome.THROTTLED, failure.reason.value, failure.retry_after_seconds)
        case TemplateRefused() | BatchRefused():
            return Call(CallOutcome.ANSWERED)
        case ReceiverUnavailable():
            return Call(CallOutcome.UNAVAILABLE, failure.reason.value, failure.retry_after_seconds)
        case Unanswerable():
            # Raised without a cause, it says that the provider can't be asked, and nothing was called.
            return call_of_failure(failure.__cause__)
        case NotConfirmed():
            asked = call_of_failure(failure.__cause__) or Call(CallOutcome.ANSWERED)
            return replace(asked, is_look_up=True)
        case EarlierRequestArrived():
            return Call(CallOutcome.ANSWERED)
        case OutcomeUnknown():
            return _call_of_unknown(failure)
        case DeliveryRejected():
            return Call(CallOutcome.ANSWERED)
    return None


def _call_of_unknown(failure: OutcomeUnknown) -> Call | None:
    if failure.reason is FailureReason.INTERNAL_ERROR:
        return None
    # With these it answered, although with a code or a page that doesn't help.
    has_answered = failure.reason in {FailureReason.UNEXPECTED_REPLY, FailureReason.NOT_CONFIRMED}
    outcome = CallOutcome.UNCLEAR if has_answered else CallOutcome.UNKNOWN
    # A 503 may hide that it took the message; the pause that it asks for counts all the same.
    cause = failure.__cause__
    pause_seconds = cause.retry_after_seconds if isinstance(cause, ReceiverUnavailable) else None
    return Call(outcome, failure.reason.value, pause_seconds)
