"""What clients send."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from coupon_service.application.create_coupon import CreateCouponCommand
from coupon_service.domain.coupon import MAX_NAME_LENGTH, MAX_TOTAL_QUANTITY, CouponTerms
from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.period import Period
from servicekit.fields import PathInt64, PositiveInt64, RequestModel, Storable, Time
from servicekit.http.models import BodyModel, PathModel, QueryModel
from servicekit.idempotency.key import IdempotencyKey

LONGEST_WAIT_SECONDS = 30
LARGEST_PAGE = 100


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


class CouponRequestPath(PathModel):
    """A request for a coupon, in a path."""

    request_id: UUID


class CouponRequestQuery(QueryModel):
    """How long to wait for a decision."""

    wait: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_SECONDS, description="Hold the reply until decided: seconds."),
    ] = 0


class UserCouponsQuery(QueryModel):
    """Which page of a user's coupons."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    before: Annotated[PathInt64 | None, Field(description="`nextBefore` of the previous page.")] = None


class DiscountPart(RequestModel):
    """AMOUNT in minor units of the currency, or RATE in percent."""

    type: DiscountType
    value: PositiveInt64


class CouponBody(BodyModel):
    """A coupon to create."""

    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NAME_LENGTH), Storable]
    total_quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_TOTAL_QUANTITY)]
    starts_at: Time
    ends_at: Time
    discount: DiscountPart

    def command(self, key: IdempotencyKey | None) -> CreateCouponCommand:
        """The use case's command. Raises InvalidCoupon where valid fields contradict each other."""
        terms = CouponTerms(
            name=self.name,
            total_quantity=self.total_quantity,
            period=Period(self.starts_at, self.ends_at),
            discount=Discount(self.discount.type, self.discount.value),
        )
        return CreateCouponCommand(terms, key)


class EmptyBody(BodyModel):
    """No body, or ``{}``."""

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value
