"""Forgetting that a provider refuses questions, once there are none."""

import time
from collections.abc import Callable

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.provider_state import without_questions

_LULL_SECONDS = 600.0

_log = structlog.get_logger(__name__)


class ForgetRefusal:
    """Ends a refusal of questions for results when none was awaited for ``lull_seconds``.

    Only an answer ends it otherwise, and no question would bring one: webhooks have brought the results, or
    the waits for them have ended. Not at once, because each new message would then raise the alarm again.
    """

    def __init__(
        self,
        provider: str,
        unit_of_work: UnitOfWorkFactory,
        lull_seconds: float = _LULL_SECONDS,
        clock_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._lull_seconds = lull_seconds
        self._clock_seconds = clock_seconds
        self._lull_since: float | None = None

    def __call__(self) -> None:
        """To be called often: it only sees what is awaited at that moment."""
        with self._unit_of_work() as unit_of_work:
            state = unit_of_work.providers.get(self._provider)
            if state.results_refused is None or unit_of_work.results.is_any_awaited(self._provider):
                self._lull_since = None
                return
            now = self._clock_seconds()
            if self._lull_since is None:
                self._lull_since = now
            if now - self._lull_since < self._lull_seconds:
                return
            unit_of_work.providers.change(without_questions(unit_of_work.providers.lock(self._provider)))
            unit_of_work.commit()
        self._lull_since = None
        _log.info("alimtalk_refusal_forgotten", provider=self._provider, reason=state.results_refused)
