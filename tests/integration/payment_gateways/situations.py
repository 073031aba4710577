"""What the port answers in which situation: a line each. Every gateway agrees, but for its quirks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import (
    Approved,
    AwaitsDeposit,
    ChargedOtherwise,
    Declined,
    NeverHappened,
    Undecided,
    Unpaid,
)
from order_service.domain.refund_outcome import NotRefunded, Refunded, RefundRefused
from tests.integration.payment_gateways.connection import Connection
from tests.integration.payment_gateways.gateways import Gateway
from tests.integration.payment_gateways.steps import (
    Step,
    approve,
    asked,
    authorised,
    authorised_again,
    authorised_again_unasked,
    controlled,
    deposited,
    find,
    find_late,
    find_refund,
    find_soon,
    goes_wrong,
    key_of_another_order,
    key_that_is_a_path,
    key_that_it_lacks,
    minutes_pass,
    next_attempt,
    refund,
    requested,
    returned,
    taken,
    to_return,
    unreachable,
    void,
    void_later,
    wrong_secret,
)


@dataclass(frozen=True, slots=True)
class Situation:
    """After ``steps``, ``ask`` gives ``answer``; the gateway has so much of the order's money in the end."""

    name: str
    steps: tuple[Step, ...]
    ask: Callable[[Connection], object]
    answer: type
    money: int

    @property
    def full_name(self) -> str:
        """Of all situations."""
        return f"{self.ask.__name__}: {self.name}"

    def at(self, gateway: Gateway) -> "Situation":
        """As that gateway has it."""
        quirk = gateway.quirks.get(self.full_name)
        return self if quirk is None else replace(self, answer=quirk.answer, money=quirk.money)


def _unreadable(call: str, ask: Callable[[Connection], object], *steps: Step) -> Iterator[Situation]:
    """Whatever stands in the place of a reply, before and after the gateway has done what it was asked."""
    for kind in _UNREADABLE:
        # A client that hangs up doesn't keep the gateway from doing it.
        before = _MONEY[call][kind == "time-out"]
        step = goes_wrong(call, kind, "before")
        yield Situation(f"{call}: {kind} before", (*steps, step), ask, Undecided, before)
        if call != "look-up":
            step = goes_wrong(call, kind, "after")
            yield Situation(f"{call}: {kind} after", (*steps, step), ask, Undecided, _MONEY[call][True])


# Before the gateway has done what it was asked, and after.
_MONEY = {"confirm": (0, 30_000), "cancel": (30_000, 0), "look-up": (0, 0)}
# These say as much of every payment: the gateway isn't there, or something else answers in its place.
AWAY = (
    "bad-gateway", "blocked", "no-route", "throttled", "empty", "garbage", "huge", "cut", "time-out", "stall",
)  # fmt: skip
_UNREADABLE = ("error", *AWAY)
_PAID = (taken,)
_REFUSED = (authorised(decline_code="REJECT_CARD_COMPANY"), asked)
_REFUSED_BEFORE = (*_REFUSED, minutes_pass(2), authorised_again)

# fmt: off
APPROVE = (
    Situation("authorised", (), approve, Approved, 30_000),
    Situation("authorised in cents", (authorised(amount=1_050, currency="USD"),), approve, Approved, 1_050),
    Situation("authorised in yen", (authorised(amount=1_050, currency="JPY"),), approve, Approved, 1_050),
    Situation("refused by the bank", (authorised(decline_code="REJECT_CARD_COMPANY"),), approve, Declined, 0),
    Situation("nothing to pay", (requested(amount=0),), approve, Approved, 0),
    Situation("nothing to pay, no gateway there", (requested(amount=0), unreachable), approve, Approved, 0),
    Situation("a currency that it lacks", (requested(currency="EUR"),), approve, Declined, 0),
    Situation("a key that it lacks", (key_that_it_lacks,), approve, Declined, 0),
    Situation("a key that is a path", (key_that_is_a_path,), approve, Declined, 0),
    Situation("a key of another order", (key_of_another_order,), approve, Declined, 0),
    Situation("more than authorised", (requested(amount=30_001),), approve, Declined, 0),
    Situation("less than authorised", (requested(amount=29_999),), approve, Declined, 0),
    Situation("authorised too long ago", (minutes_pass(11),), approve, Declined, 0),
    Situation("asked again with its key", _PAID, approve, Approved, 30_000),
    Situation("another attempt after a charge", (taken, next_attempt), approve, Undecided, 30_000),
    Situation("another attempt after a refusal",
              (*_REFUSED, next_attempt), approve, Undecided, 0),
    Situation("another attempt, too late", (minutes_pass(11), next_attempt), approve, Undecided, 0),
    Situation("another attempt, never asked before", (next_attempt,), approve, Approved, 30_000),
    Situation("another card after a refusal", _REFUSED_BEFORE, approve, Approved, 30_000),
    Situation("another card after a refund",
              (taken, returned(30_000), authorised_again), approve, Approved, 30_000),
    Situation("another card after a charge", (taken, authorised_again), approve, Approved, 60_000),
    Situation("a bank transfer to come", (authorised(method="VIRTUAL_ACCOUNT"),), approve, AwaitsDeposit, 0),
    Situation("no gateway there", (unreachable,), approve, Undecided, 0),
    Situation("another shop's secret", (wrong_secret,), approve, GatewayMisconfigured, 0),
)

FIND = (
    Situation("taken", _PAID, find, Approved, 30_000),
    Situation("taken in cents", (authorised(amount=1_050, currency="USD"), taken), find, Approved, 1_050),
    Situation("taken, and asked late", _PAID, find_late, Approved, 30_000),
    Situation("taken, and returned since", (taken, returned(30_000)), find, Declined, 0),
    Situation("taken, and returned in parts",
              (taken, returned(10_000), returned(20_000, 20_000)), find, Declined, 0),
    Situation("taken, and partly returned", (taken, returned(10_000)), find, Approved, 20_000),
    Situation("taken, the look-up lags", (taken, controlled(lookUpLagMs=60_000)), find, Unpaid, 30_000),
    Situation("taken, but another amount", (taken, requested(amount=30_001)), find, ChargedOtherwise, 30_000),
    Situation("taken, but in another currency",
              (taken, requested(currency="JPY")), find, ChargedOtherwise, 30_000),
    Situation("authorised, not asked for", (), find, Unpaid, 0),
    Situation("authorised, and not shown", (controlled(unapprovedLookUp="not-found"),), find, Unpaid, 0),
    Situation("authorised, and asked soon", (), find_soon, Undecided, 0),
    Situation("authorised, not shown, and asked soon",
              (controlled(unapprovedLookUp="not-found"),), find_soon, Undecided, 0),
    Situation("taken, and asked soon", _PAID, find_soon, Approved, 30_000),
    Situation("refused by the bank, and asked soon",
              _REFUSED, find_soon, Declined, 0),
    Situation("authorised, and asked late", (), find_late, NeverHappened, 0),
    Situation("lapsed", (minutes_pass(11),), find, Declined, 0),
    Situation("lapsed, another amount", (minutes_pass(11), requested(amount=30_001)), find, Declined, 0),
    Situation("refused by the bank",
              _REFUSED, find, Declined, 0),
    Situation("a key that it lacks", (key_that_it_lacks,), find, Unpaid, 0),
    Situation("a key that it lacks, late", (key_that_it_lacks,), find_late, NeverHappened, 0),
    Situation("a key that is a path, late", (key_that_is_a_path,), find_late, NeverHappened, 0),
    Situation("a key of another order", (key_of_another_order,), find, Undecided, 0),
    Situation("a key of another order, late", (key_of_another_order,), find_late, NeverHappened, 0),
    Situation("another payment of the order, late",
              (taken, key_that_it_lacks), find_late, NeverHappened, 30_000),
    Situation("another card after a refusal", (*_REFUSED_BEFORE, taken), find, Approved, 30_000),
    Situation("another card after a refusal, not asked for", _REFUSED_BEFORE, find, Unpaid, 0),
    Situation("another card after a refusal, the look-up lags",
              (*_REFUSED_BEFORE, taken, controlled(lookUpLagMs=60_000)), find, Unpaid, 30_000),
    Situation("a refusal, and another card since", (*_REFUSED, authorised_again_unasked), find, Declined, 0),
    Situation("another authorisation since", (authorised_again_unasked,), find, Unpaid, 0),
    Situation("another authorisation since, late",
              (authorised_again_unasked,), find_late, NeverHappened, 0),
    Situation("no answer of the order, late",
              (key_that_it_lacks, goes_wrong("look-up", "cut", every=2)),
              find_late, Undecided, 0),
    Situation("a bank transfer to come",
              (authorised(method="VIRTUAL_ACCOUNT"), asked), find_late, AwaitsDeposit, 0),
    Situation("a bank transfer that came",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, deposited), find, Approved, 30_000),
    Situation("nothing to pay", (requested(amount=0),), find, Approved, 0),
    Situation("a currency that it lacks", (requested(currency="EUR"),), find, Declined, 0),
    Situation("no gateway there", (unreachable,), find_late, Undecided, 0),
    Situation("another shop's secret", (wrong_secret,), find, GatewayMisconfigured, 0),
    Situation("another shop's secret, late", (wrong_secret,), find_late, GatewayMisconfigured, 0),
    *_unreadable("look-up", find_late),
)

_BANK_REFUSES = goes_wrong("cancel", "error", code="PROVIDER_ERROR")

VOID = (
    Situation("a bank transfer to come", (authorised(method="VIRTUAL_ACCOUNT"), asked), void, Declined, 0),
    Situation("a bank transfer that came",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, deposited), void, Undecided, 30_000),
    Situation("twice", (authorised(method="VIRTUAL_ACCOUNT"), asked, void), void, Declined, 0),
    Situation("a refusal before",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, _BANK_REFUSES, void), void_later, Declined, 0),
    Situation("a refusal before, within a minute",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, _BANK_REFUSES, void), void, Undecided, 0),
    Situation("no gateway there",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, unreachable), void, Undecided, 0),
    Situation("another shop's secret",
              (authorised(method="VIRTUAL_ACCOUNT"), asked, wrong_secret), void, GatewayMisconfigured, 0),
)

REFUND = (
    Situation("all", _PAID, refund, Refunded, 0),
    Situation("all, in cents", (authorised(amount=1_050, currency="USD"), taken), refund, Refunded, 0),
    Situation("a part", (taken, to_return(10_000)), refund, Refunded, 20_000),
    Situation("a part, in cents",
              (authorised(amount=1_050, currency="USD"), taken, to_return(350, 1_050)),
              refund, Refunded, 700),
    Situation("the last of three parts",
              (taken, returned(10_000), returned(5_000, 20_000), to_return(15_000, 15_000)),
              refund, Refunded, 0),
    Situation("the rest", (taken, returned(10_000), to_return(20_000, 20_000)), refund, Refunded, 0),
    Situation("a second part", (taken, returned(10_000), to_return(5_000, 20_000)), refund, Refunded, 15_000),
    Situation("an equal part",
              (taken, returned(10_000), to_return(10_000, 20_000)), refund, Refunded, 10_000),
    Situation("all again with its key", (taken, refund), refund, Refunded, 0),
    Situation("a part again with its key", (taken, to_return(10_000), refund), refund, Refunded, 20_000),
    Situation("another attempt at all", (taken, refund, next_attempt), refund, Refunded, 0),
    Situation("another attempt at a part",
              (taken, to_return(10_000), refund, next_attempt), refund, Refunded, 20_000),
    Situation("another attempt, never asked before", (taken, next_attempt), refund, Refunded, 0),
    Situation("an equal one was faster",
              (taken, returned(10_000), to_return(10_000)), refund, RefundRefused, 20_000),
    Situation("less is left than believed", (taken, returned(10_000)), refund, RefundRefused, 20_000),
    Situation("nothing is left", (taken, returned(30_000), to_return(10_000)), refund, RefundRefused, 0),
    Situation("nothing was taken", (), refund, RefundRefused, 0),
    Situation("nothing was to pay", (requested(amount=0), to_return(0, 0)), refund, Refunded, 0),
    Situation("a key that it lacks", (key_that_it_lacks,), refund, RefundRefused, 0),
    Situation("another payment of the order", (taken, key_that_it_lacks), refund, RefundRefused, 30_000),
    Situation("no gateway there", (taken, unreachable), refund, Undecided, 30_000),
    Situation("another shop's secret", (taken, wrong_secret), refund, GatewayMisconfigured, 30_000),
)

FIND_REFUND = (
    Situation("returned", (taken, refund), find_refund, Refunded, 0),
    Situation("a part was returned", (taken, to_return(10_000), refund), find_refund, Refunded, 20_000),
    Situation("an equal part was returned after another one",
              (taken, returned(10_000), to_return(10_000, 20_000), refund), find_refund, Refunded, 10_000),
    Situation("a part was returned, and others since",
              (taken, to_return(10_000), refund, returned(10_000, 20_000)), find_refund, Refunded, 10_000),
    Situation("returned, the look-up lags",
              (taken, minutes_pass(2), refund, controlled(lookUpLagMs=60_000)), find_refund, NotRefunded, 0),
    Situation("not asked for", _PAID, find_refund, NotRefunded, 30_000),
    Situation("nothing was to pay", (requested(amount=0), to_return(0, 0)), find_refund, Refunded, 0),
    Situation("an equal part was first",
              (taken, returned(10_000), to_return(10_000, 20_000)), find_refund, NotRefunded, 20_000),
    Situation("another refund, as large, was faster",
              (taken, returned(10_000), to_return(10_000)), find_refund, RefundRefused, 20_000),
    Situation("another refund was first",
              (taken, returned(5_000), to_return(10_000)), find_refund, RefundRefused, 25_000),
    Situation("no gateway there", (taken, unreachable), find_refund, Undecided, 30_000),
    Situation("another shop's secret", (taken, wrong_secret), find_refund, GatewayMisconfigured, 30_000),
    Situation("a cut connection", (taken, goes_wrong("look-up", "cut")), find_refund, Undecided, 30_000),
)
# fmt: on
UNREADABLE_APPROVALS = tuple(_unreadable("confirm", approve))
UNREADABLE_REFUNDS = tuple(_unreadable("cancel", refund, taken))
SITUATIONS = (*APPROVE, *UNREADABLE_APPROVALS, *FIND, *VOID, *REFUND, *UNREADABLE_REFUNDS, *FIND_REFUND)
