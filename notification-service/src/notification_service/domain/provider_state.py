"""What all processes together know of a provider.

    RUNNING ── calls fail in a row ──────────► OPEN ── a probe is answered ───────► RUNNING
    RUNNING, OPEN ── only a human can mend it ──► SUSPENDED ── a probe is accepted ──► RUNNING

A probe is one message, sent while all others wait. Look-ups prove nothing: they may be answered while sending
hangs. An operator may end SUSPENDED, too.

Apart from that status, a provider may refuse our key the questions whether it has a message, or what became
of it. It then goes on to get what surely was not sent, and all else waits: a refused question suspends
nothing, and an accepted message doesn't prove that questions are answered.

Answers that don't show whether the provider takes messages open the breaker as well: nothing but 429 for a
minute in which messages were sent, or many of unknown outcome in a row. Such an answer to a probe leaves it
open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID

from notification_service.domain.provider_call import Call, CallOutcome, refusal_after
from notification_service.domain.throttling import Throttling, first_throttling

# A message that waits is sent as a probe sooner: its turn comes within a second, and a look-up's after it.
_IDLE_SECONDS = 60.0
WATCH_SECONDS = 60.0
"""A provider that no consumer has watched for so long is used by none. No database is restored sooner."""


class ProviderStatus(StrEnum):
    """Whether a provider is called."""

    RUNNING = "RUNNING"
    OPEN = "OPEN"
    """The circuit breaker is open: calls failed one after the other."""
    SUSPENDED = "SUSPENDED"
    """A human has to mend the account, the balance or the key."""


class StoppedBy(StrEnum):
    """Where a provider said that only a human can mend it."""

    CALL = "CALL"
    RESULT = "RESULT"
    """It accepts messages, and reports later that they failed: only a delivered one proves the cure."""


class Questions(StrEnum):
    """What a provider may refuse our key apart from sending."""

    LOOK_UPS = "look-ups"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """``probe_in_seconds`` leads to the next probe or, while ``probe_id`` makes one, to the end of its lease.

    ``wait_seconds`` leads to the next slot that nobody has reserved, ``question_wait_seconds`` to the next
    one that a question may have although messages wait.
    """

    name: str
    status: ProviderStatus = ProviderStatus.RUNNING
    failures: int = 0
    """Calls that failed since a message was last taken or refused."""
    unclear_answers: int = 0
    """Answers of unknown outcome since then."""
    throttling: Throttling | None = None
    """The 429 since then, if there were any."""
    failed_probes: int = 0
    reason: str | None = None
    stopped_by: StoppedBy | None = None
    look_ups_refused: str | None = None
    """The code with which it refuses look-ups; None if it doesn't, as far as is known."""
    results_refused: str | None = None
    """The same of questions for final results."""
    probe_id: UUID | None = None
    probe_in_seconds: float | None = None
    wait_seconds: float = 0.0
    question_wait_seconds: float = 0.0
    since: datetime | None = None
    resumed_by: str | None = None
    resume_reason: str | None = None
    place: int | None = None
    """1 of the first provider, 2 of the one that takes over; None if no consumer uses it now."""

    @property
    def is_idle(self) -> bool:
        """Whether the breaker is open only because nothing has waited to be sent, which could close it."""
        if self.status is not ProviderStatus.OPEN or self.probe_in_seconds is None:
            return False
        return self.probe_in_seconds <= -_IDLE_SECONDS

    @property
    def is_in_doubt(self) -> bool:
        """Whether what is sent now may bind its message to the provider without reaching anybody."""
        return self.failures > 0 or self.unclear_answers > 0

    @property
    def refuses_questions(self) -> bool:
        return self.look_ups_refused is not None or self.results_refused is not None

    def refusal_of(self, questions: Questions) -> str | None:
        """The code with which it refuses such questions; None if it doesn't, as far as is known."""
        return self.look_ups_refused if questions is Questions.LOOK_UPS else self.results_refused

    def without(self, questions: Questions) -> Self:
        """The state once no such question is left to be asked."""
        if questions is Questions.LOOK_UPS:
            return replace(self, look_ups_refused=None)
        return replace(self, results_refused=None)


def in_use(states: Sequence[ProviderState]) -> ProviderState | None:
    """The provider that new messages go to; None if none of them is sent to."""
    used = [state for state in states if state.place is not None]
    # An idle one gets the next message, as its probe.
    ready = [state for state in used if state.status is ProviderStatus.RUNNING or state.is_idle]
    return min(ready, key=lambda state: state.place or 0, default=None)


def used_providers(states: Sequence[ProviderState]) -> frozenset[str]:
    """The names of those that consumers use now; none while no consumer runs."""
    return frozenset(state.name for state in states if state.place is not None)


@dataclass(frozen=True, slots=True)
class ProbePolicy:
    """When the breaker opens, and how often a provider is tried again.

    Probes of an open breaker follow after 1, 2, 4 s and so on, up to ``cap_seconds``.
    """

    failures_to_open: int = 10
    unclear_to_open: int = 20
    """Each binds its message to the provider. If a healthy one answered every second message so, 20 in a row
    would come once in a million messages."""
    throttled_seconds_to_open: float = 60.0
    """Longer than the second or minute that limits are counted by: a mere limit takes some messages in it."""
    throttled_to_open: int = 3
    """Two may come at a bad moment each."""
    longest_silence_seconds: float = 30.0
    """In a minute that counts as one of 429: in a quiet hour, two a minute apart prove no such minute."""
    first_seconds: float = 1.0
    cap_seconds: float = 15.0
    suspended_seconds: float = 60.0
    longest_pause_seconds: float = 300.0
    """A provider's mistake can't stop all messages for longer."""

    def probe_in_seconds(self, failed_probes: int) -> float:
        # Without a limit, the power would overflow a float.
        return min(self.cap_seconds, self.first_seconds * 2.0 ** min(failed_probes, 32))

    def ends_flow(self, calls: Sequence[Call]) -> bool:
        """Whether a process stops at once, without waiting for what the others have seen."""
        if any(_ends_flow(call) for call in calls):
            return True
        return self.is_down(_counted(ProviderState(""), calls, self))

    def is_down(self, state: ProviderState) -> bool:
        """Whether the calls that ``state`` counts open the breaker."""
        return (
            state.failures >= self.failures_to_open
            or state.unclear_answers >= self.unclear_to_open
            or self._only_throttles(state.throttling)
        )

    def _only_throttles(self, row: Throttling | None) -> bool:
        if row is None or row.silent_seconds > self.longest_silence_seconds:
            return False
        return row.answers >= self.throttled_to_open and row.seconds >= self.throttled_seconds_to_open

    def throttled_again(self, row: Throttling | None, call: Call) -> Throttling:
        pause_seconds = pause_asked_for([call], self)
        if row is None:
            return first_throttling(pause_seconds)
        return row.followed_by(pause_seconds, self.longest_silence_seconds)


def _ends_flow(call: Call) -> bool:
    # Only some messages need a look-up.
    is_stopped = call.outcome is CallOutcome.STOPPED and not call.is_look_up
    return is_stopped or call.outcome is CallOutcome.THROTTLED


def _counted(state: ProviderState, calls: Sequence[Call], policy: ProbePolicy) -> ProviderState:
    failures, unclear, throttling = state.failures, state.unclear_answers, state.throttling
    for call in calls:
        if call.proves_nothing:
            continue
        if call.outcome.is_failing:
            failures += 1
        elif call.outcome is CallOutcome.UNCLEAR:
            unclear += 1
        elif call.outcome is CallOutcome.THROTTLED:
            throttling = policy.throttled_again(throttling, call)
        else:
            failures, unclear, throttling = 0, 0, None
    return replace(state, failures=failures, unclear_answers=unclear, throttling=throttling)


def suspended(state: ProviderState, code: str, stopped_by: StoppedBy, policy: ProbePolicy) -> ProviderState:
    """The state once ``code`` says that only a human can mend it."""
    # What a result has proved wrong, an accepted call doesn't prove right.
    was_result = state.stopped_by is StoppedBy.RESULT
    return replace(
        state,
        status=ProviderStatus.SUSPENDED,
        failures=0,
        unclear_answers=0,
        throttling=None,
        failed_probes=0,
        reason=code,
        stopped_by=StoppedBy.RESULT if was_result else stopped_by,
        probe_id=None,
        probe_in_seconds=policy.suspended_seconds,
    )


def running(state: ProviderState) -> ProviderState:
    """The state in which every process calls the provider."""
    return ProviderState(
        state.name,
        look_ups_refused=state.look_ups_refused,
        results_refused=state.results_refused,
        wait_seconds=state.wait_seconds,
        question_wait_seconds=state.question_wait_seconds,
        since=state.since,
        resumed_by=state.resumed_by,
        resume_reason=state.resume_reason,
        place=state.place,
    )


def resumed(state: ProviderState) -> ProviderState:
    """The state once an operator says that the cause is mended."""
    return replace(running(state), look_ups_refused=None, results_refused=None)


def after_look_ups(state: ProviderState, calls: Sequence[Call]) -> ProviderState:
    """The state after calls that only asked whether the provider has a message."""
    return replace(state, look_ups_refused=refusal_after(state.look_ups_refused, calls))


def after_results(state: ProviderState, calls: Sequence[Call]) -> ProviderState:
    """The state after calls that asked for final results."""
    return replace(state, results_refused=refusal_after(state.results_refused, calls))


def after_calls(
    state: ProviderState, calls: Sequence[Call], probe_id: UUID | None, policy: ProbePolicy
) -> ProviderState:
    """The state after ``calls``, in the order of their ends; ``probe_id`` if they are a probe's.

    While the provider isn't RUNNING, only the current probe says how it is: other calls began before.
    """
    state = after_look_ups(state, [call for call in calls if call.is_look_up])
    stopped = [call for call in calls if call.outcome is CallOutcome.STOPPED and not call.is_look_up]
    if stopped:
        return suspended(state, stopped[-1].reason, StoppedBy.CALL, policy)
    if state.status is ProviderStatus.RUNNING:
        return _after_messages(state, calls, policy)
    if probe_id is None or probe_id != state.probe_id:
        return state
    if not calls:
        # Nothing was called: the next message may try.
        return replace(state, probe_id=None, probe_in_seconds=0.0)
    if state.status is ProviderStatus.OPEN:
        return _after_probe(state, calls[-1], policy)
    return _after_probe_of_suspended(state, calls[-1], policy)


def _after_messages(state: ProviderState, calls: Sequence[Call], policy: ProbePolicy) -> ProviderState:
    telling = [call for call in calls if not call.proves_nothing]
    counted = _counted(state, telling, policy)
    # Time that passes without a call isn't time of 429.
    if not telling or not policy.is_down(counted):
        return counted
    return replace(
        counted,
        status=ProviderStatus.OPEN,
        reason=telling[-1].reason,
        probe_in_seconds=max(policy.probe_in_seconds(0), pause_asked_for(telling, policy)),
    )


def _after_probe(state: ProviderState, call: Call, policy: ProbePolicy) -> ProviderState:
    if call.proves_nothing:
        # All that is due may need a look-up: it would be refused one by one, without a pause.
        is_refused = call.outcome is CallOutcome.STOPPED
        return replace(state, probe_id=None, probe_in_seconds=policy.first_seconds if is_refused else 0.0)
    if not (call.outcome.is_failing or call.outcome.is_inconclusive):
        return running(state)
    failed_probes = state.failed_probes + 1
    return replace(
        state,
        failed_probes=failed_probes,
        reason=call.reason,
        probe_id=None,
        probe_in_seconds=max(policy.probe_in_seconds(failed_probes), pause_asked_for([call], policy)),
    )


def _after_probe_of_suspended(state: ProviderState, call: Call, policy: ProbePolicy) -> ProviderState:
    if call.outcome is CallOutcome.ACCEPTED and state.stopped_by is StoppedBy.CALL:
        return running(state)
    # An answer about one message proves nothing; that message is done with, and another one may try soon.
    answered = call.outcome is CallOutcome.ANSWERED
    pause_seconds = policy.first_seconds if answered else policy.suspended_seconds
    return replace(state, probe_id=None, probe_in_seconds=pause_seconds)


def pause_asked_for(calls: Sequence[Call], policy: ProbePolicy) -> float:
    """How long every process should wait, since the provider asked for it; 0 if it didn't."""
    pauses = [
        # "Retry-After: 0" would let the very next call be refused.
        max(policy.first_seconds, call.retry_after_seconds or 0.0)
        for call in calls
        if call.outcome is CallOutcome.THROTTLED or call.retry_after_seconds is not None
    ]
    return min(max(pauses, default=0.0), policy.longest_pause_seconds)
