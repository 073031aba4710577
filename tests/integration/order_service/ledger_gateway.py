"""A gateway that remembers: what was charged is what tests count."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from order_service.domain.money import Money
from order_service.domain.payment_outcome import (
    Answer,
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Outcome,
    Unanswered,
    Undecided,
    Unpaid,
)
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest

DOLLARS = Money(2_300, "USD")


@dataclass
class LedgerGateway:
    """Charges every idempotency key once.

    By the beginning of its payment key an attempt is declined (``decline-``), charged without telling
    (``silent-``; ``odd-`` too, which also breaks the look-up), charged before the caller's death
    (``fatal-``), or lost on the way (``lost-``). ``dollars-`` takes 23 dollars whatever was asked for, and
    ``deposit-`` is paid when it is ``deposited``; ``void`` takes it back until then. ``after_returning`` runs
    in :meth:`refund`, which returns the money of each refund once, and ``before_returning`` before.
    ``before_charging`` runs in :meth:`approve`, so that a test can hold it there, ``before_answering`` in
    :meth:`find` and ``before_voiding`` in :meth:`void`. A changed ``lost`` lets
    later attempts through, and while it is ``blind`` the look-up learns nothing; payment keys that begin with
    ``away`` get no answer. What was lost never
    happened, unless it ``keeps_authorisations``: then it is unpaid so far.
    """

    name: str = "in-process"
    account: str = "in-process"
    """As that of the in-process gateway: a process, too, can settle the payments of a test."""
    charged: dict[str, PaymentRequest] = field(default_factory=dict)
    before_charging: Callable[[PaymentRequest], None] = lambda request: None
    before_answering: Callable[[PaymentRequest], None] = lambda request: None
    before_voiding: Callable[[], None] = lambda: None
    lost: tuple[str, ...] = ("lost-",)
    blind: bool = False
    away: tuple[str, ...] = ()
    says: dict[str, Outcome] = field(default_factory=dict)
    """What a look-up says of a payment key, whatever is true."""
    keeps_authorisations: bool = False
    deposits_due_at: datetime = datetime(2999, 1, 1, tzinfo=UTC)
    deposited: bool = False
    voided: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    returned: dict[UUID, Money] = field(default_factory=dict)
    refund_keys: list[str] = field(default_factory=list)
    refund_refusal: str | None = None
    look_up_refusal: str | None = None
    """What a look-up of a refund says."""
    refunds_without_answer: int = 0
    """So many are lost on the way."""
    before_returning: Callable[[RefundRequest], None] = lambda request: None
    after_returning: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accounts(self) -> Mapping[str, str]:
        return {self.name: self.account}

    def approve(self, request: PaymentRequest) -> Answer:
        self.before_charging(request)
        if request.payment_key.startswith("decline-"):
            return Declined("NO_FUNDS")
        if request.payment_key.startswith(self.lost):
            return Undecided()
        if request.payment_key.startswith("deposit-"):
            return AwaitsDeposit(self.deposits_due_at)
        first = self._charge(request)
        if request.payment_key.startswith("dollars-"):
            return ChargedOtherwise(first.requested_at, DOLLARS)
        if request.payment_key.startswith("fatal-"):
            raise CallerDied
        if request.payment_key.startswith(("silent-", "odd-")):
            return Undecided()
        return Approved(first.requested_at)

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        with self._lock:
            self.looked_up.append(request.payment_key)
        self.before_answering(request)
        if request.payment_key.startswith(self.away):
            return Unanswered()
        if self.blind:
            return Undecided()
        if request.payment_key in self.says:
            return self.says[request.payment_key]
        if request.payment_key.startswith("deposit-"):
            return self._deposit(request)
        if request.payment_key.startswith("decline-"):
            return Declined("NO_FUNDS")
        if request.payment_key.startswith("odd-"):
            raise KeyError("status")
        with self._lock:
            first = self.charged.get(request.idempotency_key)
        if first is not None:
            is_otherwise = request.payment_key.startswith("dollars-")
            at = first.requested_at
            return ChargedOtherwise(at, DOLLARS) if is_otherwise else Approved(at)
        return Unpaid() if self.keeps_authorisations else NeverHappened()

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        self.before_voiding()
        if not self.deposited:
            self.voided.append(request.payment_key)
        return self._deposit(request)

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        self.refund_keys.append(request.idempotency_key)
        self.before_returning(request)
        if self.refund_refusal is not None:
            return RefundRefused(self.refund_refusal)
        with self._lock:
            if self.refunds_without_answer:
                self.refunds_without_answer -= 1
                return Undecided()
            if request.refund_id in self.returned:
                return RefundRefused("ANOTHER_BALANCE")
            self.returned[request.refund_id] = Money(request.amount, request.payment.currency)
        self.after_returning()
        return Refunded(request.payment.requested_at)

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        if self.blind:
            return Undecided()
        if self.look_up_refusal is not None:
            return RefundRefused(self.look_up_refusal)
        is_returned = request.refund_id in self.returned
        return Refunded(request.payment.requested_at) if is_returned else NotRefunded()

    def _charge(self, request: PaymentRequest) -> PaymentRequest:
        with self._lock:
            return self.charged.setdefault(request.idempotency_key, request)

    def _deposit(self, request: PaymentRequest) -> Approved | Declined | AwaitsDeposit:
        if self.deposited:
            return Approved(self._charge(request).requested_at)
        if request.payment_key in self.voided:
            return Declined("CANCELED")
        return AwaitsDeposit(self.deposits_due_at)


class CallerDied(BaseException):
    """Stands for a process killed after the gateway had charged: nothing of ours runs afterwards."""
