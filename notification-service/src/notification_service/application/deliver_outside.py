"""Effects outside of our database: claimed, attempted, recorded."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import structlog

from notification_service.application.effect_work import StopCheck, WorkDone
from notification_service.domain.attempt import Delivered, GivenUp, Outcome, Released, RetryLater
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRefused,
    DeliveryUnavailable,
    NotBegun,
    OutcomeUnknown,
)
from notification_service.domain.retry_policy import RetryPolicy

_log = structlog.get_logger(__name__)


class Courier(Protocol):
    """Brings one effect to the outside."""

    def deliver(self, delivery: ClaimedDelivery, may_send: Callable[[], bool]) -> str | None:
        """Deliver once more at most, and return what the other side calls it, if anything.

        Ask ``may_send`` right before whatever can't be taken back, and raise NotBegun if it says no.
        Raises DeliveryRefused, DeliveryUnavailable or OutcomeUnknown.
        """
        ...


class Deliveries(Protocol):
    def claim(self, effect: Effect, limit: int, lease_seconds: float) -> Sequence[ClaimedDelivery]: ...
    def record(self, outcomes: Sequence[Outcome]) -> None: ...


class UnitOfWork(Protocol):
    @property
    def deliveries(self) -> Deliveries: ...
    def commit(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """``attempt_seconds`` is the longest that one attempt may take; with less left of a lease none begins."""

    batch_size: int
    lease_seconds: float
    attempt_seconds: float


class DeliverOutside:
    """Deliver what is due of one effect.

    The claim is committed before the first call to the outside, so that a crash leaves a lease that runs out;
    results are recorded only where the claim is still ours. What the database wouldn't take is kept and
    recorded first the next time, so that nothing is attempted again unless the lease has run out meanwhile.
    """

    def __init__(
        self,
        effect: Effect,
        courier: Courier,
        begin: Callable[[], AbstractContextManager[UnitOfWork]],
        *,
        pool: Executor,
        limits: ClaimLimits,
        retry: RetryPolicy,
        jitter: Callable[[], float],
    ) -> None:
        self._effect = effect
        self._courier = courier
        self._begin = begin
        self._pool = pool
        self._limits = limits
        self._retry = retry
        self._jitter = jitter
        self._failed_runs = 0
        self._unrecorded: list[Outcome] = []

    def run_once(self, stop: StopCheck) -> WorkDone:
        self._record()
        # Taken before the claim: the lease can only end later than this clock says.
        last_begin = time.monotonic() + self._limits.lease_seconds - self._limits.attempt_seconds
        with self._begin() as work:
            claimed = work.deliveries.claim(self._effect, self._limits.batch_size, self._limits.lease_seconds)
            work.commit()
        if not claimed:
            return WorkDone(0)

        def may_send() -> bool:
            return not stop.is_set() and time.monotonic() < last_begin

        outcomes = list(self._pool.map(lambda delivery: self._attempt(delivery, may_send), claimed))
        self._unrecorded = outcomes
        self._record()
        return WorkDone(len(outcomes), self._pause_seconds(outcomes))

    def _record(self) -> None:
        if not self._unrecorded:
            return
        with self._begin() as work:
            work.deliveries.record(self._unrecorded)
            work.commit()
        self._unrecorded = []

    def _attempt(self, delivery: ClaimedDelivery, may_send: Callable[[], bool]) -> Outcome:
        if not may_send():
            return Released(delivery)
        try:
            reference = self._courier.deliver(delivery, may_send)
        except NotBegun:
            return Released(delivery)
        except DeliveryFailed as failure:
            return self._failed(delivery, failure)
        except Exception as error:  # noqa: BLE001 - one delivery's trouble must not stop all the others
            _log.error("delivery_attempt_crashed", **self._described(delivery), exc_info=error)
            # Where it happened isn't known, so it may have been after the sending.
            reason = f"an error on our side: {type(error).__name__}: {error}"
            return self._failed(delivery, OutcomeUnknown(reason))
        return Delivered(delivery, reference)

    def _failed(self, delivery: ClaimedDelivery, failure: DeliveryFailed) -> Outcome:
        outcome = self._after(failure, delivery)
        event = "delivery_given_up" if isinstance(outcome, GivenUp) else "delivery_delayed"
        _log.warning(event, **self._described(delivery), reason=str(failure))
        return outcome

    def _described(self, delivery: ClaimedDelivery) -> dict[str, str | int]:
        return {
            "effect": self._effect.value,
            "event_id": str(delivery.order.event_id),
            "order_id": str(delivery.order.order_id),
            "attempt": delivery.attempt,
        }

    def _after(self, failure: DeliveryFailed, delivery: ClaimedDelivery) -> Outcome:
        if isinstance(failure, DeliveryRefused) or self._retry.is_exhausted(delivery.age_seconds):
            return GivenUp(delivery, str(failure))
        delay_seconds = self._retry.delay_seconds(delivery.attempt, self._jitter())
        if isinstance(failure, OutcomeUnknown):
            delay_seconds = max(delay_seconds, self._retry.settle_seconds)
        if isinstance(failure, DeliveryUnavailable) and failure.retry_after_seconds is not None:
            delay_seconds = max(delay_seconds, min(failure.retry_after_seconds, self._retry.cap_seconds))
        return RetryLater(delivery, delay_seconds, str(failure))

    def _pause_seconds(self, outcomes: Sequence[Outcome]) -> float:
        """Spare an other side that takes nothing at all: a backlog must not become a flood of attempts."""
        if not all(isinstance(outcome, RetryLater) for outcome in outcomes):
            self._failed_runs = 0
            return 0.0
        self._failed_runs += 1
        return self._retry.pause_seconds(self._failed_runs)
