"""Deciding accepted requests, in the order of their events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from coupon_service.application.ports import UnitOfWork, UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequest, Decision, RequestStatus
from coupon_service.domain.deciding import CouponStock, decide, reject_unknown
from servicekit.clock import Clock

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestToDecide:
    """A request, as the event ``event_id`` brought it."""

    event_id: UUID
    request: CouponRequest


class DecideRequests:
    """Decides any number of requests in one transaction, with the result of deciding one at a time.

    An event that was applied before has no effect, nor has another event for a request that is decided
    already. Of two consumers with the same events, the second waits at the inbox until the first has ended;
    of two with different events for one coupon, at the coupon. What another decision changes is read only
    after both. Every consumer takes inbox rows before coupons, each in the order of their ids, so that no two
    deadlock.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    def __call__(self, requests: Sequence[RequestToDecide]) -> list[Decision]:
        """The decisions made, committed; none for events that had been applied before."""
        with self._unit_of_work() as unit_of_work:
            # The inbox goes first: a consumer with the same events waits here, before it reads anything.
            fresh = unit_of_work.inbox.accept(arrived.event_id for arrived in requests)
            new = [arrived.request for arrived in requests if arrived.event_id in fresh]
            if not new:
                return []
            # Locked before requests and holders are read, which another worker may be changing.
            stocks = unit_of_work.coupons.lock_stocks({request.coupon_id for request in new})
            decisions = _decide(unit_of_work, stocks, _undecided(unit_of_work, new))
            if decisions:
                decided_at = self._clock.now()
                unit_of_work.coupon_requests.record_decisions(decisions, decided_at)
                unit_of_work.user_coupons.add_issued(decisions, decided_at)
                unit_of_work.coupons.record_progress(decisions)
            # Also without a decision: the inbox has to remember the events.
            unit_of_work.commit()
        return decisions


def _undecided(unit_of_work: UnitOfWork, requests: Sequence[CouponRequest]) -> list[CouponRequest]:
    """The requests that await a decision, each once, in order.

    This service stores a request before its event. A request that isn't stored comes from another producer:
    it is adopted and decided like any other, so that its outcome can be read.
    """
    stored = dict(unit_of_work.coupon_requests.get_all({request.request_id for request in requests}))
    # Reversed, so that of two events for one request the first one is kept.
    foreign = {
        request.request_id: request for request in reversed(requests) if request.request_id not in stored
    }
    if foreign:
        _log.warning("foreign_coupon_requests_adopted", count=len(foreign))
        unit_of_work.coupon_requests.adopt(list(foreign.values()))
        # Read back, since another producer's event may have stored the same id first.
        stored |= unit_of_work.coupon_requests.get_all(foreign)
    undecided: dict[UUID, CouponRequest] = {}
    for request in requests:
        view = stored[request.request_id]
        if (view.request.coupon_id, view.request.user_id) != (request.coupon_id, request.user_id):
            # The stored request was answered to its user; this event is about another.
            _log.warning("coupon_request_contradicted", request_id=str(request.request_id))
        elif view.status is RequestStatus.ACCEPTED:
            undecided.setdefault(request.request_id, request)
    return list(undecided.values())


def _decide(
    unit_of_work: UnitOfWork, stocks: Mapping[int, CouponStock], requests: Sequence[CouponRequest]
) -> list[Decision]:
    holders = unit_of_work.user_coupons.holders(requests)
    by_coupon: defaultdict[int, list[CouponRequest]] = defaultdict(list)
    for request in requests:
        by_coupon[request.coupon_id].append(request)
    decisions: list[Decision] = []
    for coupon_id, group in by_coupon.items():
        stock = stocks.get(coupon_id)
        if stock is None:
            decisions += reject_unknown(group)
        else:
            decisions += decide(stock, holders.get(coupon_id, frozenset()), group)
    return decisions
