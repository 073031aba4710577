"""Faults on demand: what a test wants the two receivers to do wrong."""

import threading
from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field

from servicekit.fields import RequestModel

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=60_000)]


class Faults(RequestModel):
    """What one of the two receivers does wrong. A count is for that many of the next requests.

    A request meets one fault: the first, in this order, whose count isn't used up.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    reject_next: Count = 0
    """Reject: 400."""
    fail_next: Count = 0
    """Reply with 503 and keep nothing."""
    throttle_next: Count = 0
    """Reply with 429 and ``Retry-After: 1``, and keep nothing."""
    fail_next_lookups: Count = 0
    """Reply with 503 to look-ups of messages."""
    timeout_before_accept_next: Count = 0
    """Keep it only after ``timeoutMs``, and reply then: a provider slower than its client is patient."""
    timeout_after_accept_next: Count = 0
    """Keep it, and reply only after ``timeoutMs``."""
    timeout_ms: Milliseconds = 30_000
    """Longer than a client's time-out."""
    latency_ms: Milliseconds = 0
    """Delay every reply, look-ups included."""


SENDING_FAULTS = (
    "reject_next",
    "fail_next",
    "throttle_next",
    "timeout_before_accept_next",
    "timeout_after_accept_next",
)
"""The counts that a message or an event meets."""


FaultsT = TypeVar("FaultsT", bound=Faults)


class FaultSource(Generic[FaultsT]):
    """Gives each request the fault that it meets. Safe for several threads."""

    def __init__(self, faults: FaultsT) -> None:
        self._lock = threading.Lock()
        self._faults = faults
        self._closed = threading.Event()

    @property
    def faults(self) -> FaultsT:
        """The faults still to come."""
        with self._lock:
            return self._faults

    def set(self, faults: FaultsT) -> None:
        with self._lock:
            self._faults = faults

    def take(self, *counts: str) -> str | None:
        """Use up one of the first of ``counts`` that isn't zero, and return its name."""
        with self._lock:
            for count in counts:
                left = getattr(self._faults, count)
                if left:
                    self._faults = self._faults.model_copy(update={count: left - 1})
                    return count
        return None

    def delay(self) -> None:
        """Wait for ``latencyMs``."""
        self._wait(self.faults.latency_ms)

    def time_out(self) -> None:
        """Wait for ``timeoutMs``, which should be longer than the client's time-out."""
        self._wait(self.faults.timeout_ms)

    def close(self) -> None:
        """End all waits: the process stops."""
        self._closed.set()

    def _wait(self, milliseconds: int) -> None:
        if milliseconds:
            self._closed.wait(milliseconds / 1000)
