"""SOLAPI and NHN, as the sandbox has them, failing in turn while one message in twenty gets no reply."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.support.sandbox import Sandbox

# Longer than the consumers wait, which is their time-out and a second for connecting, and shorter than what
# they know as the providers' longest time.
_HANGS_MS = 3_000
_REPLY_LOST_MS = 2_500
_LOST_SHARE = 0.05
# Not so many in a row that the provider would seem to be down.
_LOST_AT_ONCE = 8
_ALWAYS = 1_000_000
_COMMON: Mapping[str, Any] = {"resultDelayMs": 500, "timeoutMs": _REPLY_LOST_MS}


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


class LostReplies:
    """What was in the calls that the sandbox accepted and did not answer in time."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._after = 0
        """Up to here, all requests are answered."""
        self._prepared: dict[str, int] = {}
        """How many messages each of SOLAPI's groups has."""
        self._lost: dict[tuple[str, str], int] = {}

    def messages(self) -> int:
        """So many so far; each reply may be about several."""
        after: int | None = self._after
        are_answered = True
        while after is not None:
            requests, after = self._sandbox.requests(after)
            for request in requests:
                self._take(request)
            are_answered = are_answered and all(request["status"] for request in requests)
            if are_answered and after is not None:
                self._after = after
        return sum(self._lost.values())

    def _take(self, request: Mapping[str, Any]) -> None:
        *_, group_id, verb = request["target"].split("/")
        if request["method"] == "PUT" and verb == "messages":
            self._prepared[group_id] = len(json.loads(request["body"])["messages"])
        if request["fault"] == "timeout_after_accept_next":
            is_group = request["provider"] == "solapi"
            size = self._prepared[group_id] if is_group else len(json.loads(request["body"])["recipientList"])
            self._lost[request["receivedAt"], request["target"]] = size


@dataclass
class FailingProviders:
    """To be asked to go on several times a second."""

    sandbox: Sandbox
    lost: int = 0
    """Messages that were accepted, and whose reply was lost, while their provider was healthy."""
    _armed_at: int | None = None
    """What was lost before the replies that are to be lost next."""
    _began: float = field(default_factory=time.monotonic)
    _conditions: tuple[Condition, Condition] | None = None
    _replies: LostReplies = field(init=False)

    def __post_init__(self) -> None:
        self._replies = LostReplies(self.sandbox)

    def proceed(self, messages: int) -> None:
        """Begin the phase whose time has come; of ``messages`` so far, 5 % lose their reply."""
        phase = self._phase()
        conditions = (phase.solapi, phase.nhn)
        if conditions != self._conditions:
            self._conditions, self._armed_at = conditions, None
            self.sandbox.control(solapi=_faults(phase.solapi, "solapi"), nhn=_faults(phase.nhn, "nhn"))
        self.lost = self._replies.messages()
        # The sandbox says which replies were lost once it gives them, too late.
        is_armed = self._armed_at == self.lost
        in_use = "solapi" if phase.solapi is _H else "nhn" if phase.nhn is _H else None
        if in_use and not is_armed and self.lost < messages * _LOST_SHARE:
            self._armed_at = self.lost
            self.sandbox.control(**{in_use: {**_faults(_H, in_use), "timeoutAfterAcceptNext": _LOST_AT_ONCE}})

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
