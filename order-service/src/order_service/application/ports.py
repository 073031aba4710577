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
from order_service.domain.payment_hint import PaymentHint
from order_service.domain.payment_history import OperatedPayment
from order_service.domain.payment_operation import Operation, PaymentOperation
from order_service.domain.payment_outcome import Answer, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.payment_selection import PaymentSelection
from order_service.domain.product import Product
from order_service.domain.refund import Refund
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

    def record_taken_back(self, payment_id: UUID) -> bool:
        """True where the approved payment's money was not known to be gone."""
        ...


class OperatedPayments(Protocol):
    """Payments as operators list them."""

    def find(
        self, selection: PaymentSelection, limit: int, before: UUID | None = None
    ) -> Sequence[OperatedPayment]:
        """The newest ``limit`` payments that match, of those older than the payment ``before``."""
        ...

    def count(self, selection: PaymentSelection) -> int: ...

    def get(self, payment_id: UUID) -> OperatedPayment | None: ...


@dataclass(frozen=True, slots=True)
class ClaimedLookUp:
    """A payment that its claimer alone looks up until a moment, for the ``number``-th time."""

    payment: Payment
    number: int
    until: datetime


@dataclass(frozen=True, slots=True)
class ClaimedRefund:
    """A refund that its claimer alone works on for now, for the ``number``-th time.

    It ``is_to_be_sent``, which is stored, or else asked about.
    """

    refund: Refund
    number: int
    is_to_be_sent: bool


class Refunds(Protocol):
    """The refunds that are due. Nobody may ask about one within a second of the last time."""

    def adopt(self, limit: int) -> None:
        """Make a refund of each REFUND_DUE payment that has none."""
        ...

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedRefund | None:
        """The refund at one of the ``accounts`` that has been due for longest.

        Once the caller commits, no other one gets it for as long as ``lease``.
        """
        ...

    def claim_one(self, payment_id: UUID, lease: timedelta) -> ClaimedRefund:
        """The refund of a REFUND_DUE payment, whenever it is due, and once more where it was refused.

        Raises PaymentNotFound, RefundNotDue, and PaymentBusy where another process works on it, or has
        within a second.
        """
        ...

    def lock(self, payment_id: UUID) -> Refund:
        """The refund of a REFUND_DUE payment.

        Raises PaymentNotFound, RefundNotDue, and PaymentBusy where another process works on it.
        """
        ...

    def save(self, claimed: ClaimedRefund, after: Refund, pause: timedelta) -> bool:
        """Store what became of it, and make it due again after ``pause``.

        Returns false, and stores nothing, where another process has claimed it since: it may have sent it,
        so only money that was returned counts then.
        """
        ...

    def record(self, refund: Refund) -> bool:
        """Store that the money was returned, and with its payment; false where that is recorded already."""
        ...


class PaymentOperations(Protocol):
    """What operators did."""

    def begin(self, payment_id: UUID, operation: Operation, by: str, because: str) -> int:
        """Returns the number to end it with."""
        ...

    def end(self, number: int, outcome: str) -> None: ...

    def of_payment(self, payment_id: UUID, limit: int) -> Sequence[PaymentOperation]:
        """The newest."""
        ...


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

    def claim_whatever_state(self, payment_id: UUID) -> bool:
        """The same for an operator, who may also ask about a payment that is settled."""
        ...

    def postpone(self, claimed: ClaimedLookUp, pause: timedelta, *, is_counted: bool) -> None:
        """Make it due again after ``pause``, unless another process has claimed it since.

        A look-up that isn't counted leaves the number of the next one as it was.
        """
        ...

    def backlog(self, accounts: Mapping[str, str], in_progress_limit: timedelta) -> PaymentBacklog: ...


@dataclass(frozen=True, slots=True)
class ClaimedHint:
    """A hinted payment as it was ``at``, that its claimer asks about for now, for the ``number``-th time.

    The money was reported as paid, as returned, as both or as neither.
    """

    payment: Payment
    number: int
    at: datetime
    is_paid: bool
    is_returned: bool


class PaymentHints(Protocol):
    """The payments that a webhook gave a reason to ask about, each once, however many webhooks there were."""

    def note(self, gateway: str, hint: PaymentHint) -> int:
        """Make the payments due that the hint says something new of. Returns their number.

        Takes a second at most, and locks no payment: it waits for no other use of it.
        """
        ...

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedHint | None:
        """The hinted payment of ``accounts`` that has been due for longest.

        Once the caller commits, no other one gets it for as long as ``lease``, unless another hint comes.
        Nobody may look a payment up within a second of its last look-up, of a settled one within a minute.
        """
        ...

    def postpone(self, claimed: ClaimedHint, pause: timedelta) -> None:
        """Make it due again after ``pause``, unless another hint came in the meantime."""
        ...

    def drop(self, claimed: ClaimedHint) -> None:
        """Forget the hints that came before the gateway was asked."""
        ...

    def drop_known(self) -> int:
        """Forget due hints of what is known by now. Returns their number."""
        ...


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
    def payment_hints(self) -> PaymentHints: ...

    @property
    def operated_payments(self) -> OperatedPayments: ...

    @property
    def refunds(self) -> Refunds: ...

    @property
    def payment_operations(self) -> PaymentOperations: ...

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

ReportTakenBack = Callable[[Payment], None]
"""Shows operators that the gateway no longer has the money of an approved payment."""

WebhookParser = Callable[[Mapping[str, str], bytes], PaymentHint | None]
"""Reads a gateway's webhook: its headers, whose names are lower case, and its body.

None if it says nothing of a payment of this shop. Raises ForgedWebhook and MalformedWebhook.
"""


class PaymentGateway(Protocol):
    """A payment provider.

    What an adapter must do:

    - Every way of not learning the result (time-out, cut connection, 5xx, a code it doesn't list) is
      :class:`Undecided`; of a look-up it is :class:`Unanswered` where it says as much of every payment. It
      raises GatewayMisconfigured only when the fault is ours (credentials, a malformed call).
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
