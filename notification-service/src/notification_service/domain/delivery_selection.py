"""Which deliveries an operator means."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.failure_reason import FailureReason


@dataclass(frozen=True, slots=True)
class DeliverySelection:
    """Deliveries with one of ``statuses`` and, where these are given, ``effect``, ``last_error`` and one of
    ``delivery_ids``.

    With ``waiting_only``, what is UNKNOWN counts only while it waits for an operator. With ``sendable_only``,
    alimtalk counts only while its recipient is kept.
    """

    statuses: frozenset[DeliveryStatus]
    effect: Effect | None = None
    delivery_ids: Sequence[UUID] = ()
    waiting_only: bool = False
    last_error: FailureReason | None = None
    sendable_only: bool = False
