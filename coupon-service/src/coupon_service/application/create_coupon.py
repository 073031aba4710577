"""Opening a campaign."""

from dataclasses import dataclass
from datetime import datetime

from coupon_service.application.idempotency import Idempotency
from coupon_service.application.ports import Database, Transaction
from coupon_service.domain.coupon import Coupon, NewCoupon
from servicekit.clock import Clock


@dataclass(frozen=True, slots=True)
class CreateCouponCommand:
    coupon: NewCoupon
    idempotency: Idempotency | None = None


class CreateCoupon:
    """Stores a campaign, once for each idempotency key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handle(self, command: CreateCouponCommand) -> Coupon:
        """The campaign as it was when it was created, the first time or just now."""
        with self._database.begin() as transaction:
            if command.idempotency is None:
                coupon = self._create(transaction, command.coupon)
            else:
                coupon = self._create_once(transaction, command.coupon, command.idempotency)
            transaction.commit()
        return coupon

    def _create_once(self, transaction: Transaction, new: NewCoupon, idempotency: Idempotency) -> Coupon:
        earlier = transaction.idempotency_keys.begin(idempotency.key, idempotency.fingerprint)
        if earlier is not None:
            return _created(new, earlier["couponId"], datetime.fromisoformat(earlier["createdAt"]))
        coupon = self._create(transaction, new)
        transaction.idempotency_keys.finish(
            idempotency.key, {"couponId": coupon.coupon_id, "createdAt": coupon.created_at.isoformat()}
        )
        return coupon

    def _create(self, transaction: Transaction, new: NewCoupon) -> Coupon:
        created_at = self._clock.now()
        return _created(new, transaction.coupons.add(new, created_at), created_at)


def _created(new: NewCoupon, coupon_id: int, created_at: datetime) -> Coupon:
    return Coupon(
        coupon_id=coupon_id,
        name=new.name,
        total_quantity=new.total_quantity,
        issued_quantity=0,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        discount=new.discount,
        created_at=created_at,
    )
