"""A coupon that users can request: so many, in a period, unless an operator pauses or ends it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from coupon_service.domain.discount import MAX_AMOUNT, Discount
from coupon_service.domain.errors import CouponTransitionRefused, InvalidCoupon
from coupon_service.domain.period import Period

MAX_NAME_LENGTH = 100
MAX_TOTAL_QUANTITY = 10_000_000
MAX_LIMIT_PER_USER = 100
MAX_VALID_FOR_HOURS = 87_600


class CouponStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SOLD_OUT = "SOLD_OUT"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What a client sets when it creates a coupon. Raises :class:`InvalidCoupon`.

    ``limit_per_user`` is how many a user can get, given back or not. ``valid_for_hours`` counts from the
    issue; None means that an issued coupon never expires.
    """

    name: str
    total_quantity: int
    period: Period
    discount: Discount
    limit_per_user: int = 1
    minimum_order_amount: int = 0
    valid_for_hours: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME_LENGTH:
            raise InvalidCoupon("name", f"must have 1 to {MAX_NAME_LENGTH} characters")
        _check_range("totalQuantity", self.total_quantity, 1, MAX_TOTAL_QUANTITY)
        _check_range("limitPerUser", self.limit_per_user, 1, MAX_LIMIT_PER_USER)
        _check_range("minimumOrderAmount", self.minimum_order_amount, 0, MAX_AMOUNT)
        if self.valid_for_hours is not None:
            _check_range("validForHours", self.valid_for_hours, 1, MAX_VALID_FOR_HOURS)


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as it stands now.

    ``paused_at`` is set while a pause lasts, ``resumed_at`` once one has ended, and ``ended_at`` when an
    operator ended the coupon. Each of the methods that change it returns the coupon after the change, which
    is the same where that has happened already, and raises :class:`CouponTransitionRefused` where the status
    does not allow it.
    """

    coupon_id: int
    terms: CouponTerms
    issued_quantity: int
    created_at: datetime
    paused_at: datetime | None = None
    resumed_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def remaining_quantity(self) -> int:
        return self.terms.total_quantity - self.issued_quantity

    def status_at(self, moment: datetime) -> CouponStatus:
        """Its end goes before a pause, a pause before its start, and time before stock."""
        if self.ended_at is not None or self.terms.period.has_ended(moment):
            return CouponStatus.ENDED
        if self.paused_at is not None:
            return CouponStatus.PAUSED
        if not self.terms.period.has_started(moment):
            return CouponStatus.SCHEDULED
        return CouponStatus.ACTIVE if self.remaining_quantity else CouponStatus.SOLD_OUT

    def with_stock_added(self, quantity: int, moment: datetime) -> "Coupon":
        """Also raises :class:`InvalidCoupon` where the total would become too large."""
        self._check_not_ended(moment, "get more stock")
        total = self.terms.total_quantity + quantity
        if quantity < 1 or total > MAX_TOTAL_QUANTITY:
            rule = f"must be at least 1 and leave totalQuantity at most {MAX_TOTAL_QUANTITY}"
            raise InvalidCoupon("quantity", rule)
        return replace(self, terms=replace(self.terms, total_quantity=total))

    def paused(self, moment: datetime) -> "Coupon":
        self._check_not_ended(moment, "be paused")
        return self if self.paused_at is not None else replace(self, paused_at=moment)

    def resumed(self, moment: datetime) -> "Coupon":
        self._check_not_ended(moment, "be resumed")
        if self.paused_at is None:
            if self.resumed_at is None:
                raise self._refusal(moment, "be resumed")
            return self
        # A clock that was set back must not end the pause before it began.
        return replace(self, paused_at=None, resumed_at=max(moment, self.paused_at))

    def ended(self, moment: datetime) -> "Coupon":
        if self.ended_at is not None:
            return self
        self._check_not_ended(moment, "be ended")
        return replace(self, ended_at=moment)

    def _check_not_ended(self, moment: datetime, verb: str) -> None:
        if self.status_at(moment) is CouponStatus.ENDED:
            raise self._refusal(moment, verb)

    def _refusal(self, moment: datetime, verb: str) -> CouponTransitionRefused:
        status = self.status_at(moment)
        return CouponTransitionRefused(f"A coupon that is {status} cannot {verb}.", status)


def _check_range(field: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise InvalidCoupon(field, f"must be from {lowest} to {highest}")
