"""What all events that this service reads have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.order_event import OrderEvent
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import ReceivedRecord


class IncomingEvent(EventModel):
    """The value of an event about an order."""

    @abstractmethod
    def to_domain(self) -> OrderEvent:
        """The event, with what its message says besides."""


class IncomingEventHandler:
    """Passes the events of a poll to the use case."""

    def __init__(self, event: type[IncomingEvent], accept_order_events: AcceptOrderEvents) -> None:
        self._event = event
        self._accept_order_events = accept_order_events

    def parse(self, record: ReceivedRecord) -> OrderEvent:
        event = parse_event(record, self._event).to_domain()
        name = self._event.event_type.name
        return event if event.event == name else replace(event, event=name)

    def handle(self, events: Sequence[OrderEvent]) -> None:
        self._accept_order_events(events)
