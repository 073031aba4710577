"""What all processes together know of each provider."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.domain.provider_state import ProviderState


class Providers(Protocol):
    """What all processes together know of each provider. Times are the database's."""

    def get(self, name: str) -> ProviderState:
        """The state as it is now; RUNNING if nothing is known."""
        ...

    def all(self) -> Sequence[ProviderState]:
        """Of every provider that was ever used, by name."""
        ...

    def watch(self, names: Sequence[str]) -> None:
        """Say that this process uses these providers, the first one first; to be said every few seconds."""
        ...

    def reserve(self, name: str, slots: int, interval_seconds: float) -> float:
        """Reserve ``slots`` slots in a row that nobody else gets; returns the seconds until the first one."""
        ...

    def reserve_questions(self, name: str, slots: int, interval_seconds: float, share: float) -> float | None:
        """The same for questions, which all together get ``share`` of the slots, and free ones.

        None if others use up that share now, and the next slot isn't free: nothing is reserved then.
        """
        ...

    def push_back(self, name: str, pause_seconds: float) -> None:
        """Let no slot that isn't reserved yet begin before the pause has passed."""
        ...

    def begin_probe(self, name: str, probe_id: UUID, lease_seconds: float) -> bool:
        """Become the only one that probes the provider, until the lease ends; False if another one does.

        Also false if no probe is due, or the provider is RUNNING.
        """
        ...

    def lock(self, name: str) -> ProviderState:
        """Like :meth:`get`, held until the transaction ends. After it, no delivery may be locked."""
        ...

    def change(self, state: ProviderState) -> None:
        """Store the state of a provider that :meth:`lock` returned. Its slots stay as they are."""
        ...

    def note_resumption(self, name: str, *, by: str, reason: str) -> None:
        """Store the operator who resumed it, and why."""
        ...

    def was_sent_since_change(self, name: str, delivery_ids: Collection[UUID]) -> bool:
        """Whether one of these accepted deliveries was sent after the provider's status had changed."""
        ...
