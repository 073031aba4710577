"""SOLAPI and NHN, as the sandbox has them, failing in turn while one message in twenty gets no reply."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.support.sandbox import Sandbox

# Longer than the consumers wait, and shorter than what they know as the providers' longest time.
_HANGS_MS = 3_000
_LOST_SHARE = 0.05
# Until what a lost reply was about is seen in the database, or the fault ended with its phase.
_LOST_AGAIN_SECONDS = 5.0
_ALWAYS = 1_000_000
_COMMON: Mapping[str, Any] = {"resultDelayMs": 500, "timeoutMs": 1_500}


class Condition(StrEnum):
    """How a provider is."""

    HEALTHY = "HEALTHY"
    REFUSING = "REFUSING"
    """503: nothing is accepted."""
    HANGING = "HANGING"
    """Everything is done, later than anyone waits."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What the providers are like for some time."""

    seconds: float
    solapi: Condition
    nhn: Condition


_H, _R, _S = Condition.HEALTHY, Condition.REFUSING, Condition.HANGING
CYCLE = (
    Phase(15, _H, _H),
    Phase(15, _S, _H),
    Phase(5, _S, _R),
    Phase(10, _H, _R),
    Phase(10, _H, _H),
    Phase(15, _R, _H),
    Phase(5, _R, _S),
    Phase(5, _H, _S),
)


@dataclass
class FailingProviders:
    """To be asked to go on several times a second."""

    sandbox: Sandbox
    lost: int = 0
    """Messages without a reply while their provider was healthy; a reply may be about many."""
    _unanswered: int = 0
    _lost_at: float = -_LOST_AGAIN_SECONDS
    _began: float = field(default_factory=time.monotonic)
    _conditions: tuple[Condition, Condition] | None = None

    def proceed(self, messages: int, unanswered: int) -> None:
        """Begin the phase whose time has come; of ``messages`` so far, 5 % lose their reply.

        So far, ``unanswered`` got none, for whatever reason.
        """
        phase = self._phase()
        conditions = (phase.solapi, phase.nhn)
        if conditions != self._conditions:
            self._conditions = conditions
            self.sandbox.control(solapi=_faults(phase.solapi, "solapi"), nhn=_faults(phase.nhn, "nhn"))
        in_use = "solapi" if phase.solapi is _H else "nhn" if phase.nhn is _H else None
        if in_use and unanswered > self._unanswered:
            self.lost += unanswered - self._unanswered
            self._lost_at = -_LOST_AGAIN_SECONDS
        self._unanswered = unanswered
        # One after the other: more in a row would make the provider seem to be down.
        may_lose = time.monotonic() > self._lost_at + _LOST_AGAIN_SECONDS
        if in_use and may_lose and self.lost < messages * _LOST_SHARE:
            self._lost_at = time.monotonic()
            self.sandbox.control(**{in_use: {**_faults(_H, in_use), "timeoutAfterAcceptNext": 1}})

    def recover(self) -> None:
        self.sandbox.control(solapi=_faults(_H, "solapi"), nhn=_faults(_H, "nhn"))

    def _phase(self) -> Phase:
        passed = (time.monotonic() - self._began) % sum(phase.seconds for phase in CYCLE)
        for phase in CYCLE:
            if passed < phase.seconds:
                return phase
            passed -= phase.seconds
        return CYCLE[-1]


def _faults(condition: Condition, provider: str) -> dict[str, Any]:
    # Of SOLAPI's calls, the one that reaches the recipient.
    common = {**_COMMON, **({"faultsAt": "send-group"} if provider == "solapi" else {})}
    match condition:
        case Condition.REFUSING:
            return {**_COMMON, "failNext": _ALWAYS, "failNextLookups": _ALWAYS}
        case Condition.HANGING:
            return {**_COMMON, "latencyMs": _HANGS_MS}
    return common
