"""What the rules refuse."""

from uuid import UUID


class CouponError(Exception):
    """A rule of coupons was broken."""


class InvalidCampaign(CouponError):
    """A campaign's values contradict each other or leave their ranges. ``field`` names the one to blame."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class CouponNotFound(CouponError):
    """There is no such coupon."""

    def __init__(self, coupon_id: int) -> None:
        self.coupon_id = coupon_id
        super().__init__(f"There is no coupon {coupon_id}.")


class CouponRequestNotFound(CouponError):
    """There is no such request for a coupon."""

    def __init__(self, request_id: UUID) -> None:
        self.request_id = request_id
        super().__init__(f"There is no coupon request {request_id}.")
