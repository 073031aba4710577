"""What Toss's error codes mean. The HTTP status says less: some 400 is a refusal, another one is paid.

A code that is in no list leaves the outcome unknown.
"""

REFUSES_PAYMENT = frozenset(
    {
        "BELOW_MINIMUM_AMOUNT", "EXCEED_MAX_AMOUNT", "EXCEED_MAX_AUTH_COUNT",
        "EXCEED_MAX_CARD_INSTALLMENT_PLAN", "EXCEED_MAX_DAILY_PAYMENT_COUNT",
        "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", "EXCEED_MAX_ONE_DAY_AMOUNT",
        "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
        "EXCEED_MAX_PAYMENT_AMOUNT", "FDS_ERROR", "INVALID_ACCOUNT_INFO_RE_REGISTER",
        "INVALID_CARD_EXPIRATION", "INVALID_CARD_INSTALLMENT_PLAN", "INVALID_CARD_LOST_OR_STOLEN",
        "INVALID_CARD_NUMBER", "INVALID_PASSWORD", "INVALID_REJECT_CARD", "INVALID_STOPPED_CARD",
        "NOT_ALLOWED_POINT_USE", "NOT_AVAILABLE_BANK", "NOT_AVAILABLE_PAYMENT", "NOT_FOUND_PAYMENT",
        "NOT_FOUND_PAYMENT_SESSION", "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
        "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", "REJECT_ACCOUNT_PAYMENT", "REJECT_CARD_COMPANY",
        "REJECT_CARD_PAYMENT", "REJECT_TOSSPAY_INVALID_ACCOUNT", "RESTRICTED_TRANSFER_ACCOUNT",
    }
)  # fmt: skip
"""The money is not taken. Only for a first attempt: of an earlier one they say nothing."""

REFUSES_REFUND = frozenset(
    {
        "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", "EXCEED_CANCEL_LIMIT", "EXCEED_MAX_REFUND_DUE",
        "FORBIDDEN_BANK_REFUND_REQUEST", "INVALID_BANK", "INVALID_REFUND_ACCOUNT_INFO",
        "INVALID_REFUND_ACCOUNT_NUMBER", "NOT_ALLOWED_PARTIAL_REFUND",
        "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", "NOT_AVAILABLE_BANK", "NOT_CANCELABLE_PAYMENT",
        "NOT_FOUND_PAYMENT", "REFUND_REJECTED",
    }
)  # fmt: skip
"""The money is not returned."""

OTHER_BALANCE = frozenset(
    {
        "ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT", "NOT_CANCELABLE_AMOUNT",
        "NOT_MATCHES_REFUNDABLE_AMOUNT",
    }
)  # fmt: skip
"""Nothing was returned by this attempt, perhaps because an earlier one did."""

REFUSES_US = frozenset(
    {
        "FORBIDDEN_REQUEST", "INCORRECT_BASIC_AUTH_FORMAT", "INVALID_API_KEY", "INVALID_AUTHORIZE_AUTH",
        "INVALID_IDEMPOTENCY_KEY", "INVALID_REQUEST", "INVALID_UNREGISTERED_SUBMALL",
        "NOT_FOUND_TERMINAL_ID", "NOT_REGISTERED_BUSINESS", "UNAPPROVED_ORDER_ID", "UNAUTHORIZED_KEY",
    }
)  # fmt: skip
"""The fault is in the account, the key or the call, and not in the buyer's means of payment."""

NOT_FOUND = frozenset({"NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION"})
MAY_BE_CLIENTS_FAULT = frozenset({"FORBIDDEN_REQUEST", "INVALID_REQUEST"})
"""Of REFUSES_US: also for a payment key that was authorised for another order or amount, or isn't one."""

EXCLUDES_PAYMENT = NOT_FOUND | {"INVALID_REQUEST"}
"""Of a look-up: there is no such payment, or no such key.

FORBIDDEN_REQUEST says less: the payment may be there, and the secret key be that of another account.
"""
