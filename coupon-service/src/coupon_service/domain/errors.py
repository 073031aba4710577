"""What the rules of coupons refuse. A class's docstring is its default message."""


class CouponError(Exception):
    """The coupon service refused."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class InvalidCoupon(CouponError):
    """The coupon's terms are out of range, or contradict each other."""

    def __init__(self, field: str, rule: str) -> None:
        """``field`` is the term at fault, as clients call it; ``rule`` is what it must be."""
        self.field = field
        super().__init__(f"{field} {rule}")


class CouponNotFound(CouponError):
    """There is no such coupon."""


class CouponRequestNotFound(CouponError):
    """There is no such coupon request."""
