"""What the coupon service answers, as far as it is read."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Reply(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, strict=True)


class Reservation(_Reply):
    """What the order that holds the coupon gets off."""

    order_id: UUID
    order_amount: int
    discount_amount: int


class UserCoupon(_Reply):
    """A coupon that a user holds."""

    user_coupon_id: int
    user_id: int
    status: str
    reservation: Reservation | None


class Refusal(_Reply):
    """A problem; ``current_status`` is the coupon's."""

    type: str
    current_status: str | None = None
