"""Reports of payments: what is put into the queue of webhooks."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic_core import from_json, to_json

from provider_sandbox.gateways.controls import GatewayControlSource
from provider_sandbox.gateways.payment import Payment
from provider_sandbox.webhooks.call import WebhookCall
from provider_sandbox.webhooks.queue import QueuedWebhook, WebhookQueue
from provider_sandbox.webhooks.sender import WebhookSource


class WebhookDialect(Protocol):
    """How one gateway reports."""

    @property
    def timeout_seconds(self) -> float: ...

    @property
    def retry_minutes(self) -> Sequence[float]:
        """From each vain call to the next one; after the last the webhook is given up."""
        ...

    def bodies(self, payment: Payment, former: Payment | None, at: float) -> Sequence[bytes]:
        """The reports of a payment's new state, which it has since ``at``; none for most states."""
        ...

    def headers(self, webhook: QueuedWebhook) -> Mapping[str, str]:
        """Of one call."""
        ...

    def is_received(self, status: int) -> bool:
        """Whether the answer ends the repetitions."""
        ...


class Reporter:
    """The reports of one gateway."""

    def __init__(
        self,
        gateway: str,
        dialect: WebhookDialect,
        controls: GatewayControlSource,
        default_url: str | None,
        queue: WebhookQueue,
    ) -> None:
        self._gateway = gateway
        self._dialect = dialect
        self._controls = controls
        self._default_url = default_url
        self._queue = queue

    @property
    def source(self) -> WebhookSource:
        """As the sender knows it."""
        dialect = self._dialect
        return WebhookSource(
            self._gateway,
            self._controls,
            write=lambda webhook: WebhookCall(webhook.url, dialect.headers(webhook), webhook.body),
            pauses=lambda: [minutes * 60 for minutes in dialect.retry_minutes],
            timeout_seconds=self._timeout_seconds,
            is_received=dialect.is_received,
        )

    def report(self, payment: Payment, former: Payment | None, at: float) -> None:
        """The payment has been as it is since ``at``."""
        self._add(self._dialect.bodies(payment, former, at), at, is_forged=False)

    def lie(self, payment: Payment, at: float, *, event_type: str | None, is_forged: bool) -> int:
        """Report a payment that isn't like this; ``is_forged``: without knowing the gateway's secrets.

        Returns the number of webhooks: none without an address, or of a status that isn't reported.
        """
        bodies = self._dialect.bodies(payment, payment, at)
        if event_type is not None:
            bodies = [_retyped(body, event_type) for body in bodies]
        return self._add(bodies, at, is_forged=is_forged)

    def _add(self, bodies: Sequence[bytes], at: float, *, is_forged: bool) -> int:
        controls = self._controls.controls
        url = controls.webhook_url or self._default_url
        if url is None:
            return 0
        for body in bodies:
            call_at = at + controls.webhook_delay_ms / 1000
            self._queue.add(self._gateway, url, body, event_at=at, call_at=call_at, is_forged=is_forged)
        # Also of a state that isn't reported: it may expire.
        self._queue.changed.set()
        return len(bodies)

    def _timeout_seconds(self) -> float:
        own_ms = self._controls.controls.webhook_timeout_ms
        return self._dialect.timeout_seconds if own_ms is None else own_ms / 1000


def _retyped(body: bytes, event_type: str) -> bytes:
    fields = from_json(body)
    return to_json({**fields, "type" if "type" in fields else "eventType": event_type})
