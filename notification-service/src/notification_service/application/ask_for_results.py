"""Asking the provider for final results: webhooks get lost, and an acceptance is no delivery."""

import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from notification_service.application.delivering.one_by_one import IsBug, all_or_each
from notification_service.application.delivering.provider_gate import AT_ONCE
from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.forget_refusal import ForgetRefusal
from notification_service.application.ports import AlimtalkProvider, StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.provider_call import Call, CallOutcome, call_of_failure
from notification_service.domain.provider_state import ProbePolicy, ProviderState
from notification_service.domain.result_schedule import pause_before_question
from servicekit.lease_clock import lease_clock_seconds

# Questions that wait for each other are put together: processes that hurry ask about one message a call.
_GATHER_SECONDS = 2.0
_FAILING_SECONDS = 5.0
_RECORD_SECONDS = 1.0
_SWEEP_SECONDS = 60.0
_FINAL = frozenset({ResultState.DELIVERED, ResultState.FAILED})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Question:
    """What one call asks about. Without ``answer`` the provider did not answer, or was not asked."""

    awaited: Sequence[AwaitedResult]
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class _Round:
    """The questions to put now, from ``first_at`` on by this process's clock, one each interval.

    ``is_all``: no others are due. With ``wait_seconds`` there are none, since no slot is free until then.
    """

    questions: Sequence[_Question] = ()
    is_all: bool = False
    first_at: float = 0.0
    interval_seconds: float = 0.0
    wait_seconds: float = 0.0


class AskForResults:
    """Asks for the results that are due, many in a call, and ends waits that took too long.

    The next question's time commits before the first call: processes share the questions, and a crash costs
    one of them. With it they reserve slots of the provider's limit. Answers are recorded as they come, every
    _RECORD_SECONDS: a slow call delays no other's.

    A wait ends after ``expire_after_seconds``, and only if the provider has just answered that it has no
    final result; without an answer it ends after twice that time. What another provider accepted is left to
    the processes that ask it; if there are none, its wait ends, too. Where the provider has no results to ask
    for, the wait ends at once.
    """

    def __init__(
        self,
        provider: AlimtalkProvider,
        unit_of_work: UnitOfWorkFactory,
        record_results: RecordResults,
        *,
        pool: Executor,
        batch_size: int,
        most_calls: int,
        expire_after_seconds: float,
        gate: QuestionGate | None = None,
        forget_refusal: ForgetRefusal | None = None,
        others: Collection[str] = (),
        is_bug: IsBug = lambda _: False,
    ) -> None:
        """``batch_size`` counts messages; ``most_calls`` limits the calls that ask about them.

        ``others`` are asked by this process, too.
        """
        self._provider = provider
        self._unit_of_work = unit_of_work
        self._record_results = record_results
        self._pool = pool
        self._batch_size = batch_size
        self._most_at_once = most_calls
        self._expire_after_seconds = expire_after_seconds
        self._gate = gate or QuestionGate(provider.name, ProbePolicy())
        self._forget_refusal = forget_refusal or ForgetRefusal(provider.name, unit_of_work)
        self._is_bug = is_bug
        self._asked_providers = {provider.name, *others}
        self._is_closed = False
        self._is_stopped = False
        self._has_answered = False
        self._is_refused = False
        self._failed_calls: list[Call] = []
        self._next_sweep_at = 0.0
        self._unrecorded: list[ProviderResult] = []

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        self._failed_calls = []
        self._sweep()
        due = self._take_due()
        if self._is_refused:
            self._forget_refusal()
        if due.wait_seconds:
            return WorkDone(0, due.wait_seconds)
        asked, is_all = due.questions, due.is_all
        if not self._provider.results_at_once:
            self._end_unreported(_messages(asked))
            return WorkDone(len(_messages(asked)), _GATHER_SECONDS if asked and is_all else 0.0)
        answered = self._ask_all(stop, due)
        self._teach(answered)
        if answered:
            is_answered = all(question.answer is not None for question in answered)
            self._has_answered = self._is_stopped and is_answered
        if not stop.is_set():
            self._expire(_unsettled(answered))
        was_closed = self._is_closed and not self._has_answered
        pause_seconds = self._gate.pause_seconds(self._failed_calls, was_closed=was_closed)
        return WorkDone(len(_messages(asked)), max(pause_seconds, _pause_seconds(answered, is_all=is_all)))

    def _take_due(self) -> _Round:
        with self._unit_of_work() as unit_of_work:
            state = unit_of_work.providers.get(self._provider.name)
            self._is_stopped, self._is_refused = self._gate.is_closed(state), state.refuses_questions
            self._has_answered = self._has_answered and self._is_stopped
            self._is_closed = self._gate.is_closed(state, has_answered=self._has_answered)
            most = self._most_calls(state)
            if not most:
                return _Round(wait_seconds=self._gate.wait_seconds(state))
            due = unit_of_work.results.lock_due(self._provider.name, self._batch_size)
            questions = self._questions(due)
            asked = questions[:most]
            slots = AT_ONCE
            if asked:
                unit_of_work.results.postpone(
                    {
                        each.delivery_id: pause_before_question(each.asked + 1, each.accepted_seconds)
                        for each in _messages(asked)
                    }
                )
                if self._provider.results_at_once:
                    entered = self._gate.enter(unit_of_work, len(asked))
                    if entered is None:
                        return _Round(wait_seconds=self._gate.wait_seconds(state))
                    slots = entered
                first_at = lease_clock_seconds() + slots.wait_seconds
                unit_of_work.commit()
                is_all = len(due) < self._batch_size and len(asked) == len(questions)
                return _Round(asked, is_all, first_at, slots.interval_seconds)
        return _Round(is_all=True)

    def _most_calls(self, state: ProviderState) -> int:
        if not self._provider.results_at_once:
            return self._most_at_once
        most = 1 if self._is_closed else self._most_at_once
        return int(min(most, self._gate.most_calls(state)))

    def _questions(self, due: Sequence[AwaitedResult]) -> Sequence[_Question]:
        """The question that is due first comes first: the others wait for the next call."""
        together: dict[str, list[AwaitedResult]] = {}
        for each in due:
            together.setdefault(self._provider.asked_together(each), []).append(each)
        size = self._provider.results_at_once or self._batch_size
        return [
            _Question(messages[start : start + size])
            for messages in together.values()
            for start in range(0, len(messages), size)
        ]

    def _ask_all(self, stop: StopCheck, due: _Round) -> Sequence[_Question]:
        answered = list[_Question]()
        under_way = {
            self._pool.submit(self._ask, stop, question, due.first_at + number * due.interval_seconds)
            for number, question in enumerate(due.questions)
        }
        while under_way:
            ended, under_way = wait(under_way, _RECORD_SECONDS)
            for call in ended:
                question = call.result()
                answered.append(question)
                self._unrecorded += question.answer.results if question.answer else ()
            if under_way:
                # An error would lose the answers that are still to come; the last call raises it.
                with suppress(Exception):
                    self._record()
        self._record()
        return answered

    def _teach(self, answered: Sequence[_Question]) -> None:
        calls = list(self._failed_calls)
        # Only while they were refused, an answer says something new.
        if self._is_closed and any(question.answer is not None for question in answered):
            calls.append(Call(CallOutcome.ANSWERED, is_look_up=True))
        if calls:
            with self._unit_of_work() as unit_of_work:
                self._gate.learn(unit_of_work, calls)
                unit_of_work.commit()

    def _record(self) -> None:
        results, self._unrecorded = self._unrecorded, []
        record = partial(self._record_results, self._provider.name)
        try:
            failed = all_or_each(results, record, self._is_bug)
        except Exception:
            self._unrecorded = results + self._unrecorded
            raise
        for result, error in failed:
            # It is asked for again. Without the error's message, which may quote what the provider sent.
            _log.error(
                "result_not_recorded",
                provider=self._provider.name,
                message_id=result.message_id,
                reason=type(error).__name__,
            )

    def _ask(self, stop: StopCheck, question: _Question, at: float) -> _Question:
        # A slot is at most about a second away.
        time.sleep(max(0.0, at - lease_clock_seconds()))
        if stop.is_set():
            return question
        messages, answer = len(question.awaited), None
        try:
            answer = self._provider.results(question.awaited)
        except DeliveryFailed as error:
            reason = error.reason.value
            if (call := call_of_failure(error)) is not None:
                self._failed_calls.append(call)
        except Exception as error:  # noqa: BLE001 - a bug that one result meets must not stop the others
            reason = type(error).__name__
        else:
            messages, reason = len(answer.unanswered), "NOT_ANSWERED"
        if messages:
            # Not the error's message, which may quote the recipient.
            _log.warning("results_not_known", messages=messages, reason=reason)
        return _Question(question.awaited, answer)

    def _expire(self, unsettled: Sequence[AwaitedResult]) -> None:
        late = [each.delivery_id for each in unsettled if each.accepted_seconds >= self._expire_after_seconds]
        if late:
            _log.warning("deliveries_expired", deliveries=self._end(late))

    def _end_unreported(self, awaited: Sequence[AwaitedResult]) -> None:
        if awaited:
            ended = self._end([each.delivery_id for each in awaited])
            # No warning: of this provider, it is all that can be known.
            _log.info("results_never_known", provider=self._provider.name, deliveries=ended)

    def _end(self, delivery_ids: Sequence[UUID]) -> int:
        with self._unit_of_work() as unit_of_work:
            ended = unit_of_work.results.expire(delivery_ids)
            unit_of_work.commit()
        return ended

    def _sweep(self) -> None:
        """End what no answer will end, once in _SWEEP_SECONDS."""
        if time.monotonic() < self._next_sweep_at:
            return
        with self._unit_of_work() as unit_of_work:
            ended = unit_of_work.results.expire_unanswered(self._asked_providers, self._expire_after_seconds)
            unit_of_work.commit()
        self._next_sweep_at = time.monotonic() + _SWEEP_SECONDS
        if ended:
            _log.warning("deliveries_expired", deliveries=ended)


def _messages(questions: Iterable[_Question]) -> Sequence[AwaitedResult]:
    return [each for question in questions for each in question.awaited]


def _pause_seconds(answered: Sequence[_Question], *, is_all: bool) -> float:
    if answered and all(question.answer is None for question in answered):
        return _FAILING_SECONDS
    return _GATHER_SECONDS if answered and is_all else 0.0


def _unsettled(answered: Sequence[_Question]) -> Sequence[AwaitedResult]:
    """What the provider has just said of that it has no final result."""
    unsettled = list[AwaitedResult]()
    for question in answered:
        if question.answer is not None:
            settled = {result.message_id for result in question.answer.results if result.state in _FINAL}
            known = settled | question.answer.unanswered
            unsettled += [each for each in question.awaited if each.message_id not in known]
    return unsettled
