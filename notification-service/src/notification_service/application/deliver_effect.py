"""Delivering an effect to an external service: claimed, attempted, recorded."""

import math
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

import structlog

from notification_service.application.attempt_delivery import AttemptDelivery, Ended
from notification_service.application.delivering.delivery_flow import DeliveryFlow
from notification_service.application.delivering.one_by_one import IsBug, all_or_each
from notification_service.application.delivering.provider_gate import AT_ONCE
from notification_service.application.delivering.turns import Together, Turn
from notification_service.application.ports import (
    Admission,
    Gate,
    Slots,
    StopCheck,
    UnitOfWork,
    UnitOfWorkFactory,
    WorkDone,
)
from notification_service.domain.attempt import GivenUp, Postponed, Released, RetryLater, Unclear
from notification_service.domain.delivery import ClaimedDelivery, Effect
from notification_service.domain.provider_call import Call, CallElsewhere
from notification_service.domain.retry_policy import RetryPolicy
from servicekit.lease_clock import lease_clock_seconds

_RECORD_SECONDS = 1.0
HELD_CALLS = 8
"""For each delivery that is attempted at a time: a claim and a record cost a transaction, for any number."""
# A turn that comes later than this would meet the turns of other processes.
_LATE_SECONDS = 0.05
# Of a second's messages. All that a process holds may come at once if it is no more than that.
_NEGLIGIBLE_SHARE = 0.02
_KEPT_CALLS = 100

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """``most`` deliveries are held at once, and ``parallel`` are attempted.

    ``attempt_seconds`` is the longest that an attempt takes; none begins with less of its lease left.
    """

    most: int
    lease_seconds: float
    attempt_seconds: float
    parallel: float = math.inf


class _Run:
    """What one call of DeliverEffect holds and has seen."""

    def __init__(self, flow: DeliveryFlow, stop: StopCheck) -> None:
        self.flow = flow
        self.stop = stop
        self.attempted = 0
        self.postponed = 0
        self.released = 0
        self.failed_in_a_row = 0
        self.has_more = True
        """Whether another claim is worth its transaction."""
        self.recent_calls: deque[Call] = deque(maxlen=_KEPT_CALLS)

    @property
    def all_failed(self) -> bool:
        return self.failed_in_a_row == self.attempted

    def note(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            # These say nothing of the receiver.
            if isinstance(one.outcome, Postponed):
                self.postponed += 1
                continue
            if isinstance(one.outcome, Released):
                self.released += 1
                continue
            self.attempted += 1
            # Giving up is no sign that the receiver accepts anything.
            has_failed = isinstance(one.outcome, RetryLater | Unclear | GivenUp)
            self.failed_in_a_row = self.failed_in_a_row + 1 if has_failed else 0
            if one.call is not None:
                self.recent_calls.append(one.call)


class DeliverEffect:
    """Delivers what is due of one effect.

    A claim commits before the first call, so that a crash leaves a lease that expires. Outcomes are
    recorded only while the claim holds, every _RECORD_SECONDS while attempts go on: a crash leaves no more of
    them unknown. Those that the database didn't take are kept and recorded in the next call, so that nothing
    is attempted again unless its lease has expired.

    While more is due, a call claims again as soon as half of its deliveries are done: a slow one delays no
    other. The gate says how many may go, and when each.
    """

    def __init__(
        self,
        effect: Effect,
        attempt: AttemptDelivery,
        unit_of_work: UnitOfWorkFactory,
        *,
        provider: str,
        gate: Gate,
        pool: Executor,
        limits: ClaimLimits,
        retry: RetryPolicy,
        held_templates: Callable[[], Collection[str]] = frozenset,
        learn_elsewhere: Callable[[Sequence[CallElsewhere]], None] = lambda _: None,
        is_bug: IsBug = lambda _: False,
        together: Together | None = None,
    ) -> None:
        """``provider`` is the receiver's name in the history. ``together`` attempts several in one call.

        ``held_templates`` are the codes of templates whose messages would only be postponed again.
        ``learn_elsewhere`` is called with the questions to other providers.
        """
        self._effect = effect
        self._attempt = attempt
        self._provider = provider
        self._gate = gate
        self._unit_of_work = unit_of_work
        self._pool = pool
        self._limits = limits
        self._retry = retry
        self._held_templates = held_templates
        self._learn_elsewhere = learn_elsewhere
        self._is_bug = is_bug
        self._together = together
        self._failed_runs = 0
        self._unrecorded: list[Ended] = []
        self._asked_elsewhere: list[CallElsewhere] = []
        self._probe_id: UUID | None = None
        # What is known of a provider that is down, until a probe is answered.
        self._has_probe_failed = True

    def __call__(self, stop: StopCheck) -> WorkDone:
        # Before the claim, which would take deliveries again whose known outcome isn't recorded.
        self._record()
        run = _Run(DeliveryFlow(self._pool, self._attempt, self._limits.parallel, self._together), stop)
        self._claim(run)
        try:
            self._attempt_all(run)
        finally:
            # After an error nothing goes on behind the next run's back.
            run.flow.release()
        self._record()
        return WorkDone(run.attempted + run.postponed + run.released, self._pause_seconds(run))

    def _attempt_all(self, run: _Run) -> None:
        record_at = lease_clock_seconds() + _RECORD_SECONDS
        while run.flow:
            self._proceed(run, record_at)
            may_claim = run.has_more and len(run.flow) <= self._limits.most // 2
            if may_claim or lease_clock_seconds() >= record_at:
                # An error would lose the outcomes that are still to come; the last call raises it.
                with suppress(Exception):
                    self._record()
                    if may_claim:
                        self._claim(run)
                # Behind it: a record that has just met a lock must not be tried again at once.
                record_at = lease_clock_seconds() + _RECORD_SECONDS

    def _claim(self, run: _Run) -> None:
        run.has_more = False
        if run.stop.is_set():
            return
        latest_seconds = self._limits.lease_seconds - self._limits.attempt_seconds
        # Read before the claim: the lease can only expire later than this clock says.
        last_begin = lease_clock_seconds() + latest_seconds
        with self._unit_of_work() as unit_of_work:
            admission = self._gate.admit(unit_of_work, self._limits.most - len(run.flow))
            claimed: Sequence[ClaimedDelivery] = []
            # A probe goes alone: what is under way would be taken for its answer.
            if admission.deliveries and not (admission.probe_id and run.flow):
                claimed = self._claimed(unit_of_work, admission)
            if not claimed:
                return
            # What goes to no receiver needs no slot, and is no probe.
            held = {each.delivery_id: ended for each in claimed if (ended := self._attempt.obstacle(each))}
            going = [each for each in claimed if each.delivery_id not in held]
            slots = AT_ONCE
            if going:
                entered = self._gate.enter(unit_of_work, admission, len(going), latest_seconds)
                if entered is None:
                    return
                slots = entered
            # Not after the commit, which may take long: later slots are other processes'.
            first_at = lease_clock_seconds() + slots.wait_seconds
            # Before any call: the lease must survive a crash of this process.
            unit_of_work.commit()
        if going:
            self._probe_id = admission.probe_id
        run.has_more = admission.probe_id is None and len(claimed) == admission.deliveries
        self._note(run, list(held.values()))

        def may_send() -> bool:
            return not run.stop.is_set() and lease_clock_seconds() < last_begin

        turns = [
            Turn(delivery, *self._times_of(slots, first_at, number), may_send)
            for number, delivery in enumerate(going)
        ]
        run.flow.add(turns, singly=admission.singly)

    def _claimed(self, unit_of_work: UnitOfWork, admission: Admission) -> Sequence[ClaimedDelivery]:
        claim = partial(
            unit_of_work.claims.claim,
            self._effect,
            admission.deliveries,
            self._limits.lease_seconds,
            self._provider,
            self._held_templates(),
        )
        reach = admission.reach
        if admission.probe_id is None:
            return claim(reach=reach)
        if reach.others and self._has_probe_failed:
            # A look-up costs nothing. A free message would wait here, if this provider still hangs, while
            # another one could send it.
            bound = replace(reach, free_after_seconds=None)
            return claim(reach=bound) or claim(sends_only=True, reach=reach)
        # Only sending shows whether the provider takes messages. Look-ups may lead to something to send.
        return claim(sends_only=True, reach=reach) or claim(reach=reach)

    def _proceed(self, run: _Run, until: float) -> None:
        if run.stop.is_set() or self._gate.stops(run.recent_calls):
            run.flow.release()
            run.has_more = False
        self._note(run, run.flow.proceed(until))
        self._note(run, self._give_up_late_slots(run.flow))
        # A backlog must not become a flood of attempts while the receiver accepts nothing.
        run.has_more = run.has_more and run.failed_in_a_row < self._limits.most

    def _note(self, run: _Run, ended: Sequence[Ended]) -> None:
        run.note(ended)
        self._log_postponed(ended)
        self._unrecorded += ended
        self._asked_elsewhere += [question for one in ended for question in one.elsewhere]

    def _log_postponed(self, ended: Sequence[Ended]) -> None:
        # A line for each would fill the log: a night's orders wait together.
        reasons = Counter(one.outcome.reason for one in ended if isinstance(one.outcome, Postponed))
        for reason, deliveries in reasons.items():
            _log.info(
                "deliveries_postponed",
                effect=self._effect.value,
                reason=reason.value,
                deliveries=deliveries,
            )

    def _give_up_late_slots(self, flow: DeliveryFlow) -> Sequence[Ended]:
        """Reserve other slots for turns that come too late for theirs; without any, they are released."""
        late = flow.take_late()
        if not late:
            return []
        latest_seconds = self._limits.lease_seconds - self._limits.attempt_seconds
        is_reserved = False
        with suppress(Exception), self._unit_of_work() as unit_of_work:
            slots = self._gate.enter(unit_of_work, Admission(len(late)), len(late), latest_seconds)
            if slots is not None:
                first_at = lease_clock_seconds() + slots.wait_seconds
                for number, turn in enumerate(late):
                    turn.at, turn.latest = self._times_of(slots, first_at, number)
                unit_of_work.commit()
                is_reserved = True
        # Behind the transaction: if its end fails, a turn is either taken or released, never both.
        if not is_reserved:
            return [turn.released() for turn in late]
        flow.add(late)
        return []

    def _record(self) -> None:
        if not self._unrecorded:
            return
        calls = [call for ended in self._unrecorded for call in ended.calls]
        if self._probe_id is not None and calls:
            answer = calls[-1].outcome
            self._has_probe_failed = answer.is_failing or answer.is_inconclusive
        for ended, error in all_or_each(self._unrecorded, self._record_together, self._is_bug):
            # Its lease expires, and the receiver is asked. Without the message, which may quote its reply.
            _log.error(
                "outcome_not_recorded",
                effect=self._effect.value,
                delivery_id=str(ended.outcome.delivery.delivery_id),
                reason=type(error).__name__,
            )
        self._unrecorded = []
        elsewhere, self._asked_elsewhere = self._asked_elsewhere, []
        self._learn_elsewhere(elsewhere)

    def _record_together(self, ended: Sequence[Ended]) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.claims.record([each.outcome for each in ended])
            calls = [call for each in ended for call in each.calls]
            self._gate.learn(unit_of_work, calls, self._probe_id)
            unit_of_work.commit()
        # At once: if the record of another one fails, the gate must not learn of these calls again.
        recorded = {id(each) for each in ended}
        self._unrecorded = [each for each in self._unrecorded if id(each) not in recorded]

    def _pause_seconds(self, run: _Run) -> float:
        """A pause while the receiver accepts nothing: a backlog must not become a flood of attempts."""
        if not run.attempted or not run.all_failed:
            self._failed_runs = 0
            return 0.0
        self._failed_runs += 1
        return self._retry.pause_seconds(self._failed_runs)

    def _times_of(self, slots: Slots, first_at: float, number: int) -> tuple[float, float]:
        """When the turn of this number may begin: from, until.

        Far below the limit it may wait for a thread: it would only be given another slot, again and again.
        """
        at = first_at + number * slots.interval_seconds
        is_far_below = self._limits.most * slots.interval_seconds <= _NEGLIGIBLE_SHARE
        return at, math.inf if is_far_below else at + _LATE_SECONDS
