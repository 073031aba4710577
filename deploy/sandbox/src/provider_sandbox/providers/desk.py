"""Where a double takes in messages: it decides what becomes of them, keeps them and queues their webhooks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from provider_sandbox.providers.controls import ProviderFaults, ReportingFaults
from provider_sandbox.providers.message_record import MessageFilter
from provider_sandbox.providers.messages import NewMessage, ProviderMessage
from provider_sandbox.providers.outcomes import Outcome
from provider_sandbox.providers.records import ProviderRecords

Report = Callable[[ProviderMessage], Mapping[str, Any]]
"""What a webhook says of a message."""


class MessageDesk:
    """The desk of one provider; one without webhooks has no ``report``."""

    def __init__(self, provider: str, records: ProviderRecords, report: Report | None = None) -> None:
        self.provider = provider
        self.records = records
        self._report = report

    def accept(self, messages: Sequence[NewMessage], faults: ProviderFaults, now: float) -> None:
        """Keep the messages and queue the webhooks of those that are sent, all or nothing."""
        with self.records.database.transaction():
            self.records.messages.add(self.provider, messages, now)
            for message in messages:
                if message.outcome is not None:
                    self._queue_webhooks(message.message_id, message.outcome, faults)

    def send_again(self, message_id: str, outcome: Outcome, faults: ProviderFaults) -> None:
        """A kept message is sent, for the first time or once more."""
        with self.records.database.transaction():
            self.records.messages.send_again(self.provider, message_id, outcome)
            self._queue_webhooks(message_id, outcome, faults)

    def _queue_webhooks(self, message_id: str, outcome: Outcome, faults: ProviderFaults) -> None:
        url = faults.webhook_url if isinstance(faults, ReportingFaults) else None
        if url is None or self._report is None or outcome.kind == "REFUSED":
            return
        wanted = MessageFilter(self.provider, message_ids=[message_id])
        for at in (outcome.at, outcome.fallback_at):
            if at is not None:
                (then,) = self.records.messages.find(wanted, at)
                body = to_json(self._report(then))
                self.records.webhooks.add(self.provider, url, body, event_at=at, call_at=at)
