"""Faults in orders with coupons, and in coupon-service, that the matrix has to find."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coupon_service.application.restore_coupons import RestoreCoupons, RestoredCoupons
from coupon_service.application.use_for_paid_order import UseForPaidOrder
from coupon_service.messaging.incoming_order_cancelled import OrderCancelled
from order_service.coupons.http_coupons import HttpCoupons
from order_service.domain.coupon_outcome import CouponReleased, CouponUnclear
from order_service.persistence.coupon_releases import SqlCouponReleases
from servicekit.inbox.inbox import Inbox
from tests.chaos.payments import use_cases
from tests.chaos.payments.planting import Planted, after

_EVENTS_OF_ANOTHER = "coupon lapses, unanswered, another order"


def _believed(answer: Any) -> Any:
    return CouponReleased() if isinstance(answer, CouponUnclear) else answer


WITH_COUPONS: Mapping[str, Planted] = {
    "expires-an-order-without-its-coupon": Planted("coupon, declined", None, {
        (SqlCouponReleases, "add_expired"): lambda *its: None,
    }),
    "reserves-before-it-stores": Planted("coupon", "place 2: after POST reserve", {
        (SqlCouponReleases, "add"): lambda *its: None,
        (SqlCouponReleases, "withdraw"): lambda *its: True,
    }),
    "takes-no-answer-for-a-release": Planted("coupon, declined", "coupons/release 1: before POST", {
        (HttpCoupons, "release"): lambda release, *its: _believed(release(*its)),
    }),
    "leaves-the-coupon-out-of-the-event": Planted("coupon", None, {
        (use_cases, "order_completed"): lambda make, order, payment: make(
            replace(order, coupon=None), payment),
    }),
    "hides-that-a-coupon-is-used-twice": Planted(_EVENTS_OF_ANOTHER, None, {
        (UseForPaidOrder, "__call__"): lambda *its: (None, False),
    }),
    "remembers-an-event-before-it-is-applied": Planted(
        "coupon", "coupons/order-completed 2: before SELECT user_coupon_change", {
        (Inbox, "accept"): lambda accept, inbox, ids: after(accept(inbox, ids), inbox._connection.commit),  # noqa: SLF001
    }),
    "never-gives-a-coupon-back": Planted("coupon, cancelled", None, {
        (RestoreCoupons, "__call__"): lambda *its: RestoredCoupons(0, {}),
    }),
    "gives-a-coupon-back-for-a-piece": Planted("coupon, cancelled in part", None, {
        (OrderCancelled, "to_domain"): lambda to_domain, event: to_domain(
            event.model_copy(update={"is_whole": True})),
    }),
}  # fmt: skip
