"""Which events this service reads, and which effects each has: the only place that says so.

To add an event: its model in ``messaging/incoming_<event>.py``, a line here, templates in ``templates/`` by
the name of its message, and its topics in ``deploy/kafka/topics.toml``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from notification_service.domain.alimtalk_message import (
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_PARTLY_CANCELLED,
    MessageKind,
)
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.delivery import OF_COMPLETED_ORDERS, Effect
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.messaging import incoming_order_cancelled, incoming_order_completed
from notification_service.messaging.event_handling import IncomingEvent
from notification_service.messaging.incoming_order_cancelled import OrderCancelled
from notification_service.messaging.incoming_order_completed import OrderCompleted


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event and its effects. ``messages`` are what ALIMTALK may send: of several, the event names one.

    The inbox is keyed by ``consumer_group``, too: under another name, every event would count as new.
    """

    event: type[IncomingEvent]
    consumer_group: str
    effects: frozenset[Effect]
    messages: Sequence[MessageKind] = ()

    def __post_init__(self) -> None:
        if (Effect.ALIMTALK in self.effects) != bool(self.messages):
            raise ValueError(f"{self.event.event_type.name}: ALIMTALK and a message need each other")

    @property
    def topic(self) -> str:
        return self.event.event_type.topic

    def template_of(self, templates: TemplateCatalog, locale: Locale) -> Callable[[OrderEvent], str | None]:
        """Finds the newest template of an order's message; every attempt at the message keeps to it."""
        codes: dict[str | None, str] = {
            message.name: templates.newest(message.name, locale).code for message in self.messages
        }
        if len(codes) == 1:
            # An event with one message need not name it.
            codes[None] = next(iter(codes.values()))
        return lambda order: codes[order.message] if codes else None


SUBSCRIPTIONS: Sequence[Subscription] = (
    Subscription(
        OrderCompleted, incoming_order_completed.CONSUMER_GROUP, OF_COMPLETED_ORDERS, (ORDER_COMPLETED,)
    ),
    Subscription(
        OrderCancelled,
        incoming_order_cancelled.CONSUMER_GROUP,
        # Monitoring gets no record: a receiver that adds up totalAmount would take it for a sale.
        frozenset({Effect.ALIMTALK, Effect.CANCELLED_SALES}),
        (ORDER_CANCELLED, ORDER_PARTLY_CANCELLED),
    ),
)
