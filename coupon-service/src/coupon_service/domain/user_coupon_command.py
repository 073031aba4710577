"""What orders, users and operators do to a coupon that a user holds."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reserve:
    """An order wants to use the coupon, and holds it for so long. It must be its user's order."""

    order_id: UUID
    user_id: int
    order_amount: int
    hold: timedelta


@dataclass(frozen=True, slots=True)
class Confirm:
    """The order that holds the coupon has used it."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class Release:
    """The order that holds the coupon does not use it; done already if the order's reservation has ended."""

    order_id: UUID
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The user does not want the coupon any more."""

    user_id: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """An operator takes the coupon away, reserved or not."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """The order has been paid with the coupon's discount, whether it still holds the coupon or not."""

    order_id: UUID
    user_id: int
    order_amount: int


@dataclass(frozen=True, slots=True)
class Restore:
    """The order has been cancelled as a whole: its user has the coupon again."""

    order_id: UUID


UserCouponCommand = Reserve | Confirm | Release | GiveBack | Revoke | Use | Restore


def order_of(command: UserCouponCommand) -> UUID | None:
    """The order that acts, if it is one."""
    return None if isinstance(command, GiveBack | Revoke) else command.order_id
