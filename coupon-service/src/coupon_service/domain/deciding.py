"""First come, first served: deciding the requests for a coupon in their order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from coupon_service.domain.coupon_request import CouponRequest, Decision, RejectionReason
from coupon_service.domain.period import Pause, Period


@dataclass(frozen=True, slots=True)
class CouponStock:
    """How much of a coupon is issued, and how many requests for it are decided, rejections counted.

    ``pauses`` are those that have ended and the one that lasts; ``ended_at`` is when an operator ended it.
    """

    coupon_id: int
    period: Period
    total_quantity: int
    issued_quantity: int
    decided_count: int
    limit_per_user: int = 1
    pauses: Sequence[Pause] = ()
    ended_at: datetime | None = None


def decide(
    stock: CouponStock, copies: Mapping[int, int], requests_in_order: Sequence[CouponRequest]
) -> list[Decision]:
    """Decide all of ``requests_in_order``, with the result of deciding them one at a time.

    ``copies`` are how many of this coupon each user has got already; only users in the requests matter.
    The checks are made in this order, and the first that applies is the reason: ENDED, NOT_STARTED, PAUSED
    (all by the time at which the request was accepted, however long it waited since), DUPLICATE (the user has
    got as many as the limit allows), SOLD_OUT. So a holder that asks again after the last coupon gets
    DUPLICATE.
    """
    got = dict(copies)
    issued = stock.issued_quantity
    decisions: list[Decision] = []
    # A rejected request takes a number too, so that a gap always means a lost decision.
    for number, request in enumerate(requests_in_order, start=stock.decided_count + 1):
        copy_number = got.get(request.user_id, 0) + 1
        reason = _reason_by_time(stock, request.requested_at)
        if reason is None and copy_number > stock.limit_per_user:
            reason = RejectionReason.DUPLICATE
        if reason is None and issued >= stock.total_quantity:
            reason = RejectionReason.SOLD_OUT
        if reason is None:
            issued += 1
            # The user's next request in this batch counts this one.
            got[request.user_id] = copy_number
            decisions.append(Decision(request, number, issue_number=issued, copy_number=copy_number))
        else:
            decisions.append(Decision(request, number, reason=reason))
    return decisions


def decide_all(
    stocks: Mapping[int, CouponStock],
    copies: Mapping[int, Mapping[int, int]],
    requests_in_order: Iterable[CouponRequest],
) -> list[Decision]:
    """Decide requests for any coupons: those of each in their order, as :func:`decide` does.

    ``stocks`` and ``copies`` are by coupon; a coupon without a stock does not exist.
    """
    by_coupon: defaultdict[int, list[CouponRequest]] = defaultdict(list)
    for request in requests_in_order:
        by_coupon[request.coupon_id].append(request)
    decisions: list[Decision] = []
    for coupon_id, group in by_coupon.items():
        stock = stocks.get(coupon_id)
        if stock is None:
            decisions += reject_unknown(group)
        else:
            decisions += decide(stock, copies.get(coupon_id, {}), group)
    return decisions


def reject_unknown(requests: Iterable[CouponRequest]) -> list[Decision]:
    """Decide requests for coupons that don't exist: rejected, and without a place in any order."""
    return [
        Decision(request, decision_number=None, reason=RejectionReason.UNKNOWN_COUPON) for request in requests
    ]


def _reason_by_time(stock: CouponStock, accepted_at: datetime) -> RejectionReason | None:
    if stock.period.has_ended(accepted_at) or (stock.ended_at is not None and accepted_at >= stock.ended_at):
        return RejectionReason.ENDED
    if not stock.period.has_started(accepted_at):
        return RejectionReason.NOT_STARTED
    if any(pause.covers(accepted_at) for pause in stock.pauses):
        return RejectionReason.PAUSED
    return None
