"""The final results that are awaited of providers."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.domain.awaited_result import (
    AcceptedMessage,
    AwaitedResult,
    Contradiction,
    FormerMessage,
    Settlement,
)
from notification_service.domain.retry_policy import RetryPolicy


class Results(Protocol):
    """The final results that are awaited of providers. Times are the database's."""

    def lock_due(self, provider: str, limit: int) -> Sequence[AwaitedResult]:
        """Results to ask ``provider`` for now, at most ``limit``; skips what another transaction holds."""
        ...

    def is_any_awaited(self, provider: str) -> bool:
        """Whether ``provider`` has a result to be asked for, now or later."""
        ...

    def postpone(self, pauses_seconds: Mapping[UUID, float]) -> None:
        """Count a question about each of these deliveries; the next one is due after its pause."""
        ...

    def lock(self, provider: str, message_ids: Collection[str]) -> Sequence[AcceptedMessage]:
        """Those of these messages that ``provider`` accepted."""
        ...

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Store final results of deliveries that :meth:`lock` returned."""
        ...

    def lock_failed(self, provider: str, message_ids: Collection[str]) -> Sequence[FormerMessage]:
        """Those of these messages that had failed before their delivery was retried."""
        ...

    def lock_freed(self, provider: str, references: Mapping[str, str]) -> Sequence[FormerMessage]:
        """Those of these messages that ``provider`` may have got, and that their delivery has no id of.

        Its reply was lost, or the delivery was freed: by an operator's retry, or since the provider had not
        found it. ``references`` are ours, by message.
        """
        ...

    def contradict(self, provider: str, contradictions: Sequence[Contradiction]) -> None:
        """Store that messages locked so did arrive: the history says so, and look-ups find them."""
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
        retry: RetryPolicy,
    ) -> set[UUID]:
        """Make deliveries that :meth:`lock` returned PENDING; ``codes`` are those of their results.

        Only those that are ACCEPTED and had fewer than ``most_messages``; or whose last one failed
        ``by_account``, until they are exhausted by ``retry``. Returns their ids.
        """
        ...

    def expire_unanswered(self, providers: Collection[str], expire_after_seconds: float) -> int:
        """End the waits that no answer will end; returns how many.

        They are those that took twice as long as they may, and those of other providers than ``providers``
        that took as long as they may, and that no process asks about any more.
        """
        ...
