"""Where the coupon service is, and for how long its coupons are held."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_extra_types.currency_code import Currency
from pydantic_settings import BaseSettings

from servicekit.config import HttpUrlText

# For storing the expiry and asking for the release, whose worker may have been away for a while.
_HELD_BEYOND_EXPIRY = timedelta(hours=1)


class CouponSettings(BaseSettings):
    """The API and the worker need the same. Without a URL no order has a coupon."""

    coupon_service_url: HttpUrlText | None = None
    # The coupon service knows amounts in minor units without their currency.
    coupon_currency: Currency = Currency("KRW")
    # An order with an unsettled payment waits for it, also for a deposit of several days.
    order_expiry_minutes: Annotated[int, Field(ge=1, le=1_000_000)] = 1_440

    @property
    def coupon_hold(self) -> timedelta:
        """Longer than an order waits for its payment."""
        return timedelta(minutes=self.order_expiry_minutes) + _HELD_BEYOND_EXPIRY
