"""What the use cases need of databases and gateways."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from order_service.domain.order import Order
from order_service.domain.payment import Payment
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.domain.payment_outcome import Approved, Declined, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest
from servicekit.idempotency.key import IdempotencyKey
from servicekit.outbox.event import OutboxEvent


class Orders(Protocol):
    def add(self, order: Order) -> None: ...

    def get(self, order_id: UUID) -> Order | None: ...

    def lock(self, order_id: UUID) -> Order | None:
        """The order, held until the transaction ends. Comes before every change of it and of its payments."""
        ...

    def complete(self, order: Order) -> None: ...


class Payments(Protocol):
    def add(self, payment: Payment) -> None:
        """Raises PaymentInProgress and PaymentKeyReused where another live payment stands in the way."""
        ...

    def get(self, payment_id: UUID) -> Payment | None: ...

    def live(self, order_id: UUID) -> Payment | None:
        """The order's live payment."""
        ...

    def latest(self, order_id: UUID) -> Payment | None:
        """The order's live payment, or else its last one."""
        ...

    def save(self, payment: Payment) -> None: ...

    def refunds_due(self, limit: int) -> Sequence[Payment]:
        """The REFUND_DUE payments that no refund is recorded for, the longest due first."""
        ...

    def record_refund(self, payment_id: UUID, by: str) -> bool:
        """True where a refund was due, which it is no longer."""
        ...


class UnsettledPayments(Protocol):
    """The payments of which only the gateway knows how they ended."""

    def claim(
        self, limit: int, in_progress_limit: timedelta, pause_seconds: Callable[[int], float]
    ) -> Sequence[Payment]:
        """Up to ``limit`` that are due for a look-up and no longer in progress, the longest due first.

        Once the caller commits, each is due again after ``pause_seconds`` of the number of its look-ups, this
        one counted. Concurrent callers get different ones.
        """
        ...

    def backlog(self) -> PaymentBacklog: ...


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
    def payments(self) -> Payments: ...

    @property
    def unsettled_payments(self) -> UnsettledPayments: ...

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


ReportBacklog = Callable[[PaymentBacklog], None]
"""Shows operators what waits."""


class PaymentGateway(Protocol):
    """A payment provider.

    What an adapter must do:

    - Every way of not learning the result (time-out, cut connection, 5xx, a code it doesn't list) is
      :class:`Undecided`. It raises GatewayMisconfigured only when the fault is ours (credentials, a
      malformed call).
    - An approval counts only after its key, order, amount and currency were compared with the request.
    - "Not found" is :class:`NeverHappened` only once the provider would refuse a late arrival of the attempt;
      before that it is :class:`Undecided`. What is charged after a NeverHappened has to be refunded by hand.
    - A refusal counts only if no earlier attempt can have charged.
    """

    @property
    def name(self) -> str:
        """What is stored with each new payment, which is then asked for at the gateway of that name."""
        ...

    def approve(self, request: PaymentRequest) -> Approved | Declined | Undecided:
        """Take the money. Sends ``request.idempotency_key``, so that the same attempt is never charged twice.

        Returns within the time limit that the service is configured with for a payment in progress.
        """
        ...

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """Ask what became of an earlier :meth:`approve`; changes nothing.

        ``asked_at`` is no later than now, by the clock of ``request.requested_at``.
        """
        ...

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        """Return a payment's money, all of what is left or a part, once for each idempotency key."""
        ...

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        """Ask what became of an earlier :meth:`refund`; changes nothing."""
        ...
