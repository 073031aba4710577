"""One thread that calls the webhooks of all gateways, and lets payments expire in time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from provider_sandbox.gateways.controls import ControlSource
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reporting import WebhookDialect
from provider_sandbox.gateways.webhook_queue import QueuedWebhook
from provider_sandbox.webhook_call import WebhookCall, post

_STOP_SECONDS = 3.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """A gateway: how it reports, and its controls."""

    gateway: GatewayName
    dialect: WebhookDialect
    controls: ControlSource


class WebhookSender:
    """Calls what is due, one call at a time, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, records: GatewayRecords, sources: Sequence[WebhookSource], expire_overdue: Callable[[], None]
    ) -> None:
        self._records = records
        self._sources = sources
        self._expire_overdue = expire_overdue
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the call that is being made, or without it after 3 s; the others stay queued."""
        self._stopped.set()
        self._wake.set()
        self._thread.join(_STOP_SECONDS)

    def wake(self) -> None:
        """Something is new: a webhook, a payment or a control."""
        self._wake.set()

    def run_once(self) -> int:
        """Make one call for each gateway that has one due. Returns their number."""
        self._expire_overdue()
        return sum(self._call_next(source) for source in self._sources if not self._stopped.is_set())

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                is_idle = self.run_once() == 0
            except Exception:  # noqa: BLE001 - the next webhook must not suffer from this one
                if self._stopped.is_set():
                    return
                _log.exception("webhook_failed")
                self._stopped.wait(1.0)
                continue
            if is_idle and not self._stopped.is_set():
                self._wake.wait(self._seconds_to_next())

    def _seconds_to_next(self) -> float | None:
        """None is for ever: nothing is to be called or held, and no payment can expire."""
        times = [
            at
            for source in self._sources
            if not source.controls.controls.webhooks_held
            and (at := self._records.webhooks.next_call_at(source.gateway)) is not None
        ]
        expiry = self._records.payments.next_expiry()
        if expiry is not None:
            times.append(expiry)
        return max(0.0, min(times) - self._records.clock.now()) if times else None

    def _call_next(self, source: WebhookSource) -> bool:
        controls, now = source.controls.controls, self._records.clock.now()
        if controls.webhooks_held:
            return False
        webhook = self._records.webhooks.due(source.gateway, now, newest_first=controls.webhooks_reversed)
        if webhook is None:
            return False
        if webhook.calls == 0 and source.controls.take("drop_webhooks_next"):
            self._records.webhooks.remove(webhook)
            return True
        is_received = self._call(source, webhook)
        if webhook.calls == 0 and source.controls.take("duplicate_webhooks_next"):
            self._call(source, webhook)
        if is_received or webhook.calls >= len(source.dialect.retry_minutes):
            self._records.webhooks.remove(webhook)
        else:
            pause = source.dialect.retry_minutes[webhook.calls] * 60
            # From the call's beginning: a test may put the clock ahead as soon as it has received the call.
            self._records.webhooks.repeat(webhook, now + pause)
        return True

    def _call(self, source: WebhookSource, webhook: QueuedWebhook) -> bool:
        call = WebhookCall(webhook.url, source.dialect.headers(webhook), webhook.body)
        own_ms = source.controls.controls.webhook_timeout_ms
        status = post(call, source.dialect.timeout_seconds if own_ms is None else own_ms / 1000)
        return status is not None and source.dialect.is_received(status)
