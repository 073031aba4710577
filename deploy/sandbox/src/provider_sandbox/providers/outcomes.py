"""What becomes of an accepted message: decided when it is accepted, visible once its time has come."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Literal

from provider_sandbox.providers.controls import ProviderFaults

Kind = Literal["DELIVERED", "FAILED", "UNKNOWN", "REFUSED"]


@dataclass(frozen=True, slots=True)
class ResultCodes:
    """Which of a provider's result codes mean success, and which mean that it doesn't know.

    ``mismatch`` is that of a text that isn't its template's, where only Kakao compares them.
    """

    success: str
    unknown: Set[str] = frozenset()
    mismatch: str | None = None

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
    codes: ResultCodes,
    faults: ProviderFaults,
    recipient_no: str,
    now: float,
    *,
    has_fallback: bool,
    code: str | None = None,
) -> Outcome:
    """The outcome for a message accepted at ``now``; ``has_fallback`` says that an SMS may replace it.

    With ``code`` it doesn't depend on the controls.
    """
    code = code or faults.recipient_results.get(recipient_no) or faults.result_code or codes.success
    kind, at = codes.kind(code), now + faults.result_delay_ms / 1000
    if kind != "FAILED" or not has_fallback:
        return Outcome(code, kind, at)
    fallback_kind: Kind = "FAILED" if faults.fallback_fails else "DELIVERED"
    return Outcome(code, kind, at, fallback_kind, at + faults.fallback_delay_ms / 1000)
