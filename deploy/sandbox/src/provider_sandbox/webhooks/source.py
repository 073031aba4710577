"""What the sender knows of a double that has webhooks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from provider_sandbox.controls import WebhookControls
from provider_sandbox.webhooks.call import WebhookCall
from provider_sandbox.webhooks.queue import QueuedWebhook


class WebhookControlSource(Protocol):
    """Where the controls are."""

    @property
    def controls(self) -> WebhookControls: ...

    def take(self, *counts: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """How one double calls, and repeats what was called in vain."""

    name: str
    control: WebhookControlSource
    write: Callable[[QueuedWebhook], WebhookCall]
    pauses: Callable[[], Sequence[float]]
    """Seconds from each vain call to the next one; after the last the webhook is given up."""
    timeout_seconds: Callable[[], float]
    is_received: Callable[[int], bool] = lambda status: status == 200
    """Whether an answer with this status ends the repetitions."""
