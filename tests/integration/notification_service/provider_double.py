"""An alimtalk provider in memory, whose final results come when a test says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from notification_service.application.ports import MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.errors import DeliveryFailed


@dataclass
class ProviderDouble:
    """Accepts every message as ``m-1``, ``m-2`` and so on, unless the next send has a failure."""

    name: str = "double"
    can_look_up: bool = True
    accepts_finally: bool = False
    sent: list[str] = field(default_factory=list)
    """The reference of each message that was accepted."""
    results: dict[str, ProviderResult] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    failures: list[DeliveryFailed] = field(default_factory=list)
    """Each is raised by one send, after the message was accepted if ``accepts_silently``."""
    accepts_silently: bool = False
    result_failure: DeliveryFailed | None = None
    before_result: Callable[[], object] = lambda: None

    def find(self, message: AlimtalkMessage) -> str | None:
        assert self.can_look_up
        found = [number for number, reference in enumerate(self.sent, 1) if reference == message.reference]
        return f"m-{found[-1]}" if found else None

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        failure = self.failures.pop(0) if self.failures else None
        if failure is None or self.accepts_silently:
            self.sent.append(message.reference)
        if failure is not None:
            raise failure
        return f"m-{len(self.sent)}"

    def result(self, message_id: str) -> ProviderResult | None:
        self.asked.append(message_id)
        self.before_result()
        if self.result_failure is not None:
            raise self.result_failure
        return self.results.get(message_id)


def a_result(
    message_id: str = "m-1",
    state: ResultState = ResultState.DELIVERED,
    *,
    code: str | None = "1000",
    by_sms: bool = False,
) -> ProviderResult:
    return ProviderResult(message_id, None, state, code, by_sms)


def reported(results: Mapping[str, ResultState]) -> dict[str, ProviderResult]:
    """What a provider knows of its messages, by their ids."""
    return {message_id: a_result(message_id, state) for message_id, state in results.items()}
