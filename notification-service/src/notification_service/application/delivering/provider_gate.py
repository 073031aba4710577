"""The gate in front of a receiver: how many deliveries may go to it now, and when each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import structlog

from notification_service.application.ports import Admission, Slots, UnitOfWork
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.provider_call import Call
from notification_service.domain.provider_state import (
    ProbePolicy,
    ProviderState,
    ProviderStatus,
    after_calls,
    pause_asked_for,
)

# Longer than an idle thread waits before it looks again, so that slots don't stay empty meanwhile.
HORIZON_SECONDS = 1.0
# A provider counts calls as they arrive, which is less evenly than they were sent.
PACE = 0.97

_log = structlog.get_logger(__name__)


NOTHING = Admission(0)
AT_ONCE = Slots(0.0, 0.0)


class OpenGate:
    """Admits everything at once: the receiver has no limit that we know."""

    def admit(self, unit_of_work: UnitOfWork, most: int) -> Admission:
        return Admission(most)

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots:
        return AT_ONCE

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call], probe_id: UUID | None) -> None:
        """Nothing."""

    def stops(self, calls: Sequence[Call]) -> bool:
        return False


class ProviderGate:
    """The limit and the breaker of a provider, which all consumers share in the database.

    A slot is reserved for each message, in the transaction of its claim. What isn't used in time is lost: the
    provider gets fewer messages then, never more. While the breaker is open or the provider suspended, one
    message at a time goes as a probe; its lease ends by itself, if the process that makes it is killed.
    """

    def __init__(
        self,
        provider: str,
        messages_per_second: float,
        policy: ProbePolicy,
        probe_lease_seconds: float,
        reach: Callable[[UnitOfWork], ClaimReach] = lambda _: EVERYTHING,
    ) -> None:
        """``reach`` says which deliveries may go to the provider now."""
        self._provider = provider
        self._reach = reach
        self._interval_seconds = 1 / (PACE * messages_per_second)
        self._policy = policy
        self._probe_lease_seconds = probe_lease_seconds

    def admit(self, unit_of_work: UnitOfWork, most: int) -> Admission:
        admission = self._admitted(unit_of_work, most)
        if not admission.deliveries:
            return admission
        return replace(admission, reach=self._reach(unit_of_work))

    def _admitted(self, unit_of_work: UnitOfWork, most: int) -> Admission:
        state = unit_of_work.providers.get(self._provider)
        if state.status is not ProviderStatus.RUNNING:
            is_due = state.probe_in_seconds is not None and state.probe_in_seconds <= 0
            return Admission(1, uuid4()) if is_due else NOTHING
        if state.wait_seconds >= HORIZON_SECONDS:
            return NOTHING
        deliveries = min(most, max(1, int(HORIZON_SECONDS / self._interval_seconds)))
        return Admission(deliveries, singly=state.is_in_doubt)

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots | None:
        providers = unit_of_work.providers
        if admission.probe_id is not None and not providers.begin_probe(
            self._provider, admission.probe_id, self._probe_lease_seconds
        ):
            return None
        wait_seconds = providers.reserve(self._provider, deliveries, self._interval_seconds)
        if wait_seconds + (deliveries - 1) * self._interval_seconds > latest_seconds:
            return None
        return Slots(wait_seconds, self._interval_seconds)

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call], probe_id: UUID | None) -> None:
        providers = unit_of_work.providers
        pause_seconds = pause_asked_for(calls, self._policy)
        if pause_seconds:
            providers.push_back(self._provider, pause_seconds)
        # Without the lock first: most calls change nothing, and consumers would wait for each other.
        state = providers.get(self._provider)
        if after_calls(state, calls, probe_id, self._policy) == state:
            return
        state = providers.lock(self._provider)
        changed = after_calls(state, calls, probe_id, self._policy)
        if changed != state:
            providers.change(changed)
        log_change(state, changed)

    def stops(self, calls: Sequence[Call]) -> bool:
        return self._policy.ends_flow(calls)


def log_change(former: ProviderState, new: ProviderState) -> None:
    """Log a change of the status, and of refused questions; each names the provider and the reason."""
    _log_refusals(former.look_ups_refused, new.look_ups_refused, new.name, "look-ups")
    _log_refusals(former.results_refused, new.results_refused, new.name, "results")
    if former.status is new.status:
        return
    fields = {"provider": new.name, "reason": new.reason}
    match new.status:
        case ProviderStatus.SUSPENDED:
            _log.error("alimtalk_provider_suspended", **fields)
        case ProviderStatus.OPEN:
            _log.warning("alimtalk_breaker_opened", **fields)
        case ProviderStatus.RUNNING:
            _log.info("alimtalk_provider_running", provider=new.name)


def _log_refusals(former: str | None, new: str | None, provider: str, questions: str) -> None:
    if former is None and new is not None:
        _log.error("alimtalk_questions_refused", provider=provider, questions=questions, reason=new)
    elif former is not None and new is None:
        _log.info("alimtalk_questions_answered", provider=provider, questions=questions)
