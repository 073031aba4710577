"""An alimtalk provider in memory, whose final results come when a test says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from notification_service.application.ports import MaySend, MessageBatches
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ResultState
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.errors import DeliveryFailed


@dataclass
class ProviderDouble:
    """Accepts every message as ``m-1``, ``m-2`` and so on, unless the next send has a failure."""

    name: str = "double"
    can_look_up: bool = True
    accepts_finally: bool = False
    keeps_unsent: bool = False
    results_at_once: int = 10
    batches: MessageBatches | None = None
    sent: list[str] = field(default_factory=list)
    """The reference of each message that was accepted."""
    known: dict[str, ProviderResult] = field(default_factory=dict)
    questions: list[Sequence[str]] = field(default_factory=list)
    """The ids that each call asked about."""
    failures: list[DeliveryFailed] = field(default_factory=list)
    """Each is raised by one send, after the message was accepted if ``accepts_silently``."""
    accepts_silently: bool = False
    result_failure: DeliveryFailed | None = None
    failures_of_results: Iterator[DeliveryFailed | None] = field(default_factory=lambda: iter(()))
    """Of the next questions, before ``result_failure``."""
    unanswered: frozenset[str] = frozenset()
    """The ids that it says nothing of."""
    before_send: Callable[[], object] = lambda: None
    before_result: Callable[[], object] = lambda: None

    def find(self, message: AlimtalkMessage) -> str | None:
        assert self.can_look_up
        ids = [f"m-{n}" for n, reference in enumerate(self.sent, 1) if reference == message.reference]
        return next((message_id for message_id in ids if message_id not in message.failed_ids), None)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        self.before_send()
        failure = self.failures.pop(0) if self.failures else None
        if failure is None or self.accepts_silently:
            self.sent.append(message.reference)
        if failure is not None:
            raise failure
        return f"m-{len(self.sent)}"

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.name

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        ids = [each.message_id for each in awaited]
        self.questions.append(ids)
        self.before_result()
        failure = next(self.failures_of_results, self.result_failure)
        if failure is not None:
            raise failure
        return Answer(
            [self.known[message_id] for message_id in ids if message_id in self.known],
            frozenset(ids) & self.unanswered,
        )

    @property
    def asked(self) -> list[str]:
        return [message_id for ids in self.questions for message_id in ids]


def a_result(
    message_id: str = "m-1",
    state: ResultState = ResultState.DELIVERED,
    *,
    code: str | None = "1000",
    by_sms: bool = False,
    reference: str | None = None,
) -> ProviderResult:
    return ProviderResult(message_id, reference, state, code, by_sms)


def reported(results: Mapping[str, ResultState]) -> dict[str, ProviderResult]:
    """What a provider knows of its messages, by their ids."""
    return {message_id: a_result(message_id, state) for message_id, state in results.items()}
