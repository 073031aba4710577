"""What a test wants a gateway to do wrong, and where it reports to."""

import threading
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from servicekit.fields import RequestModel

Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
Milliseconds = Annotated[int, Field(strict=True, ge=0, le=600_000)]
Flag = Annotated[bool, Field(strict=True)]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_]{1,64}$")]
Url = Annotated[str, StringConstraints(strict=True, pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]
Call = Literal["confirm", "cancel", "look-up"]


class Fault(RequestModel):
    """One thing that goes wrong, ``times`` times: at each ``every``-th of the calls that it is for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    call: Call | Literal["any"] = "any"
    moment: Literal["before", "after"] = "before"
    """Before the gateway has done what it was asked for, or after."""
    kind: Literal[
        "error", "decline", "time-out", "cut", "bad-gateway", "throttled", "empty", "garbage", "huge", "stall"
    ]
    """``error``: the error ``code``. ``decline``: the payment is refused with ``code``, for good.
    ``time-out``: a pause of ``timeoutMs``; before, the gateway acts once the client has left. ``cut``: the
    connection ends without an answer. ``bad-gateway``: 502 in HTML. ``throttled``: 429. ``empty``,
    ``garbage`` and ``huge`` (16 MB): 200 with such a body. ``stall``: an answer that doesn't go on.
    """
    code: Code | None = None
    times: Count = 1
    every: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1


class GatewayControls(RequestModel):
    """A call meets one fault, the first in the list that is for it.

    ``lookUpLagMs`` and ``webhookDelayMs`` pass on the sandbox's clock, which can be put ahead; other times
    on the real one.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    faults: Annotated[list[Fault], Field(max_length=100)] = Field(default_factory=list)
    timeout_ms: Milliseconds = 70_000
    """Longer than a client's time-out. Setting the gateway's controls ends pauses."""
    latency_ms: Milliseconds = 0
    """Delays every answer."""
    look_up_lag_ms: Milliseconds = 0
    """Look-ups show the past."""
    unapproved_look_up: Literal["shown", "not-found"] = "shown"
    """How a payment looks that isn't confirmed yet."""
    amount_mismatch_code: Code | None = None
    """The error for a confirmation with another amount; the gateway's own by default."""
    aborted_confirm_code: Code | None = None
    """Toss: the error for a confirmation of a payment that was refused before."""
    opens_unknown: Flag = False
    """A confirmation of an unknown key opens and authenticates the payment: load needs no window."""
    replays_server_errors: Flag = False
    """Repeated idempotency keys get a 5xx again, as they get all else again."""
    webhook_url: Url | None = None
    """Where payments are reported from now on; None is the address of the settings."""
    webhook_delay_ms: Milliseconds = 0
    """From a change to the call that reports it."""
    webhook_timeout_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] | None = None
    """How long to wait for an answer; the gateway's own time by default."""
    webhooks_held: Flag = False
    """Send none until this ends; then all that are due."""
    webhooks_reversed: Flag = False
    """Of those that are due, send the newest first."""
    drop_webhooks_next: Count = 0
    """Never call so many of the next ones."""
    duplicate_webhooks_next: Count = 0
    """Call so many of the next ones twice."""
    webhook_version: Literal["2024-04-25", "2024-01-01"] = "2024-04-25"
    """PortOne: the older one has other names."""
    deposit_callbacks: Flag = True
    """Toss: virtual accounts are reported by DEPOSIT_CALLBACK, too."""


class ControlSource:
    """The controls of one gateway. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._controls = GatewayControls()
        self._seen: list[int] = []
        self._changes = 0
        self._is_closed = False

    @property
    def controls(self) -> GatewayControls:
        """With the counts that are left."""
        with self._lock:
            return self._controls

    def set(self, controls: GatewayControls) -> None:
        """Set all, which ends the pauses that the former ones have begun."""
        with self._lock:
            self._changes += 1
            self._lock.notify_all()
            self._controls = controls
            self._seen = [0] * len(controls.faults)

    def take_fault(self, call: Call) -> tuple[Fault | None, int]:
        """The fault that a call meets, which uses up one of its times; and the number of the controls."""
        with self._lock:
            for position, fault in enumerate(self._controls.faults):
                if fault.times == 0 or fault.call not in ("any", call):
                    continue
                self._seen[position] += 1
                if self._seen[position] % fault.every == 0:
                    self._use_up(position, fault)
                    return fault, self._changes
            return None, self._changes

    def take(self, count: Literal["drop_webhooks_next", "duplicate_webhooks_next"]) -> bool:
        """Use up one of a count. False if none is left."""
        with self._lock:
            left: int = getattr(self._controls, count)
            if left:
                self._controls = self._controls.model_copy(update={count: left - 1})
            return left > 0

    def delay(self) -> None:
        """Wait for ``latencyMs``."""
        with self._lock:
            self._wait(self._controls.latency_ms, self._changes)

    def time_out(self, number: int) -> None:
        """Wait for ``timeoutMs``, unless the controls with that number were followed by others."""
        with self._lock:
            self._wait(self._controls.timeout_ms, number)

    def close(self) -> None:
        """End all waits: the process stops."""
        with self._lock:
            self._is_closed = True
            self._lock.notify_all()

    def _use_up(self, position: int, fault: Fault) -> None:
        faults = list(self._controls.faults)
        faults[position] = fault.model_copy(update={"times": fault.times - 1})
        self._controls = self._controls.model_copy(update={"faults": faults})

    def _wait(self, milliseconds: int, number: int) -> None:
        if milliseconds:
            self._lock.wait_for(lambda: self._is_closed or self._changes != number, milliseconds / 1000)
