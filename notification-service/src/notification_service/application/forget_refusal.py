"""Forgetting that a provider refuses questions, once there are none."""

import time
from collections.abc import Callable, Sequence

import structlog

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.provider_state import Questions

_LULL_SECONDS = 600.0

_log = structlog.get_logger(__name__)


class ForgetRefusal:
    """Ends a refusal of look-ups, or of questions for results, when none was due for ``lull_seconds``.

    Only an answer ends it otherwise, and no question would bring one: webhooks have brought the results,
    another provider has sent what surely was not sent, or the waits have ended. Not at once, because each new
    message would then raise the alarm again.
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
        self._lull_since: dict[Questions, float] = {}

    def __call__(self) -> None:
        """To be called often: it only sees what is awaited at that moment."""
        with self._unit_of_work() as unit_of_work:
            forgotten = self._to_be_forgotten(unit_of_work)
            if not forgotten:
                return
            state = unit_of_work.providers.lock(self._provider)
            changed = state
            for questions in forgotten:
                changed = changed.without(questions)
            unit_of_work.providers.change(changed)
            unit_of_work.commit()
        for questions in forgotten:
            del self._lull_since[questions]
            _log.info(
                "alimtalk_refusal_forgotten",
                provider=self._provider,
                questions=questions.value,
                reason=state.refusal_of(questions),
            )

    def _to_be_forgotten(self, unit_of_work: UnitOfWork) -> Sequence[Questions]:
        state = unit_of_work.providers.get(self._provider)
        now = self._clock_seconds()
        for questions in Questions:
            if state.refusal_of(questions) is None or self._is_any_due(unit_of_work, questions):
                self._lull_since.pop(questions, None)
            else:
                self._lull_since.setdefault(questions, now)
        return [each for each, since in self._lull_since.items() if now - since >= self._lull_seconds]

    def _is_any_due(self, unit_of_work: UnitOfWork, questions: Questions) -> bool:
        if questions is Questions.RESULTS:
            return unit_of_work.results.is_any_awaited(self._provider)
        return unit_of_work.claims.is_any_look_up_due(self._provider)
