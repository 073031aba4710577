"""Deciding accepted requests, in the order of their events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_request import Decision, RequestToDecide, StoredRequest
from coupon_service.domain.deciding import decide_all

# Each but the first needs another consumer that was faster. A bug must end the worker, not keep it busy.
_MAX_TRIES = 100


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the events. ``refused`` has the reasons, by place, of those that can have no effect."""

    decisions: Sequence[Decision]
    refused: Mapping[int, str]


class DecideRequests:
    """Decides any number of requests in one transaction, with the result of deciding one at a time.

    An event that was applied before has no effect, nor has another event for a request that is decided
    already. Of two consumers with the same events, the second waits at the inbox until the first has ended;
    of two with different events for one coupon, at the coupon. Every consumer takes inbox rows before
    coupons, each in the order of their ids, so that no two deadlock.

    The stored request decides, and not its event: anything that may write to the topic can write an event,
    but only this service's API stores requests. An event without its stored request is refused.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, arrived: Sequence[RequestToDecide]) -> Outcome:
        """Decide and commit. Events that had been applied before decide nothing, and are not refused."""
        for _ in range(_MAX_TRIES):
            # None if another consumer decided one of these after it was read here, by another event about it.
            if (outcome := self._try(arrived)) is not None:
                return outcome
        raise RuntimeError("requests that were read as undecided could not be recorded as decided")

    def _try(self, arrived: Sequence[RequestToDecide]) -> Outcome | None:
        """None where a request turned out to be decided; nothing is stored then."""
        with self._unit_of_work() as unit_of_work:
            # Without a lock, and once: what is decided in the meantime is noticed as decisions are recorded.
            stored = unit_of_work.coupon_requests.stored([event.request_id for event in arrived])
            refused = _refusals(stored, arrived)
            known = [event for place, event in enumerate(arrived) if place not in refused]
            fresh = unit_of_work.inbox.accept(event.event_id for event in known)
            # Each once, in order: two events may be about one request.
            waiting = {
                event.request_id: stored[event.request_id].request
                for event in known
                if event.event_id in fresh and not stored[event.request_id].is_decided
            }
            decisions: Sequence[Decision] = []
            if waiting:
                requests = list(waiting.values())
                # Locked before holders are read, which another consumer may be changing.
                stocks = unit_of_work.coupons.lock_stocks({request.coupon_id for request in requests})
                decisions = decide_all(stocks, unit_of_work.user_coupons.holders(requests), requests)
                decided_at = unit_of_work.now()
                if not unit_of_work.coupon_requests.record_decisions(decisions, decided_at):
                    return None
                unit_of_work.user_coupons.add_issued(decisions, decided_at)
                unit_of_work.coupons.record_progress(decisions)
            # Also without a decision: the inbox has to remember the events and up to where the topic is read.
            unit_of_work.commit()
        return Outcome(decisions, refused)


def _refusals(stored: Mapping[UUID, StoredRequest], arrived: Sequence[RequestToDecide]) -> Mapping[int, str]:
    refusals: dict[int, str] = {}
    for place, event in enumerate(arrived):
        found = stored.get(event.request_id)
        if found is None:
            refusals[place] = f"the request {event.request_id} is not stored here"
        elif (found.request.coupon_id, found.request.user_id) != (event.coupon_id, event.user_id):
            refusals[place] = f"the stored request {event.request_id} is for another user or coupon"
    return refusals
