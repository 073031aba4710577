"""Asking the provider for final results: webhooks get lost, and an acceptance is no delivery."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import structlog

from notification_service.application.ports import AlimtalkProvider, StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.result_schedule import pause_before_question

_PAUSE_SECONDS = 5.0
_FINAL = frozenset({ResultState.DELIVERED, ResultState.FAILED})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    awaited: AwaitedResult
    result: ProviderResult | None = None
    has_failed: bool = False


class AskForResults:
    """Asks for the results that are due, at most a batch of them, and ends waits that took too long.

    The next question's time commits before the first call: processes share the questions, and a crash costs
    one of them. A message that another provider accepted is not asked about, and expires.
    """

    def __init__(
        self,
        provider: AlimtalkProvider,
        unit_of_work: UnitOfWorkFactory,
        record_results: RecordResults,
        *,
        pool: Executor,
        batch_size: int,
        expire_after_seconds: float,
    ) -> None:
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._record_results = record_results
        self._pool = pool
        self._batch_size = batch_size
        self._expire_after_seconds = expire_after_seconds

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        due = self._take_due()
        answers = list(self._pool.map(partial(self._ask, stop), due))
        results = [answer.result for answer in answers if answer.result is not None]
        self._record_results(self._provider.name, results)
        if not stop.is_set():
            self._expire(answers)
        failing = bool(answers) and all(answer.has_failed for answer in answers)
        return WorkDone(len(due), _PAUSE_SECONDS if failing else 0.0)

    def _take_due(self) -> Sequence[AwaitedResult]:
        with self._unit_of_work() as unit_of_work:
            due = unit_of_work.results.lock_due(self._batch_size)
            if due:
                pauses = {
                    awaited.delivery_id: pause_before_question(awaited.asked + 1, awaited.accepted_seconds)
                    for awaited in due
                }
                unit_of_work.results.postpone(pauses)
                unit_of_work.commit()
        return due

    def _ask(self, stop: StopCheck, awaited: AwaitedResult) -> _Answer:
        if stop.is_set() or awaited.provider != self._provider.name:
            return _Answer(awaited)
        try:
            return _Answer(awaited, self._provider.result(awaited.message_id))
        except DeliveryFailed as error:
            reason = error.reason.value
        except Exception as error:  # noqa: BLE001 - a bug that one result meets must not stop the others
            reason = type(error).__name__
        # Not the message, which may quote the recipient.
        _log.warning("result_not_known", delivery_id=str(awaited.delivery_id), reason=reason)
        return _Answer(awaited, has_failed=True)

    def _expire(self, answers: Sequence[_Answer]) -> None:
        """End the waits that took too long; each was asked about once more just now."""
        late = [
            answer.awaited.delivery_id
            for answer in answers
            if answer.awaited.accepted_seconds >= self._expire_after_seconds
            and (answer.result is None or answer.result.state not in _FINAL)
        ]
        if not late:
            return
        with self._unit_of_work() as unit_of_work:
            expired = unit_of_work.results.expire(late)
            unit_of_work.commit()
        _log.warning("deliveries_expired", deliveries=expired)
