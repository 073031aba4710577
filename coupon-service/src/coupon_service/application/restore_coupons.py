"""Cancelled orders give back the coupons that they used."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from coupon_service.application.apply_to_user_coupon import ApplyToUserCoupon
from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_order import CancelledOrder, Settlement
from coupon_service.domain.errors import UserCouponNotFound
from coupon_service.domain.user_coupon_command import Restore

_SETTLED_BY, _SETTLED_REASON = "coupon-service", "the order was cancelled as a whole"


@dataclass(frozen=True, slots=True)
class RestoredCoupons:
    """What became of the events, like :class:`coupon_service.application.use_coupons.UsedCoupons`."""

    restored: int
    refused: Mapping[int, str]


class RestoreCoupons:
    """Applies any number of events in one transaction: of an order no piece is left, so its coupon is free.

    The order is remembered, because its payment may be read later than its cancellation. Its difference, if
    it had one, is settled: nothing of the discount is left.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, arrived: Sequence[CancelledOrder]) -> RestoredCoupons:
        """Restore and commit. Events that were applied before change nothing."""
        restored = 0
        with self._unit_of_work() as unit_of_work:
            first = {order.order_id: order for order in reversed(arrived)}
            known = unit_of_work.coupon_orders.cancel(list(first.values()))
            refused = {
                place: f"the order {order.order_id} had another user or coupon before"
                for place, order in enumerate(arrived)
                if order.order_id not in known or not _is_same(order, first[order.order_id])
            }
            consistent = [order for place, order in enumerate(arrived) if place not in refused]
            fresh = unit_of_work.inbox.accept(order.event_id for order in consistent)
            new = [order for order in consistent if order.event_id in fresh]
            # By user coupon, so that no two consumers deadlock.
            for order in sorted(new, key=lambda order: order.user_coupon_id):
                # An unknown coupon was never used.
                with suppress(UserCouponNotFound):
                    restore = Restore(order.order_id)
                    restored += ApplyToUserCoupon(unit_of_work)(order.user_coupon_id, restore).is_change
            settlement = Settlement(unit_of_work.now(), _SETTLED_BY, _SETTLED_REASON)
            unit_of_work.order_differences.settle([order.order_id for order in new], settlement)
            unit_of_work.commit()
        return RestoredCoupons(restored, refused)


def _is_same(one: CancelledOrder, other: CancelledOrder) -> bool:
    return (one.user_id, one.user_coupon_id) == (other.user_id, other.user_coupon_id)
