"""Paid orders use coupons that another order had reserved, and did not use."""

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.application.use_for_paid_order import UseForPaidOrder
from coupon_service.domain.coupon_order import Settlement

_MOST_ORDERS = 200
"""A transaction holds the user coupons that it changes, and clients that change them wait."""
_SETTLED_BY, _SETTLED_REASON = "coupon-service", "the other order did not use it"


class UseFreedCoupons:
    """Tries again for orders that were paid while another order held their coupon, once that one does not.

    The difference is settled where the order has its coupon then. Where something else keeps it from that, or
    still differs, it stays open and has that reason.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self) -> int:
        """How many coupons became used now."""
        used = 0
        with self._unit_of_work() as unit_of_work:
            orders = unit_of_work.order_differences.lock_freed(_MOST_ORDERS)
            # By user coupon, so that no two workers deadlock; of one coupon the first difference comes first.
            for order in sorted(orders, key=lambda order: order.user_coupon_id):
                reason, is_change = UseForPaidOrder(unit_of_work)(order)
                used += is_change
                if reason is None:
                    settlement = Settlement(unit_of_work.now(), _SETTLED_BY, _SETTLED_REASON)
                    unit_of_work.order_differences.settle([order.order_id], settlement)
                else:
                    unit_of_work.order_differences.change_reason(order.order_id, reason)
            unit_of_work.commit()
        return used
