"""Where a double takes in messages: it decides what becomes of them, keeps them and queues their webhooks."""

from collections.abc import Callable, Sequence

from provider_sandbox.providers.controls import ProviderFaults
from provider_sandbox.providers.messages import NewMessage
from provider_sandbox.providers.outcomes import Outcome
from provider_sandbox.providers.records import ProviderRecords


class MessageDesk:
    """The desk of one provider. ``wake_sender`` is called when there are new webhooks."""

    def __init__(self, provider: str, records: ProviderRecords, wake_sender: Callable[[], None]) -> None:
        self.provider = provider
        self._records = records
        self._wake_sender = wake_sender

    def accept(self, messages: Sequence[NewMessage], faults: ProviderFaults, now: float) -> None:
        """Keep the messages and queue the webhooks of those that are sent, all or nothing."""
        with self._records.database.transaction():
            self._records.messages.add(self.provider, messages, now)
            for message in messages:
                if message.outcome is not None:
                    self.queue_webhooks(message.message_id, message.outcome, faults)
        self._wake_sender()

    def send_again(self, message_id: str, outcome: Outcome, faults: ProviderFaults) -> None:
        """A kept message is sent, for the first time or once more."""
        with self._records.database.transaction():
            self._records.messages.send_again(self.provider, message_id, outcome)
            self.queue_webhooks(message_id, outcome, faults)
        self._wake_sender()

    def queue_webhooks(self, message_id: str, outcome: Outcome, faults: ProviderFaults) -> None:
        url: str | None = getattr(faults, "webhook_url", None)
        if url is None or outcome.kind == "REFUSED":
            return
        for at in (outcome.at, outcome.fallback_at):
            if at is not None:
                self._records.webhooks.add(self.provider, url, message_id, at)
