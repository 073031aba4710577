"""Paid orders use the coupons whose discounts they got."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.application.use_for_paid_order import UseForPaidOrder
from coupon_service.domain.coupon_order import DifferenceReason, PaidOrder


@dataclass(frozen=True, slots=True)
class UsedCoupons:
    """What became of the events. ``refused`` has the reasons, by place, of those that contradict others."""

    used: int
    differences: Sequence[tuple[PaidOrder, DifferenceReason]]
    refused: Mapping[int, str]


class UseCoupons:
    """Applies any number of events in one transaction: an order is paid, so its coupon is used.

    Only what another order, an operator or the user did keeps it from that, and becomes a difference for an
    operator: the order stays paid. An order that is known to be cancelled as a whole uses nothing.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, arrived: Sequence[PaidOrder]) -> UsedCoupons:
        """Use and commit. Events that were applied before change nothing."""
        used, differences = 0, []
        with self._unit_of_work() as unit_of_work:
            first = {order.order_id: order for order in reversed(arrived)}
            known = unit_of_work.coupon_orders.complete(list(first.values()))
            refused = {
                place: f"the order {order.order_id} had another user or coupon before"
                for place, order in enumerate(arrived)
                if order.order_id not in known or not _is_same(order, first[order.order_id])
            }
            consistent = [order for place, order in enumerate(arrived) if place not in refused]
            fresh = unit_of_work.inbox.accept(order.event_id for order in consistent)
            # By user coupon, so that no two consumers deadlock; of one coupon the first event comes first.
            for order in sorted(consistent, key=lambda order: order.user_coupon_id):
                if order.event_id not in fresh or known[order.order_id]:
                    continue
                reason, is_change = UseForPaidOrder(unit_of_work)(order)
                used += is_change
                if reason is not None and unit_of_work.order_differences.add(
                    order.order_id, reason, unit_of_work.now()
                ):
                    differences.append((order, reason))
            # Also without a use: the inbox has to remember the events and up to where the topic is read.
            unit_of_work.commit()
        return UsedCoupons(used, differences, refused)


def _is_same(one: PaidOrder, other: PaidOrder) -> bool:
    return (one.user_id, one.user_coupon_id) == (other.user_id, other.user_coupon_id)
