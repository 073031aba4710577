"""The final results that are awaited of providers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.domain.awaited_result import AwaitedResult, Contradiction, Settlement
from notification_service.domain.delivery import DeliveryStatus


class Results(Protocol):
    """The final results that are awaited of providers. Times are the database's."""

    def lock_due(self, provider: str, limit: int) -> Sequence[AwaitedResult]:
        """Results to ask ``provider`` for now, at most ``limit``; skips what another transaction holds."""
        ...

    def postpone(self, pauses_seconds: Mapping[UUID, float]) -> None:
        """Count a question about each of these deliveries; the next one is due after its pause."""
        ...

    def lock(self, provider: str, message_ids: Collection[str]) -> Sequence[tuple[UUID, str, DeliveryStatus]]:
        """Delivery, message and status of each delivery for which ``provider`` accepted such a message."""
        ...

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Store final results of deliveries that :meth:`lock` returned."""
        ...

    def lock_failed(
        self, provider: str, message_ids: Collection[str]
    ) -> Sequence[tuple[UUID, str, DeliveryStatus]]:
        """Delivery, message and status of each delivery for which such a message failed before a retry."""
        ...

    def contradict(self, provider: str, contradictions: Sequence[Contradiction]) -> None:
        """Store that messages which :meth:`lock_failed` returned did arrive: look-ups find them again."""
        ...

    def expire(self, delivery_ids: Collection[UUID]) -> int:
        """End the wait for these, unless their result was recorded meanwhile; returns how many."""
        ...

    def send_again(
        self,
        codes: Mapping[UUID, str | None],
        *,
        by_account: Collection[UUID],
        pause_seconds: float,
        most_messages: int,
    ) -> set[UUID]:
        """Make deliveries that :meth:`lock` returned PENDING; ``codes`` are those of their results.

        Only those that are ACCEPTED and had fewer than ``most_messages``, or whose last one failed
        ``by_account``; returns their ids.
        """
        ...

    def expire_unanswered(self, providers: Collection[str], expire_after_seconds: float) -> int:
        """End the waits that no answer will end; returns how many.

        They are those that took twice as long as they may, and those of other providers than ``providers``
        that took as long as they may, and that no process asks about any more.
        """
        ...
