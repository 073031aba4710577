"""Which deliveries a claimant may take, where two providers send the same effect."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClaimReach:
    """A delivery is bound to the provider that may have its message, and free if surely none has it.

    Free are those that were never attempted, and those whose every attempt surely failed: any provider may
    send them. One whose attempt has an unknown outcome stays bound until its provider has said that it
    doesn't have the message.
    """

    free_after_seconds: float | None = 0.0
    """For how long free ones must have been due; None leaves them to another provider."""
    others: frozenset[str] = frozenset()
    """The providers with claimants of their own: what is bound to them is theirs."""
    is_stand_in: bool = False
    """Another provider is the first: what can't be sent here, or is bound to an unknown one, is its."""


EVERYTHING = ClaimReach()
