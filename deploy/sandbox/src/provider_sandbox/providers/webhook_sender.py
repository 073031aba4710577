"""One thread that calls the webhooks of all providers."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from provider_sandbox.providers.clock import Clock
from provider_sandbox.providers.controls import Allowance, NhnFaults, SolapiFaults
from provider_sandbox.providers.message_record import MessageFilter, MessageRecord
from provider_sandbox.providers.messages import ProviderMessage
from provider_sandbox.providers.webhook_queue import QueuedWebhook, WebhookQueue
from provider_sandbox.webhook_call import WebhookCall, post

MAX_CALLS = 5
"""A webhook that has not been answered with 200 by then is given up."""
_TIMEOUT_SECONDS = 3.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A provider with webhooks: how it writes one, and the faults of its account."""

    provider: str
    write: Callable[[QueuedWebhook, ProviderMessage], WebhookCall]
    faults: Allowance[NhnFaults] | Allowance[SolapiFaults]


class WebhookSender:
    """Calls what is due, one call at a time, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        queue: WebhookQueue,
        messages: MessageRecord,
        sources: Sequence[WebhookSource],
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._messages = messages
        self._sources = sources
        self._clock = clock
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is being made, which takes 3 s at most; the others stay queued."""
        self._stopped.set()
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Something is new: a webhook or a control."""
        self._wake.set()

    def run_once(self) -> int:
        """Make one call for each provider that has one due. Returns their number."""
        return sum(self._call_next(source) for source in self._sources if not self._stopped.is_set())

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                is_idle = self.run_once() == 0
            except Exception:  # noqa: BLE001 - the next webhook must not suffer from this one
                _log.exception("webhook_failed")
                self._stopped.wait(1.0)
                continue
            if is_idle and not self._stopped.is_set():
                self._wake.wait(self._seconds_to_next())

    def _seconds_to_next(self) -> float | None:
        """None is for ever: there is nothing to call, or it is held."""
        times = [
            at
            for source in self._sources
            if not source.faults.faults.webhooks_held
            and (at := self._queue.next_call_at(source.provider)) is not None
        ]
        return max(0.0, min(times) - self._clock.now()) if times else None

    def _call_next(self, source: WebhookSource) -> bool:
        faults, now = source.faults.faults, self._clock.now()
        if faults.webhooks_held:
            return False
        webhook = self._queue.due(source.provider, now, newest_first=faults.webhooks_reversed)
        if webhook is None:
            return False
        message = self._message(webhook)
        if message is None or (webhook.calls == 0 and source.faults.take("drop_webhooks_next")):
            self._queue.remove(webhook)
            return True
        call = source.write(webhook, message)
        is_received = post(call, _TIMEOUT_SECONDS) == 200
        if webhook.calls == 0 and source.faults.take("duplicate_webhooks_next"):
            post(call, _TIMEOUT_SECONDS)
        if is_received or webhook.calls + 1 >= MAX_CALLS:
            self._queue.remove(webhook)
        else:
            self._queue.repeat(webhook, self._clock.now() + faults.webhook_retry_delay_ms / 1000)
        return True

    def _message(self, webhook: QueuedWebhook) -> ProviderMessage | None:
        wanted = MessageFilter(webhook.provider, message_ids=[webhook.message_id])
        return next(iter(self._messages.find(wanted, webhook.as_of, limit=1)), None)
