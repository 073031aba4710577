"""Deciding accepted requests, in the order of their events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequest, Decision
from coupon_service.domain.deciding import decide_all


@dataclass(frozen=True, slots=True)
class RequestToDecide:
    """What the event ``event_id`` says about a request that was accepted."""

    event_id: UUID
    request_id: UUID
    coupon_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the events. ``refused`` has the reasons, by place, of those that can have no effect."""

    decisions: Sequence[Decision]
    refused: Mapping[int, str]


class DecideRequests:
    """Decides any number of requests in one transaction, with the result of deciding one at a time.

    An event that was applied before has no effect, nor has another event for a request that is decided
    already. Of two consumers with the same events, the second waits at the inbox until the first has ended;
    of two with different events for one coupon, at the coupon. What another decision changes is read only
    after both. Every consumer takes inbox rows before coupons, each in the order of their ids, so that no two
    deadlock.

    The stored request decides, and not its event: anything that may write to the topic can write an event,
    but only this service's API stores requests. An event without its stored request is refused.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, arrived: Sequence[RequestToDecide]) -> Outcome:
        """Decide and commit. Events that had been applied before decide nothing, and are not refused."""
        with self._unit_of_work() as unit_of_work:
            # Needs no lock: requests are stored before their events, and only their decision changes.
            stored = unit_of_work.coupon_requests.stored({event.request_id for event in arrived})
            refused = _refusals(stored, arrived)
            known = [event for place, event in enumerate(arrived) if place not in refused]
            # A consumer with the same events waits here, before it reads what a decision changes.
            fresh = unit_of_work.inbox.accept(event.event_id for event in known)
            new = [stored[event.request_id] for event in known if event.event_id in fresh]
            if not new:
                # Also without an effect: the inbox keeps up to where the topic has been read.
                unit_of_work.commit()
                return Outcome([], refused)
            # Locked before requests and holders are read, which another worker may be changing.
            stocks = unit_of_work.coupons.lock_stocks({request.coupon_id for request in new})
            undecided = unit_of_work.coupon_requests.undecided({request.request_id for request in new})
            # Each once, in order: two events may be about one request.
            waiting = dict.fromkeys(request for request in new if request.request_id in undecided)
            requests = list(waiting)
            decisions = decide_all(stocks, unit_of_work.user_coupons.holders(requests), requests)
            if decisions:
                decided_at = unit_of_work.now()
                unit_of_work.coupon_requests.record_decisions(decisions, decided_at)
                unit_of_work.user_coupons.add_issued(decisions, decided_at)
                unit_of_work.coupons.record_progress(decisions)
            # Also without a decision: the inbox has to remember the events.
            unit_of_work.commit()
        return Outcome(decisions, refused)


def _refusals(stored: Mapping[UUID, CouponRequest], arrived: Sequence[RequestToDecide]) -> Mapping[int, str]:
    refusals: dict[int, str] = {}
    for place, event in enumerate(arrived):
        request = stored.get(event.request_id)
        if request is None:
            refusals[place] = f"the request {event.request_id} is not stored here"
        elif (request.coupon_id, request.user_id) != (event.coupon_id, event.user_id):
            refusals[place] = f"the stored request {event.request_id} is for another user or coupon"
    return refusals
