"""A behaviour of the gateway, the buyer and the client, from the beginning of a run to its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Pieces = Mapping[int, int]
"""How many of each line of the order, by the lines' numbers."""


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
    sells_accounts: bool = True
    """Virtual ones."""
    is_reported: bool = False
    """By webhooks, which arrive after the client's requests."""
    sells_out: bool = False
    """To others, after the client's requests."""
    cancels: Sequence[Pieces | None] = ()
    """The client's cancellations of the paid order: of all that is left where it is None."""
    cancel_controls: Mapping[str, Any] = field(default_factory=dict)
    """The sandbox's from the first cancellation on."""
    refuses_refunds: bool = False
    """For good, so that an operator has to help."""
    has_coupon: bool = False
    holds_coupon_seconds: int = 40 * 24 * 3600
    places_again: bool = False
    """With the same key, a while after it got no order."""
    another_order: bool = False
    """Of the user, wants the coupon as soon as this one's reservation has lapsed."""

    @property
    def timeout_seconds(self) -> float:
        """Of the service. As short as can be where the gateway lets it pass."""
        faults = (*self.controls.get("faults", ()), *self.cancel_controls.get("faults", ()))
        is_slow = any(fault["kind"] in ("time-out", "stall") for fault in faults)
        return 0.2 if is_slow else 45.0


def one(kind: str, moment: str = "after", call: str = "confirm", **more: Any) -> Mapping[str, Any]:
    """Controls with one fault."""
    return {"faults": [{"call": call, "kind": kind, "moment": moment, **more}]}


def all_of(*controls: Mapping[str, Any]) -> Mapping[str, Any]:
    """Controls with the faults of all."""
    return {"faults": [fault for each in controls for fault in each["faults"]]}


LOST, UNANSWERED = one("cut", "before"), one("cut")
