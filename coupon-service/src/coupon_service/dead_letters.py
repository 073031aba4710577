"""The composition root of ``coupon-service dead-letters`` and of the like for other topics."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coupon_service.config import DeadLettersSettings
from coupon_service.subscriptions import Subscription
from servicekit.db.operated_engine import operated_engine
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.opened_dead_letters import opened_dead_letters


@contextmanager
def open_dead_letters(
    settings: DeadLettersSettings, subscription: Subscription
) -> Iterator[DeadLetterOperations[Any]]:
    """What the worker has set aside of a topic, with the worker's own handler."""
    with operated_engine(settings, "coupon-dead-letters") as engine:
        handler = subscription.handler(engine)
        group = subscription.consumer_group
        with opened_dead_letters(
            "coupon-service", settings, engine, subscription.topic, group, handler
        ) as operations:
            yield operations
