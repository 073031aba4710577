"""The composition root of ``notification-service dead-letters``."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.config import DeadLettersSettings
from notification_service.domain.order_event import OrderEvent
from notification_service.messaging.event_handling import IncomingEventHandler
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from notification_service.subscriptions import Subscription
from notification_service.template_files import read_catalog
from servicekit.db.operated_engine import operated_engine
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.opened_dead_letters import opened_dead_letters


@contextmanager
def open_dead_letters(
    settings: DeadLettersSettings, subscription: Subscription
) -> Iterator[DeadLetterOperations[OrderEvent]]:
    """What the consumers have set aside, with their own handler; running consumers deliver the effects."""
    group = subscription.consumer_group
    template_of = subscription.template_of(read_catalog(), settings.alimtalk_locale)
    with operated_engine(settings, "notification-dead-letters") as engine:
        unit_of_work = partial(NotificationUnitOfWork, engine, group)
        accept = AcceptOrderEvents(unit_of_work, template_of=template_of, effects=subscription.effects)
        handler = IncomingEventHandler(subscription.event, accept)
        with opened_dead_letters(
            "notification-service", settings, engine, subscription.topic, group, handler
        ) as operations:
            yield operations
