"""Where payments change: each new state is kept, and reported."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import StringConstraints

from provider_sandbox.gateways.payment import Currency, Method, Payment
from provider_sandbox.gateways.records import GatewayRecords
from servicekit.fields import Storable

WINDOW_SECONDS = 30 * 60.0
"""From the opening of the gateway's window to the buyer's authentication."""
CONFIRM_SECONDS = 10 * 60.0
"""From authentication to confirmation."""


OrderId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_=-]{2,64}$")]
OrderName = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a shop opens the gateway's window with."""

    order_id: str
    order_name: str
    amount: int
    currency: Currency
    method: Method


Report = Callable[[Payment, Payment | None, float], None]
"""Queue the webhooks for a payment's new state, the former one, and since when it is in it."""


class PaymentDesk:
    """The payments of one gateway."""

    def __init__(self, gateway: str, key_prefix: str, records: GatewayRecords, report: Report) -> None:
        self.gateway = gateway
        self._key_prefix = key_prefix
        self._records = records
        self._report = report

    def open(self, purchase: Purchase) -> Payment:
        """A new payment: the buyer sees the gateway's window."""
        payment = self.invented(purchase)
        self.save(payment, payment.requested_at)
        return payment

    def adopt(self, purchase: Purchase, *, key: str | None = None, secret: str | None = None) -> Payment:
        """A payment that is authenticated without a window, with the key or the secret that its shop has."""
        payment = self.invented(purchase)
        payment = replace(payment, key=key or payment.key, secret=secret or payment.secret)
        return self.authenticate(payment)

    def invented(self, purchase: Purchase) -> Payment:
        """A payment that isn't kept."""
        now = self._records.clock.now()
        return Payment(
            gateway=self.gateway,
            key=f"{self._key_prefix}{secrets.token_hex(12)}",
            order_id=purchase.order_id,
            order_name=purchase.order_name,
            amount=purchase.amount,
            currency=purchase.currency,
            method=purchase.method,
            secret=f"ps_{secrets.token_hex(12)}",
            requested_at=now,
            expires_at=now + WINDOW_SECONDS,
        )

    def authenticate(self, payment: Payment, decline_code: str | None = None) -> Payment:
        """The buyer agrees. With ``decline_code`` the confirmation will be refused."""
        now = self._records.clock.now()
        authenticated = payment.authenticated(now + CONFIRM_SECONDS, decline_code)
        self.save(authenticated, now)
        return authenticated

    def get(self, key: str) -> Payment | None:
        self.expire_overdue()
        return self._records.payments.get(self.gateway, key)

    def of_order(self, order_id: str) -> Payment | None:
        self.expire_overdue()
        return self._records.payments.of_order(self.gateway, order_id)

    def attempts(self, order_id: str) -> Sequence[Payment]:
        """All payments of an order."""
        self.expire_overdue()
        return self._records.payments.attempts(self.gateway, order_id)

    def seen(self, payment: Payment | None, lag_seconds: float) -> Payment | None:
        """The payment as a look-up shows it that lags this much."""
        if payment is None or lag_seconds == 0:
            return payment
        return self._records.payments.as_of(payment.key, self._records.clock.now() - lag_seconds)

    def save(self, payment: Payment, now: float) -> None:
        with self._records.database.transaction():
            former = self._records.payments.get(self.gateway, payment.key)
            self._records.payments.save(payment, now)
            self._report(payment, former, now)

    def expire_overdue(self) -> None:
        """Give payments whose window has closed the state that they have had since then."""
        now = self._records.clock.now()
        with self._records.database.transaction():
            while payment := self._records.payments.overdue(self.gateway, now):
                at = now if payment.expires_at is None else payment.expires_at
                self.save(payment.expired(at), at)


def transaction_key() -> str:
    return secrets.token_hex(16).upper()
