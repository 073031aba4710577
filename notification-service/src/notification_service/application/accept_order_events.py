"""Accepting events about orders: once this has committed, the database holds all that is left to do."""

from collections.abc import Callable, Collection, Sequence

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.delivery import OF_COMPLETED_ORDERS, Effect
from notification_service.domain.order_event import OrderEvent


class AcceptOrderEvents:
    """Stores each new event, and one delivery for each of ``effects``.

    A call is one transaction, so that every event in the inbox has its deliveries. ``on_accepted`` is called
    after the commit, if there are new deliveries.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        on_accepted: Callable[[], None] = lambda: None,
        template_of: Callable[[OrderEvent], str | None] = lambda _: None,
        effects: Collection[Effect] = OF_COMPLETED_ORDERS,
    ) -> None:
        """``template_of`` returns the code of the template of every attempt at an event's alimtalk."""
        self._effects = effects
        self._template_of = template_of
        self._unit_of_work = unit_of_work
        self._on_accepted = on_accepted

    def __call__(self, events: Sequence[OrderEvent]) -> int:
        """The number of new events. One that ``events`` holds twice counts once."""
        by_id = {event.event_id: event for event in events}
        with self._unit_of_work() as unit_of_work:
            new_ids = unit_of_work.inbox.accept(by_id)
            new = [event for event_id, event in by_id.items() if event_id in new_ids]
            if new:
                # They are kept for longer than the inbox remembers them.
                added = unit_of_work.order_events.add_all(new)
                new = [event for event in new if event.event_id in added]
            if new:
                unit_of_work.deliveries.add_for_all(new, self._effects, self._template_of)
            unit_of_work.commit()
        # After the commit: a dispatcher that is woken earlier finds nothing.
        if new:
            self._on_accepted()
        return len(new)
