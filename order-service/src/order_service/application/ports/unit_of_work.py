"""One transaction, and what is written beside orders and payments."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from order_service.application.ports.cancellations import Cancellations
from order_service.application.ports.coupons import CouponReleases
from order_service.application.ports.hints import PaymentHints
from order_service.application.ports.ledger import LedgerSeals
from order_service.application.ports.orders import Orders, Products, UnpaidOrders
from order_service.application.ports.payments import (
    DeclinedPayments,
    OperatedPayments,
    Payments,
    UnsettledPayments,
)
from order_service.application.ports.refunds import PaymentOperations, Refunds
from order_service.domain.order import Order
from order_service.domain.payment import Payment
from servicekit.idempotency.key import IdempotencyKey
from servicekit.outbox.event import OutboxEvent


class Outbox(Protocol):
    """Events that are published once the transaction has committed."""

    def append(self, event: OutboxEvent) -> None: ...


class IdempotencyKeys(Protocol):
    """The requests answered so far."""

    def claim(self, key: IdempotencyKey, reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None for a new key, which then has ``reply``; otherwise the reply of its first use.

        Waits for a concurrent first use. Raises IdempotencyKeyReused where that was another request.
        """
        ...

    def first_used_at(self, key: IdempotencyKey) -> datetime:
        """By the database's clock. The key was claimed before."""
        ...


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def orders(self) -> Orders: ...

    @property
    def unpaid_orders(self) -> UnpaidOrders: ...

    @property
    def coupon_releases(self) -> CouponReleases: ...

    @property
    def products(self) -> Products: ...

    @property
    def payments(self) -> Payments: ...

    @property
    def unsettled_payments(self) -> UnsettledPayments: ...

    @property
    def payment_hints(self) -> PaymentHints: ...

    @property
    def declined_payments(self) -> DeclinedPayments: ...

    @property
    def operated_payments(self) -> OperatedPayments: ...

    @property
    def refunds(self) -> Refunds: ...

    @property
    def cancellations(self) -> Cancellations: ...

    @property
    def payment_operations(self) -> PaymentOperations: ...

    @property
    def ledger_seals(self) -> LedgerSeals: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    def now(self) -> datetime:
        """The database's clock, which all hosts share."""
        ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]


CompletionEvent = Callable[[Order, Payment], OutboxEvent]
"""Makes the event that the order was completed by the payment."""
