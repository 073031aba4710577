"""What the use cases need of messages, in and out, and of repeated calls."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Protocol
from uuid import UUID

from servicekit.idempotency.key import Claim, IdempotencyKey, Outcome
from servicekit.outbox.event import OutboxEvent


class Outbox(Protocol):
    """Events that are published once the transaction has committed."""

    def append_all(self, events: Iterable[OutboxEvent]) -> None:
        """Events of one key are published in the order given here."""
        ...


class Inbox(Protocol):
    """The events applied so far."""

    def accept(self, event_ids: Iterable[UUID]) -> AbstractSet[UUID]:
        """Remember all of these and return those that are new. Waits for a concurrent first use."""
        ...


class IdempotencyKeys(Protocol):
    """The requests answered so far."""

    def claim(self, key: IdempotencyKey, reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """None for a new key, which then has ``reply``; otherwise the reply of its first use.

        Waits for a concurrent first use. Raises IdempotencyKeyReused where that was another request.
        """
        ...

    def claim_all(self, claims: Sequence[Claim], wait_ms: int | None = None) -> Sequence[Outcome]:
        """:meth:`claim` for each, as if one after the other; an IdempotencyKeyReused is returned.

        With ``wait_ms``, raises IdempotencyKeyHeld where a concurrent first use takes longer. Nothing else
        can be done in this transaction then.
        """
        ...

    def claim_free(self, claims: Sequence[Claim]) -> Sequence[Outcome]:
        """:meth:`claim_all` without waiting: a concurrent first use makes it an IdempotencyKeyHeld."""
        ...

    def find_all(self, keys: Sequence[IdempotencyKey]) -> list[Outcome]:
        """The outcome that each key would have, by what is committed, without claiming it."""
        ...
