"""What tests want a double to do: the parts that all have in common."""

import threading
from typing import Annotated, Generic, TypeVar

from pydantic import ConfigDict, Field, StringConstraints

from servicekit.fields import RequestModel

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=60_000)]
Flag = Annotated[bool, Field(strict=True)]
Url = Annotated[str, StringConstraints(strict=True, pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]


class Controls(RequestModel):
    """A double's controls. Those that count are used up."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    timeout_ms: Milliseconds = 30_000
    """Longer than a client's time-out."""
    latency_ms: Milliseconds = 0
    """Delay every reply, look-ups included."""


class WebhookControls(Controls):
    """The controls of a double that reports."""

    webhooks_held: Flag = False
    """Send none until this ends; then all that are due."""
    webhooks_reversed: Flag = False
    """Of those that are due, send the newest first."""
    drop_webhooks_next: Count = 0
    """Never call so many of the next ones."""
    duplicate_webhooks_next: Count = 0
    """Call so many of the next ones twice."""


ControlsT = TypeVar("ControlsT", bound=Controls)


class ControlSource(Generic[ControlsT]):
    """The controls of one double. Safe for several threads."""

    def __init__(self, controls: ControlsT) -> None:
        self._lock = threading.Condition()
        self._controls = controls
        self._is_closed = False

    @property
    def controls(self) -> ControlsT:
        """With the counts that are left."""
        with self._lock:
            return self._controls

    def set(self, controls: ControlsT) -> None:
        with self._lock:
            self._controls = controls

    def take(self, *counts: str) -> str | None:
        """Use up one of the first of ``counts`` that isn't zero, and return its name."""
        with self._lock:
            for count in counts:
                left = getattr(self._controls, count)
                if left:
                    self._change(**{count: left - 1})
                    return count
        return None

    def delay(self) -> None:
        """Wait for ``latencyMs``."""
        with self._lock:
            self._wait(self._controls.latency_ms)

    def time_out(self) -> None:
        """Wait for ``timeoutMs``, which should be longer than the client's time-out."""
        with self._lock:
            self._wait(self._controls.timeout_ms)

    def close(self) -> None:
        """End all waits: the process stops."""
        with self._lock:
            self._is_closed = True
            self._lock.notify_all()

    def _change(self, **fields: object) -> None:
        self._controls = self._controls.model_copy(update=fields)

    def _wait(self, milliseconds: int) -> None:
        if milliseconds:
            self._lock.wait_for(lambda: self._is_closed, milliseconds / 1000)
