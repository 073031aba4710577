"""A payment as a gateway keeps it, and its state machine.

::

    READY ──buyer authenticates──► IN_PROGRESS ──confirm──► DONE ──cancel──► CANCELED, PARTIAL_CANCELED
      │                                 │  │  └─virtual account─► WAITING_FOR_DEPOSIT ⇄ DONE
      └──too late──► EXPIRED ◄──────────┘  └──refused──► ABORTED

Methods don't check whether they may be called: each gateway refuses in its own words before.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

Status = Literal[
    "READY",
    "IN_PROGRESS",
    "WAITING_FOR_DEPOSIT",
    "DONE",
    "CANCELED",
    "PARTIAL_CANCELED",
    "ABORTED",
    "EXPIRED",
]
Method = Literal["CARD", "TRANSFER", "EASY_PAY", "MOBILE_PHONE", "VIRTUAL_ACCOUNT"]
Currency = Literal["KRW", "USD", "JPY"]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Money given back. ``remaining`` is what could still be cancelled afterwards."""

    transaction_key: str
    amount: int
    reason: str
    cancelled_at: float
    remaining: int


@dataclass(frozen=True, slots=True)
class Payment:
    """``key`` is the gateway's name for it, ``order_id`` the shop's; amounts are in minor units."""

    gateway: str
    key: str
    order_id: str
    order_name: str
    amount: int
    currency: Currency
    method: Method
    secret: str
    requested_at: float
    expires_at: float | None
    status: Status = "READY"
    decline_code: str | None = None
    """The code with which its confirmation will be refused: the buyer's card is that bad."""
    transaction_key: str | None = None
    approved_at: float | None = None
    failed_at: float | None = None
    failure_code: str | None = None
    cancellations: tuple[Cancellation, ...] = ()

    @property
    def token(self) -> str | None:
        """What the shop confirms a payment of PortOne with."""
        return self.secret if self.gateway == "portone" else None

    @property
    def cancelled_amount(self) -> int:
        return sum(cancellation.amount for cancellation in self.cancellations)

    @property
    def balance(self) -> int:
        """What can still be cancelled."""
        return self.amount - self.cancelled_amount

    @property
    def charged_amount(self) -> int:
        """What was taken from the buyer, cancellations not deducted."""
        return self.amount if self.approved_at is not None else 0

    @property
    def is_cancelable(self) -> bool:
        return self.status in {"DONE", "PARTIAL_CANCELED", "WAITING_FOR_DEPOSIT"}

    def authenticated(self, expires_at: float, decline_code: str | None = None) -> Self:
        return replace(self, status="IN_PROGRESS", expires_at=expires_at, decline_code=decline_code)

    def approved(self, transaction_key: str, at: float) -> Self:
        """The money is taken; by a virtual account, only asked for."""
        if self.method == "VIRTUAL_ACCOUNT":
            changed = replace(self, status="WAITING_FOR_DEPOSIT", expires_at=None)
            return replace(changed, transaction_key=transaction_key)
        return replace(self, expires_at=None).deposited(transaction_key, at)

    def deposited(self, transaction_key: str, at: float) -> Self:
        return replace(self, status="DONE", transaction_key=transaction_key, approved_at=at)

    def deposit_undone(self, transaction_key: str) -> Self:
        """The bank takes the deposit back."""
        return replace(self, status="WAITING_FOR_DEPOSIT", transaction_key=transaction_key, approved_at=None)

    def refused(self, code: str, at: float) -> Self:
        return replace(self, status="ABORTED", expires_at=None, failure_code=code, failed_at=at)

    def expired(self, at: float) -> Self:
        return replace(self, status="EXPIRED", expires_at=None, failure_code="EXPIRED_PAYMENT", failed_at=at)

    def cancelled(self, amount: int, reason: str, transaction_key: str, at: float) -> Self:
        """After partial cancellations the status stays PARTIAL_CANCELED, also when nothing is left."""
        is_whole = amount == self.amount
        cancellation = Cancellation(transaction_key, amount, reason, at, self.balance - amount)
        return replace(
            self,
            status="CANCELED" if is_whole else "PARTIAL_CANCELED",
            transaction_key=transaction_key,
            cancellations=(*self.cancellations, cancellation),
        )
