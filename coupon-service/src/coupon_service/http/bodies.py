"""What clients send."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from coupon_service.application.create_coupon import CreateCouponCommand
from coupon_service.domain.coupon import (
    MAX_LIMIT_PER_USER,
    MAX_NAME_LENGTH,
    MAX_TOTAL_QUANTITY,
    MAX_VALID_FOR_HOURS,
    CouponTerms,
)
from coupon_service.domain.coupon_change import CouponChangeKind, CouponCommand
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.period import Period
from coupon_service.domain.user_coupon_command import Confirm, GiveBack, Release, Reserve, Revoke
from servicekit.fields import (
    MAX_INT64,
    Operator,
    PathInt64,
    PositiveInt64,
    Reason,
    RequestModel,
    Storable,
    Time,
)
from servicekit.http.models import BodyModel, PathModel, QueryModel
from servicekit.idempotency.key import IdempotencyKey

LONGEST_WAIT_SECONDS = 30
LARGEST_PAGE = 100
# Two years: longer than order-service can be configured to wait for a payment.
LONGEST_HOLD_SECONDS = 63_072_000


class CouponPath(PathModel):
    """A coupon in a path."""

    coupon_id: PathInt64


class UserPath(PathModel):
    """A user in a path."""

    user_id: PathInt64


class UserAndCouponPath(PathModel):
    """A user and the coupon that the user wants, in a path."""

    user_id: PathInt64
    coupon_id: PathInt64


class UserCouponPath(PathModel):
    """A user's coupon in a path."""

    user_coupon_id: PathInt64


class CouponRequestPath(PathModel):
    """A request for a coupon, in a path."""

    request_id: UUID


class CouponRequestQuery(QueryModel):
    """How long to wait for a decision."""

    wait: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_SECONDS, description="Hold the reply until decided: seconds."),
    ] = 0


class PageQuery(QueryModel):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    before: Annotated[PathInt64 | None, Field(description="`nextBefore` of the previous page.")] = None


class DiscountPart(RequestModel):
    """AMOUNT in minor units of the currency, or RATE in percent."""

    type: DiscountType
    value: PositiveInt64
    maximum_amount: Annotated[
        PositiveInt64 | None, Field(description="RATE only: the most that an order gets off, in minor units.")
    ] = None


class CouponBody(BodyModel):
    """A coupon to create."""

    name: Annotated[
        str,
        StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=MAX_NAME_LENGTH),
        Storable,
    ]
    total_quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_TOTAL_QUANTITY)]
    starts_at: Time
    ends_at: Time
    discount: DiscountPart
    limit_per_user: Annotated[
        int,
        Field(strict=True, ge=1, le=MAX_LIMIT_PER_USER, description="How many a user can get, in all."),
    ] = 1
    minimum_order_amount: Annotated[
        int,
        Field(strict=True, ge=0, le=MAX_INT64, description="Orders below it can't use the coupon."),
    ] = 0
    valid_for_hours: Annotated[
        Annotated[int, Field(strict=True, ge=1, le=MAX_VALID_FOR_HOURS)] | None,
        Field(description="From its issue; null: an issued coupon never expires."),
    ] = None

    def command(self, key: IdempotencyKey | None) -> CreateCouponCommand:
        """The use case's command. Raises InvalidCoupon where valid fields contradict each other."""
        terms = CouponTerms(
            name=self.name,
            total_quantity=self.total_quantity,
            period=Period(self.starts_at, self.ends_at),
            discount=Discount(self.discount.type, self.discount.value, self.discount.maximum_amount),
            limit_per_user=self.limit_per_user,
            minimum_order_amount=self.minimum_order_amount,
            valid_for_hours=self.valid_for_hours,
        )
        return CreateCouponCommand(terms, key)


class EmptyBody(BodyModel):
    """No body, or ``{}``."""

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class OperatorBody(BodyModel):
    """Which operator does it, and why."""

    by: Operator
    reason: Reason

    def coupon_command(self, kind: CouponChangeKind) -> CouponCommand:
        return CouponCommand(kind, self.by, self.reason)

    def revocation(self) -> Revoke:
        return Revoke(self.by, self.reason)


class StockBody(BodyModel):
    """Stock to add, by an operator."""

    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_TOTAL_QUANTITY)]
    by: Operator
    reason: Reason

    def coupon_command(self) -> CouponCommand:
        return CouponCommand(CouponChangeKind.STOCK_ADDED, self.by, self.reason, self.quantity)


class ReservationBody(BodyModel):
    """An order of the coupon's user that wants to use it."""

    order_id: UUID
    user_id: PositiveInt64
    order_amount: Annotated[PositiveInt64, Field(description="Before the discount, in minor units.")]
    hold_seconds: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=LONGEST_HOLD_SECONDS,
            description="The reservation ends by itself after so long, unless it is confirmed.",
        ),
    ] = 600

    def command(self) -> Reserve:
        return Reserve(self.order_id, self.user_id, self.order_amount, timedelta(seconds=self.hold_seconds))


class ConfirmationBody(BodyModel):
    """The order that has reserved the coupon."""

    order_id: UUID

    def command(self) -> Confirm:
        return Confirm(self.order_id)


class ReleaseBody(BodyModel):
    """The order that has reserved the coupon, and why it does not use it."""

    order_id: UUID
    reason: Reason | None = None

    def command(self) -> Release:
        return Release(self.order_id, self.reason)


class GiveBackBody(BodyModel):
    """The user that gives the coupon back, and why."""

    user_id: PositiveInt64
    reason: Reason | None = None

    def command(self) -> GiveBack:
        return GiveBack(self.user_id, self.reason)
