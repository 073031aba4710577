"""The gateways: how each adapter is built, what its codes mean, and what it can't do."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from order_service.application.ports import PaymentGateway
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from provider_sandbox.gateways.toss import account as toss_account

Connect = Callable[[httpx.Client, str, str], PaymentGateway]


@dataclass(frozen=True, slots=True)
class Gateway:
    """``name`` is also that of its sandbox, and of its controls."""

    name: str
    connect: Connect
    """Takes a client, the sandbox's URL, and the secret."""
    secret: str
    refusals: str
    """Codes, with which it refuses a payment for good."""
    faults_of_ours: str
    """Codes, with which it refuses this service."""
    unknown: str
    """Codes, which leave open whether the money was taken."""
    not_found: str
    """Codes of a look-up that say that there is no such payment, or no such key."""
    doubtful: str
    """Codes of a look-up that may say so, and may as well mean that the service asks wrongly."""
    refund_refusals: str
    """Codes, with which it refuses a refund for good."""
    refund_unknown: str
    """Codes, which leave open whether the money was returned."""


def _toss(client: httpx.Client, url: str, secret: str) -> PaymentGateway:
    return TossGateway(TossApi(client, client, f"{url}/gateways/toss", SecretStr(secret)), "account-1")


TOSS = Gateway(
    name="toss",
    connect=_toss,
    secret=toss_account.SECRET_KEY,
    refusals="""
        INVALID_REJECT_CARD INVALID_CARD_NUMBER INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD
        INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_INSTALLMENT_PLAN EXCEED_MAX_CARD_INSTALLMENT_PLAN
        NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN
        EXCEED_MAX_AMOUNT EXCEED_MAX_PAYMENT_AMOUNT EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT
        EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT
        BELOW_MINIMUM_AMOUNT NOT_ALLOWED_POINT_USE RESTRICTED_TRANSFER_ACCOUNT
        INVALID_ACCOUNT_INFO_RE_REGISTER NOT_AVAILABLE_PAYMENT REJECT_CARD_PAYMENT REJECT_CARD_COMPANY
        REJECT_ACCOUNT_PAYMENT REJECT_TOSSPAY_INVALID_ACCOUNT EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT
        NOT_AVAILABLE_BANK INVALID_PASSWORD FDS_ERROR NOT_FOUND_PAYMENT_SESSION NOT_FOUND_PAYMENT""",
    faults_of_ours="""
        INVALID_REQUEST INVALID_API_KEY INVALID_AUTHORIZE_AUTH INVALID_UNREGISTERED_SUBMALL
        NOT_REGISTERED_BUSINESS NOT_FOUND_TERMINAL_ID UNAPPROVED_ORDER_ID INVALID_IDEMPOTENCY_KEY
        UNAUTHORIZED_KEY FORBIDDEN_REQUEST INCORRECT_BASIC_AUTH_FORMAT""",
    unknown="""
        ALREADY_PROCESSED_PAYMENT PROVIDER_ERROR CARD_PROCESSING_ERROR FORBIDDEN_CONSECUTIVE_REQUEST
        IDEMPOTENT_REQUEST_PROCESSING FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING
        FAILED_INTERNAL_SYSTEM_PROCESSING UNKNOWN_PAYMENT_ERROR COMMON_ERROR NEVER_SEEN_BEFORE""",
    not_found="NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION INVALID_REQUEST",
    doubtful="INVALID_REQUEST FORBIDDEN_REQUEST",
    refund_refusals="""
        INVALID_BANK INVALID_REFUND_ACCOUNT_INFO INVALID_REFUND_ACCOUNT_NUMBER
        EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT REFUND_REJECTED FORBIDDEN_BANK_REFUND_REQUEST
        NOT_CANCELABLE_PAYMENT NOT_ALLOWED_PARTIAL_REFUND NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT
        EXCEED_MAX_REFUND_DUE EXCEED_CANCEL_LIMIT NOT_AVAILABLE_BANK NOT_FOUND_PAYMENT""",
    refund_unknown="""
        ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT NOT_MATCHES_REFUNDABLE_AMOUNT NOT_CANCELABLE_AMOUNT
        PROVIDER_ERROR FORBIDDEN_CONSECUTIVE_REQUEST IDEMPOTENT_REQUEST_PROCESSING FAILED_REFUND_PROCESS
        FAILED_PARTIAL_REFUND FAILED_METHOD_HANDLING_CANCEL FAILED_INTERNAL_SYSTEM_PROCESSING COMMON_ERROR
        NEVER_SEEN_BEFORE""",
)

GATEWAYS = (TOSS,)
