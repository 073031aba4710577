"""What the gateway, the buyer and the client may do, each from the beginning of a run to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Behaviour:
    """``controls`` are the sandbox's; ``purchase`` is what the buyer authorises otherwise."""

    controls: Mapping[str, Any] = field(default_factory=dict)
    purchase: Mapping[str, Any] = field(default_factory=dict)
    pays_after_seconds: float = 0.0
    comes_back: Literal["never", "with its key", "with another card", "with another key"] = "never"
    """With another key: to pay with what the buyer has authorised for the first one."""
    expires: bool = False
    """Where it may, and always before the worker settles anything."""
    is_deposited: bool = False
    is_reported: bool = False
    """By webhooks, which arrive after the client's requests."""
    sells_out: bool = False
    """To others, after the client's requests."""

    @property
    def timeout_seconds(self) -> float:
        """Of the service. As short as can be where the gateway lets it pass."""
        is_slow = any(fault["kind"] in ("time-out", "stall") for fault in self.controls.get("faults", ()))
        return 0.2 if is_slow else 45.0


def _confirm(kind: str, moment: str = "after", call: str = "confirm", **more: Any) -> dict[str, Any]:
    return {"faults": [{"call": call, "kind": kind, "moment": moment, **more}]}


def _twice(kind: str, **more: Any) -> dict[str, Any]:
    """The confirmation is unanswered, and look-ups go wrong, too."""
    return {"faults": _UNANSWERED["faults"] + _confirm(kind, "before", "look-up", **more)["faults"]}


def _and_cancel(kind: str, moment: str = "after") -> dict[str, Any]:
    """The confirmation is unanswered, and the refund goes wrong, too."""
    return {"faults": _UNANSWERED["faults"] + _confirm(kind, moment, "cancel")["faults"]}


def _refused_and(code: str, *then: str) -> dict[str, Any]:
    """The first confirmation is refused, and the buyer's authorisation is still good."""
    confirmations = [_confirm("error", "before", code=code), *(_confirm(kind) for kind in then)]
    return {"faults": [fault for each in confirmations for fault in each["faults"]]}


def _under_another_key(code: str) -> dict[str, Behaviour]:
    """What a gateway shows of the charge is true of the first payment, too, which is not to be refunded."""
    refused, unanswered = _refused_and(code), _refused_and(code, "cut")
    return {
        "refused, another key": Behaviour(refused, comes_back="with another key"),
        "refused, another key, unanswered": Behaviour(unanswered, comes_back="with another key"),
        "refused, another key, reported":
            Behaviour(unanswered, comes_back="with another key", is_reported=True),
        "refused, another key, sold out":
            Behaviour(unanswered, comes_back="with another key", is_reported=True, sells_out=True),
        "refused, expires, another key": Behaviour(refused, comes_back="with another key", expires=True),
    }  # fmt: skip


_LOST, _UNANSWERED = _confirm("cut", "before"), _confirm("cut")
_OTHER_CURRENCY = {"currency": "JPY"}
_ALL: Mapping[str, Behaviour] = {
    "all is well": Behaviour(),
    **{f"confirm {kind} {moment}": Behaviour(_confirm(kind, moment))
       for kind in ("cut", "time-out") for moment in ("before", "after")},
    **{f"confirm {kind}": Behaviour(_confirm(kind))
       for kind in ("bad-gateway", "stall", "empty", "garbage", "huge")},
    "throttled": Behaviour(_confirm("throttled", "before")),
    "declined": Behaviour(_confirm("decline", "before")),
    "unknown code": Behaviour(_confirm("error", code="A_CODE_OF_TOMORROW")),
    "look-up lags": Behaviour({**_UNANSWERED, "lookUpLagMs": 300_000}),
    "look-up cut": Behaviour(_twice("cut", times=2)),
    "look-up time-out": Behaviour(_twice("time-out")),
    "lost, not found": Behaviour({**_LOST, "unapprovedLookUp": "not-found"}),
    "authorised less": Behaviour(purchase={"amount": 1_000}),
    "paid too late": Behaviour(pays_after_seconds=660),
    "unanswered, comes back": Behaviour(_UNANSWERED, comes_back="with its key"),
    "lost, comes back": Behaviour(_LOST, comes_back="with its key"),
    "unanswered, another card": Behaviour(_UNANSWERED, comes_back="with another card"),
    "lost, another card": Behaviour(_LOST, comes_back="with another card"),
    "deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True),
    "never deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}),
    "unanswered, reported": Behaviour(_UNANSWERED, is_reported=True),
    "lost, reported": Behaviour(_LOST, is_reported=True),
    "declined, reported": Behaviour(_confirm("decline", "before"), is_reported=True),
    "look-up cut, reported": Behaviour(_twice("cut", times=2), is_reported=True),
    "deposited, reported": Behaviour(
        purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True, is_reported=True
    ),
    "sold out": Behaviour(_UNANSWERED, sells_out=True),
    "sold out, refund cut": Behaviour(_and_cancel("cut"), sells_out=True),
    "sold out, refund lost": Behaviour(_and_cancel("cut", "before"), sells_out=True),
    "sold out, refund unclear": Behaviour(_and_cancel("bad-gateway"), sells_out=True),
    "expires, paid too late": Behaviour(expires=True, pays_after_seconds=75),
    "expires, unanswered": Behaviour(_UNANSWERED, expires=True),
    "expires, lost": Behaviour(_LOST, expires=True),
    "expires, unanswered, another card":
        Behaviour(_UNANSWERED, comes_back="with another card", expires=True),
    "expires, declined, another card":
        Behaviour(_confirm("decline", "before"), comes_back="with another card", expires=True),
    "expires, deposited":
        Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True, expires=True),
    "expires, never deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, expires=True),
    "expires, look-up lags, reported":
        Behaviour({**_UNANSWERED, "lookUpLagMs": 300_000}, is_reported=True, expires=True),
    "expires, sold out": Behaviour(_UNANSWERED, sells_out=True, expires=True),
}  # fmt: skip
BEHAVIOURS: Mapping[str, Mapping[str, Behaviour]] = {
    "toss": {
        **_ALL,
        **_under_another_key("REJECT_CARD_PAYMENT"),
        "test code": Behaviour(_confirm("error", "before", code="PROVIDER_ERROR")),
        "replayed 500": Behaviour(
            {**_confirm("error"), "replaysServerErrors": True}, comes_back="with its key"
        ),
        "another currency": Behaviour(purchase=_OTHER_CURRENCY),
        "another currency, refund cut": Behaviour(_confirm("cut", call="cancel"), _OTHER_CURRENCY),
        "another currency, unanswered": Behaviour(_UNANSWERED, _OTHER_CURRENCY),
    },
    "portone": {
        **_ALL,
        **_under_another_key("INVALID_PAYMENT_TOKEN"),
        "provider's error": Behaviour(_confirm("error", code="PG_PROVIDER")),
    },
}
