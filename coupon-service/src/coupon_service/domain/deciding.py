"""First come, first served: deciding requests for one coupon in their order."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from coupon_service.domain.request import CouponRequest, Decision, RejectionReason


@dataclass(frozen=True, slots=True)
class CampaignState:
    """What a decision depends on, apart from the request itself and who holds the coupon already."""

    coupon_id: int
    total_quantity: int
    issued_quantity: int
    decided_count: int
    starts_at: datetime
    ends_at: datetime

    def refusal_by_time(self, moment: datetime) -> RejectionReason | None:
        """Why a request accepted at ``moment`` is out of time, if it is."""
        if moment < self.starts_at:
            return RejectionReason.NOT_STARTED
        if moment >= self.ends_at:
            return RejectionReason.ENDED
        return None


def decide(
    campaign: CampaignState, holders: AbstractSet[int], requests_in_order: Sequence[CouponRequest]
) -> list[Decision]:
    """Decide all of ``requests_in_order``, with the result of deciding them one at a time.

    ``holders`` are users who hold this coupon already; only those in the requests matter.
    The checks are made in this order, and the first that applies is the reason: NOT_STARTED, ENDED (both by
    the time at which the request was accepted, however long it waited since), DUPLICATE, SOLD_OUT. So a
    holder who asks again after the last coupon is told DUPLICATE.
    """
    taken = set(holders)
    issued = campaign.issued_quantity
    decisions: list[Decision] = []
    for number, request in enumerate(requests_in_order, start=campaign.decided_count + 1):
        reason = campaign.refusal_by_time(request.requested_at)
        if reason is None and request.user_id in taken:
            reason = RejectionReason.DUPLICATE
        if reason is None and issued >= campaign.total_quantity:
            reason = RejectionReason.SOLD_OUT
        if reason is None:
            issued += 1
            taken.add(request.user_id)
            decisions.append(Decision(request, number, issue_number=issued))
        else:
            decisions.append(Decision(request, number, reason=reason))
    return decisions


def reject_unknown(requests: Iterable[CouponRequest]) -> list[Decision]:
    """Decide requests for coupons that don't exist: refused, and without a place in any order."""
    return [
        Decision(request, decision_number=None, reason=RejectionReason.UNKNOWN_COUPON) for request in requests
    ]
