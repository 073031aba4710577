"""What clients send."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from coupon_service.domain.coupon import MAX_NAME_LENGTH, MAX_TOTAL_QUANTITY, NewCoupon
from coupon_service.domain.discount import Discount, DiscountType
from servicekit.fields import JsonModel, PathInt64, PositiveInt64, RequestModel, Storable, Time

LONGEST_WAIT_SECONDS = 30
LARGEST_PAGE = 100


class DiscountBody(RequestModel):
    type: DiscountType
    value: PositiveInt64


class CouponBody(RequestModel):
    """A campaign to create."""

    name: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=MAX_NAME_LENGTH), Storable]
    total_quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_TOTAL_QUANTITY)]
    starts_at: Time
    ends_at: Time
    discount: DiscountBody

    def to_domain(self) -> NewCoupon:
        """Raises InvalidCampaign where values that are sound alone contradict each other."""
        return NewCoupon(
            name=self.name,
            total_quantity=self.total_quantity,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            discount=Discount(self.discount.type, self.discount.value),
        )


class IssueBody(RequestModel):
    """Nothing, spelled as no body or as ``{}``."""

    @model_validator(mode="before")
    @classmethod
    def _absent_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class CouponPath(JsonModel):
    coupon_id: PathInt64


class IssuePath(JsonModel):
    user_id: PathInt64
    coupon_id: PathInt64


class UserPath(JsonModel):
    user_id: PathInt64


class CouponRequestPath(JsonModel):
    request_id: UUID


class CouponRequestQuery(JsonModel):
    wait: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_SECONDS, description="Hold the reply until decided: seconds."),
    ] = 0


class UserCouponsQuery(JsonModel):
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    before: Annotated[PathInt64 | None, Field(description="`nextBefore` of the previous page.")] = None
