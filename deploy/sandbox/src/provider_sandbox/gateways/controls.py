"""What a test wants a gateway to do wrong, and where it reports to."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from provider_sandbox.controls import ControlSource, Count, Flag, Url, WebhookControls
from servicekit.fields import RequestModel

_Pause = Annotated[int, Field(strict=True, ge=0, le=600_000)]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_]{1,64}$")]
Call = Literal["confirm", "cancel", "look-up"]


class Fault(RequestModel):
    """One thing that goes wrong, ``times`` times: at each ``every``-th of the calls that it is for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    call: Call | Literal["any"] = "any"
    moment: Literal["before", "after"] = "before"
    """Before the gateway has done what it was asked for, or after."""
    kind: Literal[
        "error", "decline", "time-out", "cut", "bad-gateway", "blocked", "no-route", "throttled", "empty",
        "garbage", "huge", "stall",
    ]  # fmt: skip
    """``error``: the error ``code``. ``decline``: the payment is refused with ``code``, for good.
    ``time-out``: a pause of ``timeoutMs``; before, the gateway acts once the client has left. ``cut``: the
    connection ends without an answer. ``bad-gateway``, ``blocked`` and ``no-route``: 502, 403 and 404 in
    HTML. ``throttled``: 429. ``empty``,
    ``garbage`` and ``huge`` (16 MB): 200 with such a body. ``stall``: an answer that doesn't go on.
    """
    code: Code | None = None
    times: Count = 1
    every: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1


class GatewayControls(WebhookControls):
    """A call meets one fault, the first in the list that is for it.

    ``lookUpLagMs`` and ``webhookDelayMs`` pass on the sandbox's clock, which can be put ahead; other times
    on the real one.
    """

    faults: Annotated[list[Fault], Field(max_length=100)] = Field(default_factory=list)
    timeout_ms: _Pause = 70_000
    """Longer than a client's time-out. Setting the gateway's controls ends pauses."""
    latency_ms: _Pause = 0
    """Delays every answer."""
    look_up_lag_ms: _Pause = 0
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
    webhook_delay_ms: _Pause = 0
    """From a change to the call that reports it."""
    webhook_timeout_ms: Annotated[int, Field(strict=True, ge=1, le=60_000)] | None = None
    """How long to wait for an answer; the gateway's own time by default."""
    webhook_version: Literal["2024-04-25", "2024-01-01"] = "2024-04-25"
    """PortOne: the older one has other names."""
    deposit_callbacks: Flag = True
    """Toss: virtual accounts are reported by DEPOSIT_CALLBACK, too."""


class GatewayControlSource(ControlSource[GatewayControls]):
    """The controls of one gateway. Setting them ends the pauses that the former ones have begun."""

    def __init__(self) -> None:
        super().__init__(GatewayControls())
        self._seen: list[int] = []
        self._changes = 0

    def set(self, controls: GatewayControls) -> None:
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

    def pause(self, number: int) -> None:
        """Wait for ``timeoutMs``, unless the controls with that number were followed by others."""
        with self._lock:
            self._wait(self._controls.timeout_ms, number)

    def _use_up(self, position: int, fault: Fault) -> None:
        faults = list(self._controls.faults)
        faults[position] = fault.model_copy(update={"times": fault.times - 1})
        self._change(faults=faults)

    def _wait(self, milliseconds: int, number: int | None = None) -> None:
        number = self._changes if number is None else number
        if milliseconds:
            self._lock.wait_for(lambda: self._is_closed or self._changes != number, milliseconds / 1000)
