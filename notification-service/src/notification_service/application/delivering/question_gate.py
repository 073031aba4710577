"""The gate in front of questions for results: what a provider's state lets through, and what it learns."""

from collections.abc import Sequence

from notification_service.application.delivering.provider_gate import log_change
from notification_service.application.ports import UnitOfWork
from notification_service.domain.provider_call import Call, CallOutcome
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderStatus,
    StoppedBy,
    pause_asked_for,
    suspended,
)

# A key may be refused to those that ask, and yet be accepted of those that send.
_FORBIDDEN = "403"


class QuestionGate:
    """Lets one call at a time through while the provider fails, or refuses our account.

    What only results can prove wrong, only results can prove right: that suspension holds no question back.
    Questions that fail open no breaker, since sending may work.
    """

    def __init__(self, provider: str, policy: ProbePolicy, *, holds_messages: bool = False) -> None:
        """With ``holds_messages``, messages wait for the answers: the key must be allowed to ask."""
        self._provider = provider
        self._policy = policy
        self._holds_messages = holds_messages

    def is_closed(self, unit_of_work: UnitOfWork) -> bool:
        state = unit_of_work.providers.get(self._provider)
        return state.status is not ProviderStatus.RUNNING and state.stopped_by is not StoppedBy.RESULT

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call]) -> None:
        """To be called last in a transaction, with the calls that failed."""
        pause_seconds = pause_asked_for(calls, self._policy)
        if pause_seconds:
            unit_of_work.providers.push_back(self._provider, pause_seconds)
        codes = [call.reason for call in calls if call.outcome is CallOutcome.STOPPED]
        codes = [code for code in codes if self._holds_messages or code != _FORBIDDEN]
        if not codes:
            return
        state = unit_of_work.providers.lock(self._provider)
        # Else each question would put the next probe off.
        if state.status is not ProviderStatus.SUSPENDED:
            changed = suspended(state, codes[-1], StoppedBy.CALL, self._policy)
            unit_of_work.providers.change(changed)
            log_change(state, changed)

    def pause_seconds(self, calls: Sequence[Call], *, was_closed: bool) -> float:
        """How long this process asks nothing more."""
        return max(self._policy.cap_seconds if was_closed else 0.0, pause_asked_for(calls, self._policy))
