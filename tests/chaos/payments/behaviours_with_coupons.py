"""What the gateway, the buyer and the client may do while an order has a user's coupon."""

from collections.abc import Mapping
from typing import Any

from tests.chaos.payments.behaviour import LOST, UNANSWERED, Behaviour, one

_IS_LATE = {"holds_coupon_seconds": 30}
_UNPAID = one("decline", "before")


def _with_coupon(controls: Mapping[str, Any] | None = None, **more: Any) -> Behaviour:
    # Unpaid orders expire, and release their coupons: what stays reserved then, does so for ever.
    return Behaviour(controls or {}, has_coupon=True, expires=True, **more)


_BEHAVIOURS: Mapping[str, Behaviour] = {
    "coupon": _with_coupon(),
    "coupon, unanswered": _with_coupon(UNANSWERED),
    "coupon, lost": _with_coupon(LOST),
    "coupon, declined": _with_coupon(_UNPAID),
    "coupon, places again": _with_coupon(places_again=True),
    "coupon, places again, declined": _with_coupon(_UNPAID, places_again=True),
    "coupon, paid too late": _with_coupon(pays_after_seconds=75),
    "coupon, deposited": _with_coupon(purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True),
    "coupon, sold out": _with_coupon(UNANSWERED, sells_out=True),
    "coupon lapses, unanswered": _with_coupon(UNANSWERED, **_IS_LATE),
    "coupon lapses, unanswered, another order": _with_coupon(UNANSWERED, another_order=True, **_IS_LATE),
    "coupon lapses, declined, another order": _with_coupon(_UNPAID, another_order=True, **_IS_LATE),
    "coupon, cancelled": _with_coupon(cancels=[None]),
    "coupon, cancelled unanswered": _with_coupon(cancels=[None], cancel_controls=one("cut", call="cancel")),
    "coupon, cancelled in part": _with_coupon(cancels=[{1: 1}]),
    "coupon, cancelled in part and whole": _with_coupon(cancels=[{1: 1}, None]),
}


def coupons_at(gateway: str) -> Mapping[str, Behaviour]:
    """Every second one at each of two gateways: coupon-service doesn't meet them."""
    return dict(list(_BEHAVIOURS.items())[["toss", "portone"].index(gateway) :: 2])
