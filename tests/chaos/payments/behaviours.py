"""What the gateway, the buyer and the client may do."""

from collections.abc import Mapping

from tests.chaos.payments.behaviour import LOST, UNANSWERED, Behaviour, all_of, one
from tests.chaos.payments.behaviours_of_cancelling import cancelling
from tests.chaos.payments.behaviours_with_coupons import coupons_at


def _under_another_key(code: str) -> dict[str, Behaviour]:
    """What a gateway shows of the charge is true of the first payment, too, which is not to be refunded."""
    # The buyer's authorisation is still good.
    refused = one("error", "before", code=code)
    unanswered = all_of(refused, UNANSWERED)
    return {
        "refused, another key": Behaviour(refused, comes_back="with another key"),
        "refused, another key, unanswered": Behaviour(unanswered, comes_back="with another key"),
        "refused, another key, reported":
            Behaviour(unanswered, comes_back="with another key", is_reported=True),
        "refused, another key, sold out":
            Behaviour(unanswered, comes_back="with another key", is_reported=True, sells_out=True),
        "refused, expires, another key": Behaviour(refused, comes_back="with another key", expires=True),
    }  # fmt: skip


def _taken_all_the_same(code: str) -> dict[str, Behaviour]:
    """The gateway takes the money, and refuses the payment with the code ``code``."""
    refused = one("error", code=code)
    return {
        "refused, and taken": Behaviour(refused),
        "refused, and taken, another card": Behaviour(refused, comes_back="with another card"),
        "refused, and taken, refund cut": Behaviour(all_of(refused, one("cut", call="cancel"))),
    }


_LOOK_UP_CUT = all_of(UNANSWERED, one("cut", "before", "look-up", times=2))
_REFUND_UNCLEAR = all_of(UNANSWERED, one("bad-gateway", call="cancel"))
_OTHER_CURRENCY = {"currency": "JPY"}
_PAYING: Mapping[str, Behaviour] = {
    "all is well": Behaviour(),
    **{f"confirm {kind} {moment}": Behaviour(one(kind, moment))
       for kind in ("cut", "time-out") for moment in ("before", "after")},
    **{f"confirm {kind}": Behaviour(one(kind))
       for kind in ("bad-gateway", "stall", "empty", "garbage", "huge")},
    "throttled": Behaviour(one("throttled", "before")),
    "declined": Behaviour(one("decline", "before")),
    "unknown code": Behaviour(one("error", code="A_CODE_OF_TOMORROW")),
    "look-up lags": Behaviour({**UNANSWERED, "lookUpLagMs": 300_000}),
    "look-up cut": Behaviour(_LOOK_UP_CUT),
    "look-up time-out": Behaviour(all_of(UNANSWERED, one("time-out", "before", "look-up"))),
    "lost, not found": Behaviour({**LOST, "unapprovedLookUp": "not-found"}),
    "authorised less": Behaviour(purchase={"amount": 1_000}),
    "paid too late": Behaviour(pays_after_seconds=660),
    "unanswered, comes back": Behaviour(UNANSWERED, comes_back="with its key"),
    "lost, comes back": Behaviour(LOST, comes_back="with its key"),
    "unanswered, another card": Behaviour(UNANSWERED, comes_back="with another card"),
    "lost, another card": Behaviour(LOST, comes_back="with another card"),
    "deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True),
    "never deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}),
    "account not sold": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, sells_accounts=False),
    "account not sold, void cut":
        Behaviour(one("cut", call="cancel"), {"method": "VIRTUAL_ACCOUNT"}, sells_accounts=False),
    "account not sold, expires":
        Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, sells_accounts=False, expires=True),
    "unanswered, reported": Behaviour(UNANSWERED, is_reported=True),
    "lost, reported": Behaviour(LOST, is_reported=True),
    "declined, reported": Behaviour(one("decline", "before"), is_reported=True),
    "look-up cut, reported": Behaviour(_LOOK_UP_CUT, is_reported=True),
    "deposited, reported": Behaviour(
        purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True, is_reported=True
    ),
    "sold out": Behaviour(UNANSWERED, sells_out=True),
    "sold out, refund cut": Behaviour(all_of(UNANSWERED, one("cut", call="cancel")), sells_out=True),
    "sold out, refund lost": Behaviour(all_of(UNANSWERED, one("cut", "before", "cancel")), sells_out=True),
    "sold out, refund unclear": Behaviour(_REFUND_UNCLEAR, sells_out=True),
    "expires, paid too late": Behaviour(expires=True, pays_after_seconds=75),
    "expires, unanswered": Behaviour(UNANSWERED, expires=True),
    "expires, lost": Behaviour(LOST, expires=True),
    "expires, unanswered, another card":
        Behaviour(UNANSWERED, comes_back="with another card", expires=True),
    "expires, declined, another card":
        Behaviour(one("decline", "before"), comes_back="with another card", expires=True),
    "expires, deposited":
        Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, is_deposited=True, expires=True),
    "expires, never deposited": Behaviour(purchase={"method": "VIRTUAL_ACCOUNT"}, expires=True),
    "expires, look-up lags, reported":
        Behaviour({**UNANSWERED, "lookUpLagMs": 300_000}, is_reported=True, expires=True),
    "expires, sold out": Behaviour(UNANSWERED, sells_out=True, expires=True),
}  # fmt: skip
BEHAVIOURS: Mapping[str, Mapping[str, Behaviour]] = {
    "toss": {
        **_PAYING,
        **_under_another_key("REJECT_CARD_PAYMENT"),
        **_taken_all_the_same("REJECT_CARD_PAYMENT"),
        **cancelling("REFUND_REJECTED"),
        **coupons_at("toss"),
        "test code": Behaviour(one("error", "before", code="PROVIDER_ERROR")),
        "replayed 500": Behaviour({**one("error"), "replaysServerErrors": True}, comes_back="with its key"),
        "another currency": Behaviour(purchase=_OTHER_CURRENCY),
        "another currency, refund cut": Behaviour(one("cut", call="cancel"), _OTHER_CURRENCY),
        "another currency, unanswered": Behaviour(UNANSWERED, _OTHER_CURRENCY),
    },
    "portone": {
        **_PAYING,
        **_under_another_key("INVALID_PAYMENT_TOKEN"),
        **_taken_all_the_same("INVALID_PAYMENT_TOKEN"),
        **cancelling("PAYMENT_NOT_PAID"),
        **coupons_at("portone"),
        "provider's error": Behaviour(one("error", code="PG_PROVIDER")),
    },
}
