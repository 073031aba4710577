"""Deciding accepted requests, in the order of their events."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from coupon_service.application.ports import Database, Transaction
from coupon_service.domain.deciding import CampaignState, decide, reject_unknown
from coupon_service.domain.request import CouponRequest, Decision, RequestStatus
from servicekit.clock import Clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestToDecide:
    """A request, as the event ``event_id`` brought it."""

    event_id: UUID
    request: CouponRequest


class DecideRequests:
    """Decides any number of events in one transaction, with the result of deciding one at a time.

    An event that was applied before has no effect, nor has another event for a request that is decided
    already. Of two consumers with the same events, the second waits at the inbox until the first has ended;
    of two with different events for one coupon, at the coupon. What another decision changes is read only
    after both. Everybody takes inbox rows before coupons, each in the order of their ids, so that no two
    wait for each other.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def handle(self, events: Sequence[RequestToDecide]) -> list[Decision]:
        """The decisions made, committed; none for events that had been applied before."""
        with self._database.begin() as transaction:
            fresh = transaction.inbox.accept(event.event_id for event in events)
            new = [event.request for event in events if event.event_id in fresh]
            if not new:
                return []
            campaigns = transaction.coupons.lock_campaigns({request.coupon_id for request in new})
            decisions = self._decide(transaction, campaigns, self._undecided(transaction, new))
            if decisions:
                decided_at = self._clock.now()
                transaction.requests.record_decisions(decisions, decided_at)
                transaction.user_coupons.add_issued(decisions, decided_at)
                transaction.coupons.record_progress(decisions)
            transaction.commit()
        return decisions

    def _undecided(self, transaction: Transaction, requests: Sequence[CouponRequest]) -> list[CouponRequest]:
        """The requests that await a decision, each once, in order.

        Our own requests are stored before their event is. One that isn't was produced by somebody else:
        it is taken in and decided like any other, so that its fate can be read.
        """
        stored = transaction.requests.get_all({request.request_id for request in requests})
        foreign = {
            request.request_id: request for request in reversed(requests) if request.request_id not in stored
        }
        if foreign:
            _log.warning("foreign_coupon_requests_adopted", count=len(foreign))
            transaction.requests.adopt(list(foreign.values()))
            stored |= transaction.requests.get_all(foreign)
        undecided: dict[UUID, CouponRequest] = {}
        for request in requests:
            view = stored[request.request_id]
            if (view.request.coupon_id, view.request.user_id) != (request.coupon_id, request.user_id):
                # The stored request is what its user was told; this event speaks of another.
                _log.warning("coupon_request_contradicted", request_id=str(request.request_id))
            elif view.status is RequestStatus.ACCEPTED:
                undecided.setdefault(request.request_id, request)
        return list(undecided.values())

    def _decide(
        self, transaction: Transaction, campaigns: dict[int, CampaignState], requests: Sequence[CouponRequest]
    ) -> list[Decision]:
        holders = transaction.user_coupons.holders(requests)
        by_coupon: defaultdict[int, list[CouponRequest]] = defaultdict(list)
        for request in requests:
            by_coupon[request.coupon_id].append(request)
        decisions: list[Decision] = []
        for coupon_id, group in by_coupon.items():
            campaign = campaigns.get(coupon_id)
            if campaign is None:
                decisions += reject_unknown(group)
            else:
                decisions += decide(campaign, holders.get(coupon_id, frozenset()), group)
        return decisions
