"""One attempt at a delivery: what it makes of the delivery, and what it says about the receiver."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from notification_service.application.ports import CheckDelivery, Courier, MaySend
from notification_service.domain.after_failure import outcome_of_failure
from notification_service.domain.attempt import (
    Accepted,
    Delivered,
    GivenUp,
    NotFound,
    Outcome,
    Postponed,
    Receipt,
    Rejected,
    Released,
    Skipped,
    Unclear,
)
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryPostponed,
    DeliverySkipped,
    ElsewhereUnknown,
    MessageNotFound,
    NotSent,
    OutcomeUnknown,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallElsewhere, CallOutcome, call_of_failure
from notification_service.domain.retry_policy import RetryPolicy

_DETAIL_CHARACTERS = 500

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended; ``call`` is None if the receiver was not called, or if another attempt that
    ended by the same call has it.

    ``look_up`` is the call that asked before it. ``elsewhere`` are the questions to other providers: if one
    failed, the delivery is postponed for it.
    """

    outcome: Outcome
    call: Call | None = None
    look_up: Call | None = None
    elsewhere: Sequence[CallElsewhere] = ()

    @property
    def calls(self) -> Sequence[Call]:
        """What was asked of the receiver, in order."""
        return [call for call in (self.look_up, self.call) if call is not None]


class AttemptDelivery:
    """Lets the courier make one attempt. It raises nothing: whatever happens is an outcome."""

    def __init__(
        self,
        effect: Effect,
        courier: Courier,
        retry: RetryPolicy,
        jitter: Callable[[], float],
        on_call: Callable[[Call], None] = lambda _: None,
        checks: Sequence[CheckDelivery] = (),
    ) -> None:
        """``jitter`` returns numbers in [0, 1). ``on_call`` is called after each call.

        ``checks`` are what the courier checks before it calls the receiver.
        """
        self._effect = effect
        self._courier = courier
        self._retry = retry
        self._jitter = jitter
        self._on_call = on_call
        self._checks = checks

    def obstacle(self, delivery: ClaimedDelivery) -> Ended | None:
        """What ends the attempt before the receiver is called; None if nothing does, as far as is known."""
        try:
            for check in self._checks:
                check(delivery)
        except DeliverySkipped as skipped:
            return self._skipped(delivery, skipped)
        except DeliveryPostponed as postponed:
            return _postponed(delivery, postponed)
        except DeliveryFailed as failure:
            return Ended(self._failed(delivery, failure, delivery.order.recipient.removed_from))
        except Exception:  # noqa: BLE001 - the courier meets it again, and its attempt is recorded
            return None
        return None

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        deliver = partial(self._courier, delivery, may_send)
        ended = self.ended_by(deliver, delivery, delivery.order.recipient.removed_from)
        self.count(ended)
        return ended

    def count(self, ended: Ended) -> None:
        if ended.call is not None:
            self._on_call(ended.call)

    def ended_by(
        self, deliver: Callable[[], Receipt], delivery: ClaimedDelivery, clean: Callable[[str], str]
    ) -> Ended:
        """What ``deliver``, which does what a courier does, makes of the delivery. The call isn't counted.

        ``clean`` removes from a text for the log whom the receiver's reply may name.
        """
        try:
            receipt = deliver()
        except NotSent:
            # A stop, or look-ups that left too little of the lease, which must not go on unseen.
            _log.info("delivery_released", **self._fields(delivery))
            return Ended(Released(delivery))
        except MessageNotFound as missing:
            _log.info("delivery_not_found", **self._fields(delivery))
            return Ended(
                NotFound(delivery, missing.is_kept_unsent), Call(CallOutcome.ANSWERED, is_look_up=True)
            )
        except DeliverySkipped as skipped:
            return self._skipped(delivery, skipped)
        except DeliveryPostponed as postponed:
            return _postponed(delivery, postponed)
        except DeliveryFailed as failure:
            return Ended(self._failed(delivery, failure, clean), _call_of(delivery, failure))
        except Exception as error:  # noqa: BLE001 - a bug that one delivery meets must not stop the others
            # Not exc_info: the message of an unforeseen error may quote the recipient.
            exception = clean("".join(traceback.format_exception(error)))
            _log.error("delivery_attempt_crashed", **self._fields(delivery), exception=exception)
            # It may have happened after the sending.
            detail = f"internal error: {type(error).__name__}"
            return Ended(self._failed(delivery, OutcomeUnknown(FailureReason.INTERNAL_ERROR, detail), clean))
        return _ended_well(delivery, receipt)

    def _skipped(self, delivery: ClaimedDelivery, skipped: DeliverySkipped) -> Ended:
        _log.info("delivery_skipped", **self._fields(delivery), reason=skipped.reason.value)
        return Ended(Skipped(delivery, skipped.reason))

    def _failed(
        self, delivery: ClaimedDelivery, failure: DeliveryFailed, clean: Callable[[str], str]
    ) -> Outcome:
        outcome = outcome_of_failure(self._effect, delivery, failure, self._retry, self._jitter())
        event = _event(outcome)
        # The only place that shows what the receiver replied: clients get the reason alone.
        detail = clean(str(failure))[:_DETAIL_CHARACTERS]
        _log.warning(event, **self._fields(delivery), reason=failure.reason.value, detail=detail)
        return outcome

    def _fields(self, delivery: ClaimedDelivery) -> dict[str, str | int]:
        return {
            "effect": self._effect.value,
            "event_id": str(delivery.order.event_id),
            "order_id": str(delivery.order.order_id),
            "attempt": delivery.attempt,
        }


def _call_of(delivery: ClaimedDelivery, failure: DeliveryFailed) -> Call | None:
    call = call_of_failure(failure)
    return replace(call, is_look_up=True) if call and delivery.purpose is Purpose.LOOK_UP else call


def _ended_well(delivery: ClaimedDelivery, receipt: Receipt) -> Ended:
    answered = Call(CallOutcome.ANSWERED, is_look_up=True)
    taken = Delivered if receipt.is_final else Accepted
    return Ended(
        taken(delivery, receipt.reference, receipt.provider),
        Call(CallOutcome.ACCEPTED) if receipt.was_sent else answered,
        receipt.look_up,
        [CallElsewhere(name, answered) for name in receipt.asked_elsewhere],
    )


def _postponed(delivery: ClaimedDelivery, postponed: DeliveryPostponed) -> Ended:
    outcome = Postponed(delivery, postponed.delay_seconds, postponed.reason)
    if isinstance(postponed, ElsewhereUnknown) and (asked := call_of_failure(postponed.__cause__)):
        return Ended(outcome, elsewhere=[CallElsewhere(postponed.provider, replace(asked, is_look_up=True))])
    return Ended(outcome)


def _event(outcome: Outcome) -> str:
    """The log's name for what follows a failed attempt."""
    match outcome:
        case Rejected() | GivenUp():
            return "delivery_given_up"
        case Unclear(delay_seconds=None):
            return "delivery_needs_an_operator"
        case _:
            return "delivery_delayed"
