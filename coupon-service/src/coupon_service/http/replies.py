"""What clients receive."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from coupon_service.application.read_coupon_changes import CouponChangesPage
from coupon_service.application.read_coupons import CouponsPage
from coupon_service.application.read_user_coupon_changes import UserCouponChangesPage
from coupon_service.application.read_user_coupons import UserCouponsPage
from coupon_service.domain.coupon import Coupon, CouponStatus
from coupon_service.domain.coupon_change import CouponChange, CouponChangeKind
from coupon_service.domain.coupon_request import CouponRequestView, RejectionReason, RequestStatus
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.user_coupon import (
    Reservation,
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponStatus,
)
from servicekit.fields import JsonModel, Time
from servicekit.http.problems import ProblemReply


class DiscountReply(JsonModel):
    """AMOUNT in minor units of the currency, or RATE in percent."""

    type: DiscountType
    value: int
    maximum_amount: int | None

    @classmethod
    def of(cls, discount: Discount) -> Self:
        return cls(type=discount.type, value=discount.value, maximum_amount=discount.maximum_amount)


class CouponReply(JsonModel):
    """A coupon with its stock."""

    coupon_id: int
    name: str
    total_quantity: int
    issued_quantity: int
    remaining_quantity: int
    status: CouponStatus
    starts_at: Time
    ends_at: Time
    discount: DiscountReply
    limit_per_user: int
    minimum_order_amount: int
    valid_for_hours: int | None
    paused_at: Time | None
    ended_at: Time | None
    created_at: Time

    @classmethod
    def of(cls, coupon: Coupon, now: datetime) -> Self:
        terms = coupon.terms
        return cls(
            coupon_id=coupon.coupon_id,
            name=terms.name,
            total_quantity=terms.total_quantity,
            issued_quantity=coupon.issued_quantity,
            remaining_quantity=coupon.remaining_quantity,
            status=coupon.status_at(now),
            starts_at=terms.period.starts_at,
            ends_at=terms.period.ends_at,
            discount=DiscountReply.of(terms.discount),
            limit_per_user=terms.limit_per_user,
            minimum_order_amount=terms.minimum_order_amount,
            valid_for_hours=terms.valid_for_hours,
            paused_at=coupon.paused_at,
            ended_at=coupon.ended_at,
            created_at=coupon.created_at,
        )


class CouponsReply(JsonModel):
    """One page; ``next_before`` asks for the next one and is null on the last."""

    coupons: list[CouponReply]
    next_before: int | None

    @classmethod
    def of(cls, page: CouponsPage) -> Self:
        coupons = [CouponReply.of(coupon, page.read_at) for coupon in page.coupons]
        return cls(coupons=coupons, next_before=page.next_before)


class CouponChangeReply(JsonModel):
    """What an operator did to a coupon, and why; ``quantity`` is the stock added."""

    change_id: int
    kind: CouponChangeKind
    quantity: int | None
    by: str
    reason: str
    changed_at: Time

    @classmethod
    def of(cls, change: CouponChange) -> Self:
        command = change.command
        return cls(
            change_id=change.change_id,
            kind=command.kind,
            quantity=command.quantity,
            by=command.actor,
            reason=command.reason,
            changed_at=change.changed_at,
        )


class CouponChangesReply(JsonModel):
    """One page; ``next_before`` asks for the next one and is null on the last."""

    coupon_id: int
    changes: list[CouponChangeReply]
    next_before: int | None

    @classmethod
    def of(cls, coupon_id: int, page: CouponChangesPage) -> Self:
        changes = [CouponChangeReply.of(change) for change in page.changes]
        return cls(coupon_id=coupon_id, changes=changes, next_before=page.next_before)


class AcceptedReply(JsonModel):
    """The request is stored and will be decided."""

    request_id: UUID
    status: Literal[RequestStatus.ACCEPTED] = RequestStatus.ACCEPTED
    message: str = "요청 접수됨"


class CouponRequestReply(JsonModel):
    """A request for a coupon, decided or not.

    While it is undecided: ``place`` (1 is next) if it is known, and when to ask again.
    """

    request_id: UUID
    coupon_id: int
    user_id: int
    status: RequestStatus
    reason: RejectionReason | None
    decision_number: int | None
    issue_number: int | None
    requested_at: Time
    decided_at: Time | None
    place: int | None
    next_poll_seconds: float | None

    @classmethod
    def of(
        cls, view: CouponRequestView, place: int | None = None, next_poll_seconds: float | None = None
    ) -> Self:
        return cls(
            request_id=view.request.request_id,
            coupon_id=view.request.coupon_id,
            user_id=view.request.user_id,
            status=view.status,
            reason=view.reason,
            decision_number=view.decision_number,
            issue_number=view.issue_number,
            requested_at=view.request.requested_at,
            decided_at=view.decided_at,
            place=place,
            next_poll_seconds=None if next_poll_seconds is None else round(next_poll_seconds, 2),
        )


class ReservationReply(JsonModel):
    """The order that holds the coupon until ``reserved_until``, or has used it; amounts in minor units."""

    order_id: UUID
    order_amount: int
    discount_amount: int
    reserved_until: Time

    @classmethod
    def of(cls, reservation: Reservation) -> Self:
        return cls(
            order_id=reservation.order_id,
            order_amount=reservation.order_amount,
            discount_amount=reservation.discount_amount,
            reserved_until=reservation.reserved_until,
        )


class UserCouponReply(JsonModel):
    """A coupon that a user holds."""

    user_coupon_id: int
    coupon_id: int
    user_id: int
    name: str
    discount: DiscountReply
    minimum_order_amount: int
    request_id: UUID
    issue_number: int
    issued_at: Time
    expires_at: Time | None
    status: UserCouponStatus
    reservation: ReservationReply | None

    @classmethod
    def of(cls, user_coupon: UserCoupon) -> Self:
        state = user_coupon.state
        return cls(
            user_coupon_id=user_coupon.user_coupon_id,
            coupon_id=user_coupon.coupon_id,
            user_id=user_coupon.user_id,
            name=user_coupon.name,
            discount=DiscountReply.of(user_coupon.discount),
            minimum_order_amount=user_coupon.minimum_order_amount,
            request_id=user_coupon.request_id,
            issue_number=user_coupon.issue_number,
            issued_at=user_coupon.issued_at,
            expires_at=state.expires_at,
            status=state.status,
            reservation=None if state.reservation is None else ReservationReply.of(state.reservation),
        )


class UserCouponsReply(JsonModel):
    """One page; ``next_before`` asks for the next one and is null on the last."""

    user_id: int
    coupons: list[UserCouponReply]
    next_before: int | None

    @classmethod
    def of(cls, user_id: int, page: UserCouponsPage) -> Self:
        return cls(
            user_id=user_id,
            coupons=[UserCouponReply.of(user_coupon) for user_coupon in page.user_coupons],
            next_before=page.next_before,
        )


class UserCouponChangeReply(JsonModel):
    """What happened to a user's coupon; ``by`` is an order, the user, an operator, or time itself."""

    change_number: int
    kind: UserCouponChangeKind
    order_id: UUID | None
    by: str
    reason: str | None
    changed_at: Time

    @classmethod
    def of(cls, number: int, change: UserCouponChange) -> Self:
        return cls(
            change_number=number,
            kind=change.kind,
            order_id=change.order_id,
            by=change.actor,
            reason=change.reason,
            changed_at=change.changed_at,
        )


class UserCouponChangesReply(JsonModel):
    """One page; ``next_before`` asks for the next one and is null on the last."""

    user_coupon_id: int
    changes: list[UserCouponChangeReply]
    next_before: int | None

    @classmethod
    def of(cls, user_coupon_id: int, page: UserCouponChangesPage) -> Self:
        changes = [UserCouponChangeReply.of(number, change) for number, change in page.changes]
        return cls(user_coupon_id=user_coupon_id, changes=changes, next_before=page.next_before)


class CouponNotAvailableReply(ProblemReply):
    """The coupon can't be requested now. ``opensAt`` comes with NOT_OPEN_YET."""

    reason: Literal["NOT_OPEN_YET", "PAUSED", "SOLD_OUT", "ENDED"]
    opensAt: Time | None = None  # noqa: N815 - the field's name in JSON
