"""The gate in front of questions: what a provider's state lets through, and what it learns."""

import math
from collections.abc import Callable, Sequence

from notification_service.application.delivering.provider_gate import (
    AT_ONCE,
    HORIZON_SECONDS,
    PACE,
    log_change,
)
from notification_service.application.ports import Slots, UnitOfWork
from notification_service.domain.provider_call import Call
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderState,
    ProviderStatus,
    StoppedBy,
    after_results,
    pause_asked_for,
)

QUESTIONS_SHARE = 0.2
"""Of the provider's limit: they take slots from messages, and no more of them than that.

Slots that no message uses they have beside it: a provider that is asked about one message a call has as many
questions as messages.
"""
_LEAST_WAIT_SECONDS = 0.05


class QuestionGate:
    """Lets one call at a time through while the provider fails, or refuses our account or such questions.

    A provider that takes no message may answer questions: once it has, they go on as usual. What only results
    can prove wrong, only results can prove right: that suspension holds no question back.
    Questions that fail open no breaker and suspend nothing, since sending may work: a key may be refused to
    those that ask, and yet be accepted of those that send.
    """

    def __init__(
        self,
        provider: str,
        policy: ProbePolicy,
        after: Callable[[ProviderState, Sequence[Call]], ProviderState] = after_results,
        calls_per_second: float = math.inf,
    ) -> None:
        """``after`` makes of a state, and of calls that asked, the state that follows.

        ``calls_per_second`` is the provider's limit, of which questions get a share.
        """
        self._provider = provider
        self._policy = policy
        self._after = after
        self._interval_seconds = 1 / (PACE * calls_per_second)

    def is_closed(self, state: ProviderState, *, has_answered: bool = False) -> bool:
        """``has_answered``: the last questions of this process, put while the provider was stopped."""
        is_stopped = state.status is not ProviderStatus.RUNNING and state.stopped_by is not StoppedBy.RESULT
        return (is_stopped and not has_answered) or state.results_refused is not None

    def most_calls(self, state: ProviderState) -> float:
        """How many questions may go now: 0 while the limit, or their share and free slots, are used up."""
        if not self._interval_seconds:
            return math.inf
        if state.wait_seconds >= HORIZON_SECONDS or (state.question_wait_seconds and state.wait_seconds):
            return 0
        # Slots of a fifth of a second: a message that comes behind them waits no longer.
        return max(1, int(QUESTIONS_SHARE * HORIZON_SECONDS / self._interval_seconds))

    def enter(self, unit_of_work: UnitOfWork, calls: int) -> Slots | None:
        """Slots for so many questions; None if they must not be put now, and the transaction be rolled back.

        To be called last in the transaction that takes them.
        """
        if not self._interval_seconds:
            return AT_ONCE
        wait_seconds = unit_of_work.providers.reserve_questions(
            self._provider, calls, self._interval_seconds, QUESTIONS_SHARE
        )
        # Meanwhile the provider may have asked for a pause.
        if wait_seconds is None or wait_seconds > 2 * HORIZON_SECONDS:
            return None
        return Slots(wait_seconds, self._interval_seconds)

    def wait_seconds(self, state: ProviderState) -> float:
        """How long a process waits until it looks for slots again."""
        seconds = max(
            min(state.question_wait_seconds, state.wait_seconds), state.wait_seconds - HORIZON_SECONDS
        )
        return min(HORIZON_SECONDS, max(_LEAST_WAIT_SECONDS, seconds))

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call]) -> None:
        """To be called last in a transaction, with calls that failed, and with answers that end a refusal."""
        pause_seconds = pause_asked_for(calls, self._policy)
        if pause_seconds:
            unit_of_work.providers.push_back(self._provider, pause_seconds)
        # Without the lock first: most questions change nothing.
        state = unit_of_work.providers.get(self._provider)
        if self._after(state, calls) == state:
            return
        state = unit_of_work.providers.lock(self._provider)
        changed = self._after(state, calls)
        unit_of_work.providers.change(changed)
        log_change(state, changed)

    def pause_seconds(self, calls: Sequence[Call], *, was_closed: bool) -> float:
        """How long this process asks nothing more."""
        return max(self._policy.cap_seconds if was_closed else 0.0, pause_asked_for(calls, self._policy))
