"""First come, first served: deciding requests for one coupon in their order."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from coupon_service.domain.coupon_request import CouponRequest, Decision, RejectionReason
from coupon_service.domain.period import Period


@dataclass(frozen=True, slots=True)
class CouponStock:
    """How much of a coupon is issued, and how many requests for it are decided, rejections counted."""

    coupon_id: int
    period: Period
    total_quantity: int
    issued_quantity: int
    decided_count: int


def decide(
    stock: CouponStock, holders: AbstractSet[int], requests_in_order: Sequence[CouponRequest]
) -> list[Decision]:
    """Decide all of ``requests_in_order``, with the result of deciding them one at a time.

    ``holders`` are the users that hold this coupon already; only those in the requests matter.
    The checks are made in this order, and the first that applies is the reason: NOT_STARTED, ENDED (both by
    the time at which the request was accepted, however long it waited since), DUPLICATE, SOLD_OUT. So a
    holder that asks again after the last coupon gets DUPLICATE.
    """
    taken = set(holders)
    issued = stock.issued_quantity
    decisions: list[Decision] = []
    # A rejected request takes a number too, so that a gap always means a lost decision.
    for number, request in enumerate(requests_in_order, start=stock.decided_count + 1):
        reason = _reason_by_time(stock.period, request)
        if reason is None and request.user_id in taken:
            reason = RejectionReason.DUPLICATE
        if reason is None and issued >= stock.total_quantity:
            reason = RejectionReason.SOLD_OUT
        if reason is None:
            issued += 1
            # The user's next request in this batch is a duplicate already.
            taken.add(request.user_id)
            decisions.append(Decision(request, number, issue_number=issued))
        else:
            decisions.append(Decision(request, number, reason=reason))
    return decisions


def reject_unknown(requests: Iterable[CouponRequest]) -> list[Decision]:
    """Decide requests for coupons that don't exist: rejected, and without a place in any order."""
    return [
        Decision(request, decision_number=None, reason=RejectionReason.UNKNOWN_COUPON) for request in requests
    ]


def _reason_by_time(period: Period, request: CouponRequest) -> RejectionReason | None:
    if not period.has_started(request.requested_at):
        return RejectionReason.NOT_STARTED
    if period.has_ended(request.requested_at):
        return RejectionReason.ENDED
    return None
