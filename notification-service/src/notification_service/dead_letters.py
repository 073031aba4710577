"""The composition root of ``notification-service dead-letters``."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.config import DeadLettersSettings
from notification_service.domain.completed_order import CompletedOrder
from notification_service.messaging.incoming_order_completed import (
    CONSUMER_GROUP,
    ORDER_COMPLETED,
    OrderCompletedHandler,
)
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.db.operated_engine import operated_engine
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.opened_dead_letters import opened_dead_letters


@contextmanager
def open_dead_letters(settings: DeadLettersSettings) -> Iterator[DeadLetterOperations[CompletedOrder]]:
    """What the consumers have set aside, with their own handler; running consumers deliver the effects."""
    with operated_engine(settings, "notification-dead-letters") as engine:
        unit_of_work = partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
        handler = OrderCompletedHandler(AcceptCompletedOrders(unit_of_work))
        with opened_dead_letters(
            "notification-service", settings, engine, ORDER_COMPLETED.topic, CONSUMER_GROUP, handler
        ) as operations:
            yield operations
