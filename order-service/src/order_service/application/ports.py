"""What the use cases need of databases and gateways."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from order_service.domain.order import Order
from order_service.domain.payment import Payment
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.domain.payment_outcome import Answer, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.product import Product
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

    def of_user(self, user_id: int, limit: int, before: UUID | None) -> Sequence[Order]:
        """The user's orders, newest first, of those that were placed before the order ``before``.

        Raises UnknownPage where that isn't the user's.
        """
        ...


class UnpaidOrders(Protocol):
    """The orders that wait for their payment."""

    def expire(self, placed_before: datetime, limit: int) -> Sequence[UUID]:
        """Expire those placed before then, the oldest first: at most ``limit``, and none that is held.

        An order with an unsettled payment stays: it may have been paid.
        """
        ...


class Products(Protocol):
    """The catalogue."""

    def add(self, product: Product) -> None:
        """Raises ProductAlreadyExists."""
        ...

    def get(self, product_id: str) -> Product | None: ...

    def named(self, product_ids: Collection[str]) -> Mapping[str, Product]:
        """Those of ``product_ids`` that the catalogue has."""
        ...

    def listed(self, limit: int, after: str | None) -> Sequence[Product]:
        """By their ids, from the one that follows ``after`` on."""
        ...

    def sold_out(self, pieces: Mapping[str, int]) -> Sequence[str]:
        """The products that have fewer ``pieces`` left, as it is now: others may take them yet."""
        ...

    def take(self, pieces: Mapping[str, int]) -> Sequence[str]:
        """Take so many ``pieces`` of each product's stock, or nothing: then the products that lack them.

        Products are held until the transaction ends, in an order that all callers share. The order that they
        are taken for was locked before.
        """
        ...


class Payments(Protocol):
    def add(self, payment: Payment) -> None:
        """Raises PaymentInProgress and PaymentKeyReused where another live payment stands in the way.

        Raises GatewayMisconfigured for a payment without real money once the shop has taken some.
        """
        ...

    def get(self, payment_id: UUID) -> Payment | None: ...

    def live(self, order_id: UUID) -> Payment | None:
        """The order's live payment."""
        ...

    def latest(self, order_id: UUID) -> Payment | None:
        """The order's live payment, or else its last one."""
        ...

    def latest_of(self, order_ids: Collection[UUID]) -> Mapping[UUID, Payment]:
        """What :meth:`latest` says of each order, without those that have no payment."""
        ...

    def save(self, payment: Payment) -> None: ...

    def refunds_due(self, limit: int) -> Sequence[Payment]:
        """The REFUND_DUE payments that no refund is recorded for, the longest due first."""
        ...

    def begin_refund(self, payment_id: UUID) -> tuple[Payment, int] | None:
        """The payment and the number of this attempt to return its money; None where no refund is due."""
        ...

    def record_refund(self, payment_id: UUID, by: str) -> bool:
        """True where a refund was due, which it is no longer."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedLookUp:
    """A payment that its claimer alone looks up for now, for the ``number``-th time."""

    payment: Payment
    number: int


class UnsettledPayments(Protocol):
    """The payments of which only the gateway knows how they ended.

    ``accounts`` are those that the process can ask with, by the gateway's name. Nobody may look a payment up
    within a second of its last look-up.
    """

    def claim(
        self, accounts: Mapping[str, str], in_progress_limit: timedelta, lease: timedelta
    ) -> ClaimedLookUp | None:
        """The payment of ``accounts`` that has been due for longest, of those no longer in progress.

        Once the caller commits, no other one gets it for as long as ``lease``.
        """
        ...

    def claim_one(self, payment_id: UUID) -> bool:
        """Whether the caller may look this payment up, once it commits."""
        ...

    def postpone(self, claimed: ClaimedLookUp, pause: timedelta) -> None:
        """Make it due again after ``pause``, unless another process has claimed it since."""
        ...

    def backlog(self, accounts: Mapping[str, str], in_progress_limit: timedelta) -> PaymentBacklog: ...


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
    def products(self) -> Products: ...

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
    - An approval counts only after its key, order, amount and currency were compared with the request. With
      another amount or currency it is :class:`ChargedOtherwise`.
    - "Not found" is :class:`NeverHappened` only once the provider would refuse a late arrival of the attempt;
      before that it is :class:`Undecided`. What is charged after a NeverHappened has to be refunded by hand.
    - Nothing is asked about a payment of another account: the provider would not find it.
    - A refusal counts only if no earlier attempt can have charged.
    """

    @property
    def name(self) -> str:
        """What is stored with each new payment, which is then asked for at the gateway of that name."""
        ...

    @property
    def accounts(self) -> Mapping[str, str]:
        """The shop's account at each gateway that can be asked, by the gateway's name. Stored like the name.

        It is not secret, and another one means that the gateway wouldn't find the payment.
        """
        ...

    def approve(self, request: PaymentRequest) -> Answer:
        """Take the money. Sends ``request.idempotency_key``, so that the same attempt is never charged twice.

        Returns within the time limit that the service is configured with for a payment in progress.
        """
        ...

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """Ask what became of an earlier :meth:`approve`; changes nothing.

        ``asked_at`` is no later than now, by the clock of ``request.requested_at``.
        """
        ...

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """Take back a payment that awaits a deposit, and say what became of it: it may have been paid."""
        ...

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        """Return a payment's money, all of what is left or a part, once for each idempotency key."""
        ...

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        """Ask what became of an earlier :meth:`refund`; changes nothing.

        Other refunds of the payment say nothing of it, also those of the same amount.
        """
        ...
