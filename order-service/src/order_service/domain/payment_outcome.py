"""What became of one attempt at a payment, as the gateway knows it."""

from dataclasses import dataclass
from datetime import datetime

from order_service.domain.money import Money


@dataclass(frozen=True, slots=True)
class Approved:
    """The money has been taken."""

    approved_at: datetime


@dataclass(frozen=True, slots=True)
class ChargedOtherwise:
    """Money has been taken, but another amount or currency than was requested. ``left`` can be returned."""

    approved_at: datetime
    left: Money


@dataclass(frozen=True, slots=True)
class Declined:
    """The money was not taken and will not be. ``code`` is the gateway's."""

    code: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Not known yet: no reply, or a reply that doesn't settle it."""


@dataclass(frozen=True, slots=True)
class Unanswered(Undecided):
    """Not known, because the gateway is away: it would tell nothing of another payment either."""


@dataclass(frozen=True, slots=True)
class Unpaid(Undecided):
    """Not taken so far, and nothing is under way. Asking again is safe: a payment key is charged once."""


@dataclass(frozen=True, slots=True)
class AwaitsDeposit(Undecided):
    """Not taken so far: the buyer got an account to pay into until ``due_at``, by the gateway's clock."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class NeverHappened:
    """The attempt did not reach the gateway, and can no longer succeed there."""


Answer = Approved | ChargedOtherwise | Declined | Undecided
"""What a gateway says of an attempt that has just been made."""
Outcome = Answer | NeverHappened
