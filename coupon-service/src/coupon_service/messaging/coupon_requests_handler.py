"""The consumer of ``coupon-publish-request``."""

import collections
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from coupon_service.application.decide_requests import DecideRequests, RequestToDecide
from coupon_service.messaging.coupon_publish_requested import (
    CouponPublishRequested,
    parse_coupon_publish_requested,
)
from servicekit.messaging.records import ReceivedRecord

TOPIC = "coupon-publish-request"

_DECISIONS = Counter("coupon_decisions", "Requests decided.", ["outcome"])
_log = structlog.get_logger(__name__)


class CouponRequestsHandler:
    """Gives one poll's events to the use case and tells what was decided."""

    def __init__(self, decide_requests: DecideRequests) -> None:
        self._decide_requests = decide_requests

    def parse(self, record: ReceivedRecord) -> CouponPublishRequested:
        return parse_coupon_publish_requested(record)

    def handle(self, events: Sequence[CouponPublishRequested]) -> None:
        decisions = self._decide_requests.handle(
            [RequestToDecide(event.event_id, event.to_request()) for event in events]
        )
        outcomes = collections.Counter((decision.reason or decision.status).value for decision in decisions)
        for outcome, number in outcomes.items():
            _DECISIONS.labels(outcome).inc(number)
        _log.info("coupon_requests_decided", events=len(events), decided=len(decisions), **outcomes)
