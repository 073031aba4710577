"""One thread that calls the webhooks of all sources."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from provider_sandbox.clock import Clock
from provider_sandbox.controls import WebhookControls
from provider_sandbox.webhooks.call import WebhookCall, post
from provider_sandbox.webhooks.queue import QueuedWebhook, WebhookQueue

_STOP_SECONDS = 3.0
_log = structlog.get_logger(__name__)


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
    timeout_seconds: Callable[[], float] = lambda: 3.0
    is_received: Callable[[int], bool] = lambda status: status == 200
    """Whether an answer with this status ends the repetitions."""


class WebhookSender:
    """Calls what is due, one call at a time, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        queue: WebhookQueue,
        sources: Sequence[WebhookSource],
        clock: Clock,
        besides: Callable[[], float | None] = lambda: None,
    ) -> None:
        """``besides`` does what else has become due; it returns when more will be, if that is known."""
        self._queue = queue
        self._sources = sources
        self._clock = clock
        self._besides = besides
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is being made, or without it after 3 s; the others stay queued."""
        self._stopped.set()
        self._queue.changed.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._queue.changed.clear()
            try:
                next_at = self._besides()
                calls = sum(self._call_next(source) for source in self._sources)
                if calls == 0 and not self._stopped.is_set():
                    self._queue.changed.wait(self._seconds_to(next_at))
            except Exception:  # noqa: BLE001 - the next webhook must not suffer from this one
                if not self._stopped.is_set():
                    _log.exception("webhook_failed")
                    self._stopped.wait(1.0)

    def _seconds_to(self, next_at: float | None) -> float | None:
        """To ``next_at`` or the next call; None is for ever: nothing is to be called, or it is held."""
        waiting = [each.name for each in self._sources if not each.control.controls.webhooks_held]
        times = [next_at, *(self._queue.next_call_at(name) for name in waiting)]
        known = [at for at in times if at is not None]
        return max(0.0, min(known) - self._clock.now()) if known else None

    def _call_next(self, source: WebhookSource) -> bool:
        """Make one call if one is due."""
        controls, now = source.control.controls, self._clock.now()
        if controls.webhooks_held or self._stopped.is_set():
            return False
        webhook = self._queue.due(source.name, now, newest_first=controls.webhooks_reversed)
        if webhook is None:
            return False
        is_first = webhook.calls == 0
        if is_first and source.control.take("drop_webhooks_next"):
            self._queue.remove(webhook)
            return True
        is_received = _call(source, webhook)
        if is_first and source.control.take("duplicate_webhooks_next"):
            _call(source, webhook)
        pauses = source.pauses()
        if is_received or webhook.calls >= len(pauses):
            self._queue.remove(webhook)
        else:
            # From the call's beginning: a test may put the clock ahead as soon as it has received the call.
            self._queue.repeat(webhook, now + pauses[webhook.calls])
        return True


def _call(source: WebhookSource, webhook: QueuedWebhook) -> bool:
    status = post(source.write(webhook), source.timeout_seconds())
    return status is not None and source.is_received(status)
