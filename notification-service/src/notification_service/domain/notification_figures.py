"""What operators watch, counted from the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.domain.provider_state import ProviderState


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """Deliveries UNKNOWN that wait for an operator; and those that ended undelivered within a day.

    ``failed`` are alimtalk that failed within an hour; ``overdue`` are due, or tried in vain, for 15 minutes.
    ``failed_in_a_row`` are those that failed within a day, and over 5 minutes ago, of events behind the last
    that was delivered; those that were refused, also behind the last that was accepted.
    ``unreported_in_a_row`` were accepted two hours ago and have no final result, of events behind the last
    that was delivered; 100 at most.
    """

    needing_operator: int
    expired: int
    given_up: int
    failed: int
    overdue: int
    failed_in_a_row: int
    unreported_in_a_row: int


@dataclass(frozen=True, slots=True)
class NotificationFigures:
    """The same in every process: they are the database's.

    ``oldest_notice_seconds``: how long a notice of an alert has waited to be received; 0 if none does.
    """

    deliveries: DeliveryFigures
    providers: Sequence[ProviderState]
    oldest_notice_seconds: float
