"""What becomes of an accepted message: decided when it is accepted, visible once its time has come."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from provider_sandbox.providers.controls import ProviderFaults

Kind = Literal["DELIVERED", "FAILED", "UNKNOWN", "REFUSED"]


@dataclass(frozen=True, slots=True)
class ResultCodes:
    """Which of a provider's result codes mean success, and which mean that it doesn't know."""

    success: str
    unknown: Set[str] = frozenset()

    def kind(self, code: str) -> Kind:
        if code == self.success:
            return "DELIVERED"
        return "UNKNOWN" if code in self.unknown else "FAILED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result and when it is known; then, for a failure that an SMS replaces, that SMS's. Epoch seconds."""

    code: str
    kind: Kind
    at: float
    fallback_kind: Kind | None = None
    fallback_at: float | None = None


def refused(code: str, now: float) -> Outcome:
    """The outcome of a message that is kept although it was refused."""
    return Outcome(code, "REFUSED", now)


def outcome_of(
    codes: ResultCodes, faults: ProviderFaults, recipient_no: str, now: float, *, has_fallback: bool
) -> Outcome:
    """The outcome for a message accepted at ``now``; ``has_fallback`` says that an SMS may replace it."""
    code = faults.recipient_results.get(recipient_no) or faults.result_code or codes.success
    return with_fallback(codes, faults, code, now, has_fallback=has_fallback)


def with_fallback(
    codes: ResultCodes, faults: ProviderFaults, code: str, now: float, *, has_fallback: bool
) -> Outcome:
    """The outcome with this very code."""
    kind, at = codes.kind(code), now + faults.result_delay_ms / 1000
    if kind != "FAILED" or not has_fallback:
        return Outcome(code, kind, at)
    fallback_kind: Kind = "FAILED" if faults.fallback_fails else "DELIVERED"
    return Outcome(code, kind, at, fallback_kind, at + faults.fallback_delay_ms / 1000)
