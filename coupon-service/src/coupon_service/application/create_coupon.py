"""Creating a coupon."""

from dataclasses import dataclass
from datetime import datetime

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon import Coupon, CouponTerms
from servicekit.idempotency.key import Answer, IdempotencyKey


@dataclass(frozen=True, slots=True)
class CreateCouponCommand:
    """The coupon that the client wants to offer."""

    terms: CouponTerms
    idempotency_key: IdempotencyKey | None = None


class CreateCoupon:
    """Stores a coupon; once for each idempotency key."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: CreateCouponCommand) -> Answer[Coupon]:
        """The coupon as created: now, or by an earlier request with the same key."""
        with self._unit_of_work() as unit_of_work:
            # Before the claim, whose reply names the number that the database hands out here.
            coupon = unit_of_work.coupons.add(command.terms)
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key,
                    {"couponId": coupon.coupon_id, "createdAt": coupon.created_at.isoformat()},
                )
                if earlier is not None:
                    # Not committed: the coupon just added is rolled back, and its number stays unused.
                    created_at = datetime.fromisoformat(earlier["createdAt"])
                    return Answer(Coupon(earlier["couponId"], command.terms, 0, created_at), is_replay=True)
            unit_of_work.commit()
        return Answer(coupon)
