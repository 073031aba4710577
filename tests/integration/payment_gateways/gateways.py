"""The gateways: how each adapter is built, what its codes mean, and in what it differs from the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from order_service.application.ports import PaymentGateway
from order_service.domain.payment_outcome import Approved, Undecided, Unpaid
from order_service.gateways.portone.api import PortoneApi
from order_service.gateways.portone.gateway import PortoneGateway
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from provider_sandbox.gateways.portone import account as portone_account
from provider_sandbox.gateways.toss import account as toss_account

Connect = Callable[[httpx.Client, str, str], PaymentGateway]


@dataclass(frozen=True, slots=True)
class Quirk:
    """What one gateway makes of a situation, in place of what the others make of it."""

    answer: type
    money: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """``name`` is also that of its sandbox, and of its controls."""

    name: str
    connect: Connect
    """Takes a client, the sandbox's URL, and the secret."""
    secret: str
    payment_key: Callable[[Mapping[str, Any]], str]
    """Of a payment that a buyer has authenticated, as the sandbox shows it."""
    unknown_key: str
    """One that it never gave out."""
    path_key: str
    """One that would lead to another path."""
    lapses_after: timedelta
    """Longer than it takes the money of what a buyer has authorised."""
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
    looked_up_at_once: str = ""
    """Of the codes that leave it open: those after which the adapter looks what has become of the payment."""
    quirks: Mapping[str, Quirk] = field(default_factory=dict)
    """By the full names of situations."""


def _toss(client: httpx.Client, url: str, secret: str) -> PaymentGateway:
    return TossGateway(TossApi(client, client, f"{url}/gateways/toss", SecretStr(secret)), "account-1")


TOSS = Gateway(
    name="toss",
    connect=_toss,
    secret=toss_account.SECRET_KEY,
    payment_key=lambda payment: str(payment["paymentKey"]),
    unknown_key="unknown",
    path_key="..",
    lapses_after=timedelta(minutes=13),
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


def _portone(client: httpx.Client, url: str, secret: str) -> PaymentGateway:
    api = PortoneApi(client, client, f"{url}/gateways/portone", SecretStr(secret), portone_account.STORE_ID)
    return PortoneGateway(api, portone_account.STORE_ID, is_test=True)


PORTONE = Gateway(
    name="portone",
    connect=_portone,
    secret=portone_account.API_SECRET,
    payment_key=lambda payment: f"{payment['paymentKey']}:{payment['paymentToken']}",
    unknown_key="tx-unknown:unknown",
    path_key="..:../confirm",
    lapses_after=timedelta(minutes=33),
    refusals="INFORMATION_MISMATCH INVALID_PAYMENT_TOKEN PAYMENT_NOT_FOUND",
    faults_of_ours="FORBIDDEN INVALID_REQUEST UNAUTHORIZED",
    unknown="""
        ALREADY_PAID PG_PROVIDER IDEMPOTENCY_OUTSTANDING_REQUEST CHANNEL_NOT_FOUND
        MAX_TRANSACTION_COUNT_REACHED NEVER_SEEN_BEFORE""",
    not_found="PAYMENT_NOT_FOUND",
    doubtful="",
    refund_refusals="""
        PAYMENT_NOT_FOUND PAYMENT_NOT_PAID CANCEL_TAX_AMOUNT_EXCEEDS_CANCELLABLE_TAX_AMOUNT
        CANCEL_TAX_FREE_AMOUNT_EXCEEDS_CANCELLABLE_TAX_FREE_AMOUNT NEGATIVE_PROMOTION_ADJUSTED_CANCEL_AMOUNT
        PROMOTION_DISCOUNT_RETAIN_OPTION_SHOULD_NOT_BE_CHANGED SUM_OF_PARTS_EXCEEDS_CANCEL_AMOUNT""",
    refund_unknown="""
        CANCELLABLE_AMOUNT_CONSISTENCY_BROKEN CANCEL_AMOUNT_EXCEEDS_CANCELLABLE_AMOUNT
        PAYMENT_ALREADY_CANCELLED PG_PROVIDER IDEMPOTENCY_OUTSTANDING_REQUEST NEVER_SEEN_BEFORE""",
    # A refusal by the buyer's bank has the same code as a failure.
    looked_up_at_once="PG_PROVIDER",
    quirks={
        "approve: confirm: error after": Quirk(Approved, 30_000),
        # It takes an order's money once, whatever the key. At Toss this service alone sees to it.
        "approve: another card after a charge": Quirk(Undecided, 30_000),
        # Also when it was returned: such an order has to be placed again.
        "approve: another card after a refund": Quirk(Undecided, 0),
        # Toss refuses to close what was paid, and doesn't say why.
        "void: a bank transfer that came": Quirk(Approved, 30_000),
        # An authorisation that has ended looks like one that is waited for.
        "find: lapsed": Quirk(Unpaid, 0),
        "find: lapsed, another amount": Quirk(Unpaid, 0),
        # It is asked by the order, which has no such key.
        "find: a key of another order": Quirk(Unpaid, 0),
    },
)

GATEWAYS = (TOSS, PORTONE)
