"""A client's word that a command may reach us more than once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idempotency:
    """``fingerprint`` tells whether a key came again with the same command or with another."""

    key: str
    fingerprint: str
