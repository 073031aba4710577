"""An adapter at work with its double."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from notification_service.application.ports import AlimtalkProvider
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult
from notification_service.domain.errors import EarlierMessageFound
from servicekit.outbound.bounded_transport import BoundedTransport
from servicekit.outbound.http_client import create_http_client
from tests.integration.alimtalk_providers.providers import Provider, Reports
from tests.integration.alimtalk_providers.wire import Wire
from tests.integration.provider_sandbox.doubles import Doubles
from tests.support.notification_builders import an_awaited_result

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Connection:
    """``adapter`` talks to the double of ``provider`` over ``wire``."""

    provider: Provider
    doubles: Doubles
    client: httpx.Client
    wire: Wire

    @property
    def adapter(self) -> AlimtalkProvider:
        """A new one each time, which knows nothing of earlier attempts, as after a restart."""
        return self.provider.connect(self.client, self.doubles.url, self.provider.secret)

    def adapter_with(self, secret: str) -> AlimtalkProvider:
        return self.provider.connect(self.client, self.doubles.url, secret)

    def send(self, message: AlimtalkMessage) -> str:
        """The id of the message, sent now or found."""
        try:
            return self.adapter.send(message, lambda: True)
        except EarlierMessageFound as found:
            return found.message_id

    def find(self, message: AlimtalkMessage) -> str | None:
        return self.adapter.find(message)

    @property
    def reports(self) -> Reports:
        assert self.provider.reports is not None
        return self.provider.reports

    def result(self, message_id: str, reference: str) -> ProviderResult | None:
        """What the provider says now; None if it knows no such message."""
        results = self.adapter.results([an_awaited_result(message_id, reference)]).results
        return next(iter(results), None)

    def control(self, **faults: Any) -> None:
        self.doubles.control(**{self.provider.controls: faults})

    def control_sending(self, **faults: Any) -> None:
        """Faults of the call that reaches the recipient, and of no other."""
        self.control(**faults, **self.provider.sending_fault)

    def put_template(self, content: str, status: str = "APPROVED") -> None:
        self.doubles.put_template(self.provider.template_code, content, status)

    def sent(self) -> list[dict[str, Any]]:
        """What recipients get: each message as often as it was sent."""
        if self.provider.name == "sandbox":
            reply = self.doubles.http.get("/alimtalk/v1/messages").raise_for_status()
            messages: list[dict[str, Any]] = reply.json()["messages"]
            return messages
        kept = self.doubles.messages(provider=self.provider.name)
        return [message for message in kept for _ in range(message["sends"])]


@contextmanager
def connected(provider: Provider, doubles: Doubles) -> Iterator[Connection]:
    wire = Wire(BoundedTransport(PATIENCE_SECONDS, 4))
    with httpx.Client(transport=wire, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        yield Connection(provider, doubles, client, wire)


@contextmanager
def impatient(connection: Connection) -> Iterator[AlimtalkProvider]:
    """An adapter with the service's own client, that waits a second for a reply."""
    with create_http_client(1.0, 1) as client:
        provider = connection.provider
        yield provider.connect(client, connection.doubles.url, provider.secret)
