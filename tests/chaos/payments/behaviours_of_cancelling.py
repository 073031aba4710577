"""What the gateway and the client may do while a paid order is cancelled."""

from collections.abc import Mapping
from typing import Any

from tests.chaos.payments.behaviour import Behaviour, all_of, one

_PART, _REST = {1: 1}, None
_BUT_A_PIECE = ({1: 1}, {2: 1})
_LOST, _UNANSWERED = one("cut", "before", "cancel"), one("cut", call="cancel")
_LAGS = {**_UNANSWERED, "lookUpLagMs": 300_000}


def _whole(controls: Mapping[str, Any], **more: Any) -> Behaviour:
    return Behaviour(cancels=[None], cancel_controls=controls, **more)


def cancelling(refusal: str) -> Mapping[str, Behaviour]:
    """At a gateway that refuses a refund with the code ``refusal``."""
    refused = one("error", "before", "cancel", code=refusal)
    look_up_cut = one("cut", "before", "look-up", times=2)
    return {
        "cancelled": _whole({}),
        **{f"cancel {kind} {moment}": _whole(one(kind, moment, "cancel"))
           for kind in ("cut", "time-out") for moment in ("before", "after")},
        **{f"cancel {kind}": _whole(one(kind, call="cancel"))
           for kind in ("bad-gateway", "stall", "empty", "garbage", "huge")},
        "cancel throttled": _whole(one("throttled", "before", "cancel")),
        "cancel refused": _whole(refused, refuses_refunds=True),
        "cancel, unknown code": _whole(one("error", call="cancel", code="A_CODE_OF_TOMORROW")),
        "cancel, replayed 500": _whole({**one("error", call="cancel"), "replaysServerErrors": True}),
        "cancel, look-up lags": _whole(_LAGS),
        "cancel, look-up cut": _whole(all_of(_UNANSWERED, look_up_cut)),
        "cancel lost, comes back": _whole(_LOST, comes_back="with its key"),
        "cancel cut, comes back": _whole(_UNANSWERED, comes_back="with its key"),
        "cancelled in part": Behaviour(cancels=[_PART]),
        "cancelled in part, unanswered": Behaviour(cancels=[_PART], cancel_controls=_UNANSWERED),
        "cancelled in two parts": Behaviour(cancels=_BUT_A_PIECE),
        "cancelled in two parts, unanswered":
            Behaviour(cancels=_BUT_A_PIECE, cancel_controls=one("cut", call="cancel", times=2)),
        "cancelled in part and whole": Behaviour(cancels=[_PART, _REST]),
        "cancelled in part and whole, unanswered":
            Behaviour(cancels=[_PART, _REST], cancel_controls=one("cut", call="cancel", times=2)),
        "cancelled in part and whole, lags": Behaviour(cancels=[_PART, _REST], cancel_controls=_LAGS),
        "cancelled in part, refused":
            Behaviour(cancels=[_PART, _REST], cancel_controls=refused, refuses_refunds=True),
    }  # fmt: skip
