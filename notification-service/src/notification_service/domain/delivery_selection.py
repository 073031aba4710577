"""Which deliveries an operator means."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from notification_service.domain.delivery import DeliveryStatus, Effect


@dataclass(frozen=True, slots=True)
class DeliverySelection:
    """Deliveries with one of ``statuses`` and, where these are given, ``effect`` and one of ``delivery_ids``.

    With ``waiting_only``, what is UNKNOWN counts only while it waits for an operator.
    """

    statuses: frozenset[DeliveryStatus]
    effect: Effect | None = None
    delivery_ids: Sequence[UUID] = ()
    waiting_only: bool = False
