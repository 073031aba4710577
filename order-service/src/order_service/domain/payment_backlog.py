"""What waits for a look-up or for an operator."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class UnreachablePayments:
    """Unsettled payments that no process has asked about for a while, and this one can't.

    They belong to a gateway, or to an account there, that it isn't configured for. ``oldest_payment_id`` was
    sent ``oldest_seconds`` ago. ``account`` isn't secret; None where a former release stored the payments.
    """

    gateway: str
    account: str | None
    payments: int
    oldest_seconds: float
    oldest_payment_id: UUID


@dataclass(frozen=True, slots=True)
class PaymentBacklog:
    """``unsettled`` payments are REQUESTED or UNKNOWN; their oldest was sent so many seconds ago, 0 for none.

    Those that wait for a deposit which isn't due yet are counted apart. ``refunds_due`` payments are
    REFUND_DUE and not recorded as refunded. The gateway refuses ``refunds_refused`` of them for good; the
    oldest of the others has been due for so many seconds. Of ``taken_back`` approved payments the gateway no
    longer has the money, which no operator has acknowledged.
    """

    unsettled: int
    oldest_unsettled_seconds: float
    refunds_due: int
    awaiting_deposit: int = 0
    unreachable: tuple[UnreachablePayments, ...] = ()
    refunds_refused: int = 0
    oldest_refund_due_seconds: float = 0.0
    taken_back: int = 0
