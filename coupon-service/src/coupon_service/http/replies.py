"""What clients receive."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from coupon_service.application.read_user_coupons import UserCouponsPage
from coupon_service.domain.coupon import Coupon, CouponStatus
from coupon_service.domain.coupon_request import CouponRequestView, RejectionReason, RequestStatus
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.user_coupon import UserCoupon
from servicekit.fields import JsonModel, Time
from servicekit.http.problems import ProblemReply, documented_as


class DiscountReply(JsonModel):
    """AMOUNT in minor units of the currency, or RATE in percent."""

    type: DiscountType
    value: int

    @classmethod
    def of(cls, discount: Discount) -> Self:
        return cls(type=discount.type, value=discount.value)


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
            created_at=coupon.created_at,
        )


class AcceptedReply(JsonModel):
    """The request is stored and will be decided."""

    request_id: UUID
    status: Literal[RequestStatus.ACCEPTED] = RequestStatus.ACCEPTED
    message: str = "요청 접수됨"


class CouponRequestReply(JsonModel):
    """A request for a coupon, decided or not."""

    request_id: UUID
    coupon_id: int
    user_id: int
    status: RequestStatus
    reason: RejectionReason | None
    decision_number: int | None
    issue_number: int | None
    requested_at: Time
    decided_at: Time | None

    @classmethod
    def of(cls, view: CouponRequestView) -> Self:
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
        )


class UserCouponReply(JsonModel):
    """A coupon that a user holds."""

    user_coupon_id: int
    coupon_id: int
    name: str
    discount: DiscountReply
    request_id: UUID
    issue_number: int
    issued_at: Time

    @classmethod
    def of(cls, user_coupon: UserCoupon) -> Self:
        return cls(
            user_coupon_id=user_coupon.user_coupon_id,
            coupon_id=user_coupon.coupon_id,
            name=user_coupon.name,
            discount=DiscountReply.of(user_coupon.discount),
            request_id=user_coupon.request_id,
            issue_number=user_coupon.issue_number,
            issued_at=user_coupon.issued_at,
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


def _refused(coupon_id: int, slug: str, title: str, status: int, **members: object) -> dict[str, object]:
    return {
        "type": f"urn:problem:{slug}",
        "title": title,
        "status": status,
        "detail": "The coupon can't be requested now.",
        "instance": f"/api/v1/users/7/coupons/{coupon_id}/issue",
        "requestId": "01890a5d-ac96-774b-bcce-b302099a8057",
        **members,
    }


def _not_available(coupon_id: int, reason: str, **opening: str) -> dict[str, object]:
    return _refused(coupon_id, "coupon-not-available", "Conflict", 409, reason=reason, **opening)


class CouponNotFoundReply(ProblemReply):
    """There is no such coupon."""

    model_config = documented_as(
        unknown=_refused(
            999,
            "coupon-not-found",
            "Not Found",
            404,
            detail="There is no such coupon.",
            errors=[{"field": "path.couponId", "detail": "There is no such coupon."}],
        )
    )


class CouponNotAvailableReply(ProblemReply):
    """The coupon can't be requested now. ``opensAt`` comes with NOT_OPEN_YET."""

    model_config = documented_as(
        not_open_yet=_not_available(1, "NOT_OPEN_YET", opensAt="2100-01-01T00:00:00.000000Z"),
        ended=_not_available(2, "ENDED"),
        sold_out=_not_available(3, "SOLD_OUT"),
    )

    reason: Literal["NOT_OPEN_YET", "PAUSED", "SOLD_OUT", "ENDED"]
    opensAt: Time | None = None  # noqa: N815 - the field's name in JSON


class TryAgainReply(ProblemReply):
    """Overloaded, or without a database. ``Retry-After`` says in how many seconds to come back."""

    model_config = documented_as(
        no_database=_refused(
            4,
            "database-unavailable",
            "Service Unavailable",
            503,
            detail="The database can't be used just now. Send the request again, with its Idempotency-Key.",
        )
    )
