"""Which events this service reads, and which effects each has: the only place that says so.

To add an event: its model in ``messaging/incoming_<event>.py``, a line here, templates in ``templates/`` by
the name of its message, and its topics in ``deploy/kafka/topics.toml``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.domain.alimtalk_message import ORDER_COMPLETED, MessageKind
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.delivery import Effect
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.messaging.incoming_event import IncomingEvent
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP, OrderCompleted


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event and its effects. ``message`` is what ALIMTALK sends; ANALYTICS counts the event as a sale.

    The inbox is keyed by ``consumer_group``, too: under another name, every event would count as new.
    """

    event: type[IncomingEvent]
    consumer_group: str
    effects: frozenset[Effect]
    message: MessageKind | None = None

    def __post_init__(self) -> None:
        if (Effect.ALIMTALK in self.effects) != (self.message is not None):
            raise ValueError(f"{self.event.event_type.name}: ALIMTALK and a message need each other")

    @property
    def topic(self) -> str:
        return self.event.event_type.topic

    def template_code(self, templates: TemplateCatalog, locale: Locale) -> str | None:
        """The newest template of its message; every attempt at the message keeps to it."""
        return None if self.message is None else templates.newest(self.message.name, locale).code


SUBSCRIPTIONS: Sequence[Subscription] = (
    Subscription(OrderCompleted, CONSUMER_GROUP, frozenset(Effect), ORDER_COMPLETED),
)
