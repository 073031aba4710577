"""``CouponPublishRequested`` as the worker reads it."""

import collections
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog
from prometheus_client import Counter

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.domain.coupon_request import RequestToDecide
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from servicekit.fields import PositiveInt64
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord

# The inbox is keyed by it: under another name, every event would be new again.
CONSUMER_GROUP = "coupon-consumer-group"

_DECISIONS = Counter("coupon_decisions", "Requests decided.", ["outcome"])
_log = structlog.get_logger(__name__)


class CouponPublishRequested(EventModel):
    """A user's request for a coupon was accepted. When, is read from the stored request."""

    event_type = COUPON_PUBLISH_REQUESTED

    request_id: UUID
    user_id: PositiveInt64
    coupon_id: PositiveInt64

    def to_domain(self) -> RequestToDecide:
        return RequestToDecide(self.event_id, self.request_id, self.coupon_id, self.user_id)


def parse_coupon_publish_requested(record: ReceivedRecord) -> CouponPublishRequested:
    """Raises :class:`InvalidMessage`.

    The key must be the coupon's id: under any other, a coupon's requests could come from several partitions
    and would have no order.
    """
    event = parse_event(record, CouponPublishRequested)
    if record.key != str(event.coupon_id).encode():
        raise InvalidMessage(f"the key is not the couponId {event.coupon_id}")
    return event


class CouponPublishRequestedHandler:
    """Passes one poll's events to the use case, and logs and counts what was decided."""

    def __init__(self, decide_requests: DecideRequests) -> None:
        self._decide_requests = decide_requests

    def parse(self, record: ReceivedRecord) -> CouponPublishRequested:
        return parse_coupon_publish_requested(record)

    def handle(self, events: Sequence[CouponPublishRequested]) -> Mapping[int, str]:
        decided = self._decide_requests([event.to_domain() for event in events])
        decisions = decided.decisions
        # Counted after the commit, since a batch that was rolled back comes again.
        outcomes = collections.Counter((decision.reason or decision.status).value for decision in decisions)
        for outcome, number in outcomes.items():
            _DECISIONS.labels(outcome).inc(number)
        _log.info("coupon_requests_decided", events=len(events), decided=len(decisions), **outcomes)
        return decided.refused
