"""What all events that this service reads have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from notification_service.application.accept_completed_orders import AcceptCompletedOrders
from notification_service.domain.completed_order import CompletedOrder
from servicekit.messaging.events import EventModel, parse_event
from servicekit.messaging.records import ReceivedRecord


class IncomingEvent(EventModel):
    """The value of an event about an order."""

    @abstractmethod
    def to_domain(self) -> CompletedOrder:
        """The order, with what the event's message says besides."""


class IncomingEventHandler:
    """Passes the events of a poll to the use case."""

    def __init__(self, event: type[IncomingEvent], accept_completed_orders: AcceptCompletedOrders) -> None:
        self._event = event
        self._accept_completed_orders = accept_completed_orders

    def parse(self, record: ReceivedRecord) -> CompletedOrder:
        order = parse_event(record, self._event).to_domain()
        name = self._event.event_type.name
        return order if order.event == name else replace(order, event=name)

    def handle(self, events: Sequence[CompletedOrder]) -> None:
        self._accept_completed_orders(events)
