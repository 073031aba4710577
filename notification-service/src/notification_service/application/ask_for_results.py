"""Asking the provider for final results: webhooks get lost, and an acceptance is no delivery."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import structlog

from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.ports import AlimtalkProvider, StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.provider_call import Call, call_of_failure
from notification_service.domain.provider_state import ProbePolicy
from notification_service.domain.result_schedule import pause_before_question

# Questions that wait for each other are put together: processes that hurry ask about one message a call.
_GATHER_SECONDS = 2.0
_FAILING_SECONDS = 5.0
_FINAL = frozenset({ResultState.DELIVERED, ResultState.FAILED})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """``results`` are None if the provider did not answer, or was not asked."""

    awaited: Sequence[AwaitedResult]
    results: Sequence[ProviderResult] | None


class AskForResults:
    """Asks for the results that are due, many in a call, and ends waits that took too long.

    The next question's time commits before the first call: processes share the questions, and a crash costs
    one of them. A wait ends after ``expire_after_seconds``, and only if the provider has just answered that
    it has no final result. What another provider accepted is not asked about: only its webhooks may end that
    earlier. Where the provider has no results to ask for, the wait ends at once.
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
        gate: QuestionGate | None = None,
    ) -> None:
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._record_results = record_results
        self._pool = pool
        self._batch_size = batch_size
        self._expire_after_seconds = expire_after_seconds
        self._gate = gate or QuestionGate(provider.name, ProbePolicy())
        self._is_closed = False
        self._failed_calls: list[Call] = []

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        due = self._take_due()
        own = [awaited for awaited in due if awaited.provider == self._provider.name]
        others = [awaited for awaited in due if awaited.provider != self._provider.name]
        self._failed_calls = []
        answers = list(self._pool.map(partial(self._ask, stop), self._calls(own)))
        self._teach()
        self._record_results(
            self._provider.name, [result for answer in answers for result in answer.results or ()]
        )
        if not stop.is_set():
            self._expire([*self._late(others), *self._late(_unsettled(answers))])
            if not self._provider.results_at_once:
                self._end_unreported(own)
        pause_seconds = self._gate.pause_seconds(self._failed_calls, was_closed=self._is_closed)
        return WorkDone(len(due), max(pause_seconds, self._pause_seconds(due, answers)))

    def _take_due(self) -> Sequence[AwaitedResult]:
        with self._unit_of_work() as unit_of_work:
            self._is_closed = self._gate.is_closed(unit_of_work)
            # Those of one call.
            most = self._provider.results_at_once if self._is_closed else 0
            due = unit_of_work.results.lock_due(min(most or self._batch_size, self._batch_size))
            if due:
                unit_of_work.results.postpone({each.delivery_id: self._pause_before(each) for each in due})
                unit_of_work.commit()
        return due

    def _pause_before(self, awaited: AwaitedResult) -> float:
        pause_seconds = pause_before_question(awaited.asked + 1, awaited.accepted_seconds)
        if awaited.provider == self._provider.name:
            return pause_seconds
        # There is no question to put, only an end to wait for.
        return max(pause_seconds, self._expire_after_seconds - awaited.accepted_seconds)

    def _calls(self, own: Sequence[AwaitedResult]) -> Sequence[Sequence[AwaitedResult]]:
        """What each call asks about."""
        size = self._provider.results_at_once
        return [own[start : start + size] for start in range(0, len(own), size)] if size else []

    def _teach(self) -> None:
        if self._failed_calls:
            with self._unit_of_work() as unit_of_work:
                self._gate.learn(unit_of_work, self._failed_calls)
                unit_of_work.commit()

    def _ask(self, stop: StopCheck, awaited: Sequence[AwaitedResult]) -> _Answer:
        if stop.is_set():
            return _Answer(awaited, None)
        try:
            return _Answer(awaited, self._provider.results(awaited))
        except DeliveryFailed as error:
            reason = error.reason.value
            if (call := call_of_failure(error)) is not None:
                self._failed_calls.append(call)
        except Exception as error:  # noqa: BLE001 - a bug that one result meets must not stop the others
            reason = type(error).__name__
        # Not the message, which may quote the recipient.
        _log.warning("results_not_known", messages=len(awaited), reason=reason)
        return _Answer(awaited, None)

    def _late(self, unsettled: Sequence[AwaitedResult]) -> Sequence[AwaitedResult]:
        return [each for each in unsettled if each.accepted_seconds >= self._expire_after_seconds]

    def _expire(self, awaited: Sequence[AwaitedResult]) -> None:
        if awaited:
            _log.warning("deliveries_expired", deliveries=self._end(awaited))

    def _end_unreported(self, awaited: Sequence[AwaitedResult]) -> None:
        if awaited:
            # No warning: of this provider, it is all that can be known.
            _log.info("results_never_known", provider=self._provider.name, deliveries=self._end(awaited))

    def _end(self, awaited: Sequence[AwaitedResult]) -> int:
        with self._unit_of_work() as unit_of_work:
            ended = unit_of_work.results.expire([each.delivery_id for each in awaited])
            unit_of_work.commit()
        return ended

    def _pause_seconds(self, due: Sequence[AwaitedResult], answers: Sequence[_Answer]) -> float:
        if answers and all(answer.results is None for answer in answers):
            return _FAILING_SECONDS
        return _GATHER_SECONDS if 0 < len(due) < self._batch_size else 0.0


def _unsettled(answers: Sequence[_Answer]) -> Sequence[AwaitedResult]:
    """What the provider has just said of that it has no final result."""
    unsettled = list[AwaitedResult]()
    for answer in answers:
        if answer.results is not None:
            settled = {result.message_id for result in answer.results if result.state in _FINAL}
            unsettled += [each for each in answer.awaited if each.message_id not in settled]
    return unsettled
