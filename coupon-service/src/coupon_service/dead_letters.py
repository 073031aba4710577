"""The composition root of ``coupon-service dead-letters``."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.config import DeadLettersSettings
from coupon_service.messaging.incoming_coupon_publish_requested import (
    CONSUMER_GROUP,
    CouponPublishRequested,
    CouponPublishRequestedHandler,
)
from coupon_service.messaging.outgoing_coupon_publish_requested import COUPON_PUBLISH_REQUESTED
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.db.operated_engine import operated_engine
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.opened_dead_letters import opened_dead_letters


@contextmanager
def open_dead_letters(
    settings: DeadLettersSettings,
) -> Iterator[DeadLetterOperations[CouponPublishRequested]]:
    """What the worker has set aside, with the worker's own handler."""
    with operated_engine(settings, "coupon-dead-letters") as engine:
        unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
        handler = CouponPublishRequestedHandler(DecideRequests(unit_of_work))
        with opened_dead_letters(
            "coupon-service", settings, engine, COUPON_PUBLISH_REQUESTED.topic, CONSUMER_GROUP, handler
        ) as operations:
            yield operations
