"""A coupon that a user holds: what it is, and how it stands."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from coupon_service.domain.discount import Discount


class UserCouponStatus(StrEnum):
    ISSUED = "ISSUED"
    RESERVED = "RESERVED"
    USED = "USED"
    GIVEN_BACK = "GIVEN_BACK"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class UserCouponChangeKind(StrEnum):
    """What happened. RELEASED (by its order, even after use) and LAPSED (by time) make it ISSUED again."""

    RESERVED = "RESERVED"
    USED = "USED"
    RELEASED = "RELEASED"
    LAPSED = "LAPSED"
    GIVEN_BACK = "GIVEN_BACK"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an order that holds a coupon, or has used it, gets off; amounts in minor units."""

    order_id: UUID
    order_amount: int
    discount_amount: int
    reserved_until: datetime


@dataclass(frozen=True, slots=True)
class UserCouponChange:
    """One change: what, when, by whom and why. Time itself is the actor of LAPSED and EXPIRED."""

    kind: UserCouponChangeKind
    changed_at: datetime
    actor: str
    reason: str | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UserCouponState:
    """What changes of a user coupon. ``change_count`` numbers its changes: 0 when issued.

    The reservation is that of the order that holds the coupon or has used it, None otherwise.
    """

    status: UserCouponStatus
    expires_at: datetime | None
    reservation: Reservation | None = None
    change_count: int = 0

    @property
    def stands_until(self) -> datetime | None:
        """When time alone changes the status; None where it never does."""
        if self.status is UserCouponStatus.RESERVED and self.reservation is not None:
            return self.reservation.reserved_until
        return self.expires_at if self.status is UserCouponStatus.ISSUED else None

    def at(self, moment: datetime) -> tuple["UserCouponState", list[UserCouponChange]]:
        """How it stands at ``moment``, and what time has changed until then, whether that is stored or not.

        A reservation outlives the coupon's validity: an order that was in time can be paid.
        """
        state, changes = self, []
        while state.stands_until is not None and state.stands_until <= moment:
            kind, status = _CHANGES_BY_TIME[state.status]
            order_id = None if state.reservation is None else state.reservation.order_id
            change = UserCouponChange(kind, state.stands_until, actor="time", order_id=order_id)
            changes.append(change)
            state = state.changed(status, None)
        return state, changes

    def changed(self, status: UserCouponStatus, reservation: Reservation | None) -> "UserCouponState":
        """The state after one more change."""
        return replace(self, status=status, reservation=reservation, change_count=self.change_count + 1)


_CHANGES_BY_TIME = {
    UserCouponStatus.RESERVED: (UserCouponChangeKind.LAPSED, UserCouponStatus.ISSUED),
    UserCouponStatus.ISSUED: (UserCouponChangeKind.EXPIRED, UserCouponStatus.EXPIRED),
}


@dataclass(frozen=True, slots=True)
class UserCoupon:
    """An issued coupon. ``name`` and ``discount`` are the coupon's; ``issue_number`` counts from 1."""

    user_coupon_id: int
    coupon_id: int
    user_id: int
    name: str
    discount: Discount
    minimum_order_amount: int
    request_id: UUID
    issue_number: int
    issued_at: datetime
    state: UserCouponState

    def at(self, moment: datetime) -> "UserCoupon":
        """As it stands at ``moment``."""
        return replace(self, state=self.state.at(moment)[0])
