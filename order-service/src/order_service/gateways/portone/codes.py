"""What the types of PortOne's errors mean.

A type that is in no list leaves the outcome unknown.
"""

REFUSES_PAYMENT = frozenset({"INFORMATION_MISMATCH", "INVALID_PAYMENT_TOKEN", "PAYMENT_NOT_FOUND"})
"""The money is not taken. Only for a first attempt: of an earlier one they say nothing."""

REFUSES_REFUND = frozenset(
    {
        "CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT",
        "CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT",
        "NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT", "PAYMENT_NOT_FOUND", "PAYMENT_NOT_PAID",
        "PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED", "SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT",
    }
)  # fmt: skip
"""The money is not returned."""

OTHER_BALANCE = frozenset(
    {
        "CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN", "CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT",
        "PAYMENT_ALREADY_CANCELLED",
    }
)  # fmt: skip
"""Nothing was returned by this attempt, perhaps because an earlier one did."""

REFUSES_US = frozenset({"FORBIDDEN", "INVALID_REQUEST", "UNAUTHORIZED"})
"""The fault is in the account, the secret or the call, and not in the buyer's means of payment."""

MAY_BE_CLIENTS_FAULT = "INVALID_REQUEST"
"""Of REFUSES_US: perhaps also for a payment token that isn't one."""

NOT_FOUND = "PAYMENT_NOT_FOUND"

PROVIDER_FAILED = "PG_PROVIDER"
"""What lies behind PortOne has refused, or has failed with an unknown outcome: the type is the same."""
