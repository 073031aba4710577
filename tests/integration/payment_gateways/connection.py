"""An adapter at work with its double, and the payment that it is asked about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx

from order_service.application.ports import PaymentGateway
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_request import RefundRequest
from servicekit.identifiers import uuid7
from servicekit.outbound.bounded_transport import BoundedTransport
from tests.integration.payment_gateways.gateways import Gateway
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.order_builders import a_request

AMOUNT = 30_000
PATIENCE_SECONDS = 60.0
IMPATIENCE_SECONDS = 1.0
SOON = timedelta(seconds=1)
ANSWERED = timedelta(seconds=75)
"""Longer than any gateway works on a payment, also once its client has gone."""


class Connection:
    """To begin with, a buyer has authorised the whole payment ``request``, and it was not asked for yet."""

    def __init__(self, gateway: Gateway, sandbox: GatewaySandbox, clients: dict[float, httpx.Client]) -> None:
        self.gateway = gateway
        self.sandbox = sandbox
        self.seconds = PATIENCE_SECONDS
        self.url = sandbox.url
        self.secret = gateway.secret
        self._clients = clients
        self.request = self.authorised()
        self.refund = self.refund_of(AMOUNT)

    @property
    def adapter(self) -> PaymentGateway:
        """A new one each time, which knows nothing of earlier calls, as after a restart."""
        return self.gateway.connect(self._clients[self.seconds], self.url, self.secret)

    def authorised(
        self,
        amount: int = AMOUNT,
        currency: str = "KRW",
        method: str = "CARD",
        decline_code: str | None = None,
        order_id: UUID | None = None,
    ) -> PaymentRequest:
        """A payment that its buyer has authorised, of a new order by default."""
        request = a_request(
            order_id=order_id or uuid7(), amount=amount, currency=currency, gateway=self.gateway.name
        )
        payment = self.sandbox.authenticated(
            self.gateway.name,
            str(request.order_id),
            amount=amount,
            currency=currency,
            method=method,
            declineCode=decline_code,
        )
        return replace(request, payment_key=self.gateway.payment_key(payment))

    def refund_of(self, amount: int, refundable_amount: int = AMOUNT) -> RefundRequest:
        return RefundRequest(uuid7(), self.request, amount, refundable_amount, "단순 변심")

    def refuse_nothing(self) -> None:
        """Whatever comes now is answered as it should be."""
        self.sandbox.fault(self.gateway.name)
        self.seconds, self.url, self.secret = PATIENCE_SECONDS, self.sandbox.url, self.gateway.secret

    def money(self) -> int:
        """What the gateway has taken for the order and has not returned."""
        payments = self.sandbox.payments(orderId=str(self.request.order_id))
        # What was cancelled before it was paid was never taken.
        return sum(
            payment["chargedAmount"] - payment["cancelledAmount"]
            for payment in payments
            if payment["chargedAmount"]
        )

    def calls(self) -> int:
        return len(self.sandbox.requests(self.gateway.name))


@contextmanager
def http_clients() -> Iterator[dict[float, httpx.Client]]:
    """A patient one and an impatient one, by their seconds for an exchange."""
    with (
        httpx.Client(transport=BoundedTransport(PATIENCE_SECONDS, 4)) as patient,
        httpx.Client(transport=BoundedTransport(IMPATIENCE_SECONDS, 4)) as impatient,
    ):
        yield {PATIENCE_SECONDS: patient, IMPATIENCE_SECONDS: impatient}
