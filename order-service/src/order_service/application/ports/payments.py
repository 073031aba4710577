"""Payments, and what waits for a look-up."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from order_service.domain.payment import Payment
from order_service.domain.payment_backlog import PaymentBacklog
from order_service.domain.payment_history import OperatedPayment
from order_service.domain.payment_selection import PaymentSelection


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

    def share_charge(self, payment: Payment) -> bool:
        """Whether another payment of the order has, or may have, what the gateway takes under its key."""
        ...

    def save(self, payment: Payment) -> None: ...

    def is_taken_back(self, payment_id: UUID) -> bool:
        """Whether the payment's money is known to be gone from the gateway, acknowledged or not."""
        ...

    def is_gone_again(self, payment_id: UUID) -> bool:
        """Whether money that is gone was restored before, and no cancellation returns all of it."""
        ...

    def is_all_returned(self, payment_id: UUID) -> bool:
        """Whether its gateway has returned all of it for cancellations, and says nothing new of it."""
        ...

    def record_restored(self, payment_id: UUID) -> bool:
        """True where the approved payment's money was known to be gone, and not all of it is returned."""
        ...

    def record_taken_back(self, payment_id: UUID) -> bool:
        """True where the approved payment's money was not known to be gone.

        False also where all of it is what cancellations return, or have returned, by the gateway.
        """
        ...


ASKED_AGAIN_AFTER = timedelta(seconds=75)
"""Gateways work on a payment for up to a minute. Before that, they may show it as unpaid."""


class DeclinedPayments(Protocol):
    """The payments whose gateway has refused them in its answer, which may be wrong."""

    def ask_again(self, payment_id: UUID) -> None:
        """Have the gateway asked until it answers, once, after :data:`ASKED_AGAIN_AFTER`."""
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

    def acknowledge_taken_back(self, payment_id: UUID) -> bool:
        """False where its money isn't known to be gone, or that is acknowledged already."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedLookUp:
    """A payment that its claimer alone looks up until a moment, for the ``number``-th time."""

    payment: Payment
    number: int
    until: datetime


class UnsettledPayments(Protocol):
    """The payments whose end only the gateway knows.

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


ReportBacklog = Callable[[PaymentBacklog], None]
"""Shows operators what waits."""


ReportTakenBack = Callable[[Payment], None]
"""Shows operators that the gateway no longer has the money of an approved payment."""
