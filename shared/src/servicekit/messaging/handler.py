"""What a consumer does with records."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from servicekit.messaging.records import ReceivedRecord

EventT = TypeVar("EventT")


class MessageHandler(Protocol[EventT]):
    """Understands records and applies them. Implementations are thin: the use case does the work."""

    def parse(self, record: ReceivedRecord) -> EventT:
        """The event in ``record``; raises :class:`InvalidMessage` when it will never be one."""
        ...

    def handle(self, events: Sequence[EventT]) -> Mapping[int, str] | None:
        """Apply the events of one poll, in order, in one transaction that is committed on return.

        May be called again with events that were applied already (redelivery) or that failed (the
        database was out of reach), so it asks the inbox which are new.

        Returns the reasons, by place in ``events``, of those that had no effect because what they are about
        does not exist here; their records go to the dead letters. None or an empty mapping: all had theirs.
        """
        ...
