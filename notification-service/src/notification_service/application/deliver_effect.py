"""Delivering an effect to an external service: claimed, attempted, recorded."""

import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass

import structlog

from notification_service.application.ports import (
    Courier,
    MaySend,
    StopCheck,
    UnitOfWorkFactory,
    WorkDone,
)
from notification_service.domain.after_failure import outcome_of_failure
from notification_service.domain.attempt import (
    Accepted,
    Delivered,
    GivenUp,
    NotFound,
    Outcome,
    Postponed,
    Rejected,
    Released,
    RetryLater,
    Skipped,
    Unclear,
)
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryPostponed,
    DeliverySkipped,
    MessageNotFound,
    NotSent,
    OutcomeUnknown,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.retry_policy import RetryPolicy

_DETAIL_CHARACTERS = 500
_RECORD_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """``attempt_seconds`` is the longest that an attempt takes; none begins with less of its lease left."""

    batch_size: int
    lease_seconds: float
    attempt_seconds: float


class DeliverEffect:
    """Delivers what is due of one effect.

    The claim commits before the first call, so that a crash leaves a lease that expires. Outcomes are
    recorded only while the claim holds, every _RECORD_SECONDS while attempts go on: a crash leaves no more of
    them unknown. Those that the database didn't take are kept and recorded in the next call, so that nothing
    is attempted again unless its lease has expired.
    """

    def __init__(
        self,
        effect: Effect,
        courier: Courier,
        unit_of_work: UnitOfWorkFactory,
        *,
        provider: str,
        pool: Executor,
        limits: ClaimLimits,
        retry: RetryPolicy,
        jitter: Callable[[], float],
        held_templates: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        """``provider`` is the receiver's name in the history; ``jitter`` returns numbers in [0, 1).

        ``held_templates`` are the codes of templates whose messages would only be postponed again.
        """
        self._effect = effect
        self._provider = provider
        self._courier = courier
        self._unit_of_work = unit_of_work
        self._pool = pool
        self._limits = limits
        self._retry = retry
        self._jitter = jitter
        self._held_templates = held_templates
        self._failed_batches = 0
        self._unrecorded: list[Outcome] = []

    def __call__(self, stop: StopCheck) -> WorkDone:
        # Before the claim, which would take deliveries again whose known outcome isn't recorded.
        self._record()
        # Read before the claim: the lease can only expire later than this clock says.
        last_begin = time.monotonic() + self._limits.lease_seconds - self._limits.attempt_seconds
        claimed = self._claim()
        if not claimed:
            return WorkDone(0)

        def may_send() -> bool:
            return not stop.is_set() and time.monotonic() < last_begin

        outcomes = self._attempt_all(claimed, may_send)
        self._log_postponed(outcomes)
        return WorkDone(len(outcomes), self._pause_seconds(outcomes))

    def _claim(self) -> Sequence[ClaimedDelivery]:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.claims.claim(
                self._effect,
                self._limits.batch_size,
                self._limits.lease_seconds,
                self._provider,
                self._held_templates(),
            )
            # Before any call: the lease must survive a crash of this process.
            unit_of_work.commit()
        return claimed

    def _attempt_all(self, claimed: Sequence[ClaimedDelivery], may_send: MaySend) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        under_way = {self._pool.submit(self._attempt, delivery, may_send) for delivery in claimed}
        while under_way:
            ended, under_way = wait(under_way, _RECORD_SECONDS)
            new = [attempt.result() for attempt in ended]
            outcomes += new
            self._unrecorded += new
            if under_way:
                # An error would lose the outcomes that are still to come; the last call raises it.
                with suppress(Exception):
                    self._record()
        self._record()
        return outcomes

    def _record(self) -> None:
        if not self._unrecorded:
            return
        with self._unit_of_work() as unit_of_work:
            unit_of_work.claims.record(self._unrecorded)
            unit_of_work.commit()
        self._unrecorded = []

    def _attempt(self, delivery: ClaimedDelivery, may_send: MaySend) -> Outcome:
        # The delivery may have waited in the pool until too little of its lease was left.
        if not may_send():
            return Released(delivery)
        try:
            receipt = self._courier(delivery, may_send)
        except NotSent:
            return Released(delivery)
        except MessageNotFound:
            _log.info("delivery_not_found", **self._fields(delivery))
            return NotFound(delivery)
        except DeliverySkipped as skipped:
            _log.info("delivery_skipped", **self._fields(delivery), reason=skipped.reason.value)
            return Skipped(delivery, skipped.reason)
        except DeliveryPostponed as postponed:
            return Postponed(delivery, postponed.delay_seconds, postponed.reason)
        except DeliveryFailed as failure:
            return self._failed(delivery, failure)
        except Exception as error:  # noqa: BLE001 - a bug that one delivery meets must not stop the others
            # Not exc_info: the message of an unforeseen error may quote the recipient.
            exception = delivery.order.recipient.removed_from("".join(traceback.format_exception(error)))
            _log.error("delivery_attempt_crashed", **self._fields(delivery), exception=exception)
            # It may have happened after the sending.
            detail = f"internal error: {type(error).__name__}"
            return self._failed(delivery, OutcomeUnknown(FailureReason.INTERNAL_ERROR, detail))
        if receipt.is_final:
            return Delivered(delivery, receipt.reference)
        return Accepted(delivery, receipt.reference)

    def _failed(self, delivery: ClaimedDelivery, failure: DeliveryFailed) -> Outcome:
        outcome = outcome_of_failure(self._effect, delivery, failure, self._retry, self._jitter())
        event = _event(outcome)
        # The only place that shows what the receiver replied: clients get the reason alone.
        detail = delivery.order.recipient.removed_from(str(failure))[:_DETAIL_CHARACTERS]
        _log.warning(event, **self._fields(delivery), reason=failure.reason.value, detail=detail)
        return outcome

    def _log_postponed(self, outcomes: Sequence[Outcome]) -> None:
        # A line for each would fill the log: a night's orders wait together.
        reasons = Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Postponed))
        for reason, deliveries in reasons.items():
            _log.info(
                "deliveries_postponed",
                effect=self._effect.value,
                reason=reason.value,
                deliveries=deliveries,
            )

    def _fields(self, delivery: ClaimedDelivery) -> dict[str, str | int]:
        return {
            "effect": self._effect.value,
            "event_id": str(delivery.order.event_id),
            "order_id": str(delivery.order.order_id),
            "attempt": delivery.attempt,
        }

    def _pause_seconds(self, outcomes: Sequence[Outcome]) -> float:
        """A pause while the receiver accepts nothing: a backlog must not become a flood of attempts."""
        attempted = [outcome for outcome in outcomes if not isinstance(outcome, Postponed)]
        if not attempted:
            return 0.0
        if not all(isinstance(outcome, RetryLater | Unclear) for outcome in attempted):
            self._failed_batches = 0
            return 0.0
        self._failed_batches += 1
        return self._retry.pause_seconds(self._failed_batches)


def _event(outcome: Outcome) -> str:
    """The log's name for what follows a failed attempt."""
    match outcome:
        case Rejected() | GivenUp():
            return "delivery_given_up"
        case Unclear(delay_seconds=None):
            return "delivery_needs_an_operator"
        case _:
            return "delivery_delayed"
