"""The providers: how each adapter is built, how its double fails, and what it can't do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import pytest

from notification_service.alimtalk import nhn, solapi
from notification_service.alimtalk.aligo import AligoAccount, AligoAlimtalkProvider
from notification_service.alimtalk.nhn import NhnAccount, NhnAlimtalkProvider
from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.alimtalk.sens import SensAccount, SensAlimtalkProvider
from notification_service.alimtalk.solapi import SolapiAccount, SolapiAlimtalkProvider
from notification_service.application.ports import AlimtalkProvider
from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.alimtalk_results import ReportedResults
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    OutcomeUnknown,
    TemplateRefused,
)
from provider_sandbox.providers.aligo import account as aligo_account
from provider_sandbox.providers.nhn import account as nhn_account
from provider_sandbox.providers.sens import account as sens_account
from provider_sandbox.providers.solapi import account as solapi_account
from tests.integration.alimtalk_providers.clocks import skew_sens, skew_solapi
from tests.integration.provider_sandbox.webhook_receiver import Received

Faults = Mapping[str, Any]
Connect = Callable[[httpx.Client, str, str], AlimtalkProvider]
Skew = Callable[[pytest.MonkeyPatch, float], None]


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a provider posts results."""

    secret: str
    parse: Callable[[bytes, str | None, str], ReportedResults]
    secret_of: Callable[[Received], str | None]
    """The secret that a webhook carries."""


@dataclass(frozen=True, slots=True)
class Reports:
    """How a provider reports results: its codes, how many calls they take, and its webhook."""

    delivered: str
    unreachable: str
    """The recipient has no KakaoTalk."""
    unsure: str
    calls_for_60: int
    """To ask for the results of 60 messages of one moment."""
    returns_reference: bool = True
    tells_failures: bool = True
    """Its codes of failed messages are documented; all but the one of success are unsure otherwise."""
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class Batches:
    """The call that sends a batch; the one whose reply names each message, and where in that reply."""

    sends_at: str
    names_at: str
    names: tuple[str, ...]
    is_prepared: bool = False
    """The call that names them comes before the one that sends."""


@dataclass(frozen=True, slots=True)
class Provider:
    """``name`` is also that of its controls, except that the sandbox's own provider is ``alimtalk`` there."""

    name: str
    connect: Connect
    """Takes a client, the sandbox's URL, and the secret."""
    sends_at: str
    """The call that reaches the recipient."""
    found_by: Literal["reference", "text", "nothing"]
    refused_number: Faults
    secret: str = ""
    template_code: str = ORDER_COMPLETED_TEMPLATE_CODE
    fills_template: bool = False
    """The provider makes the text of the variables; else it gets the finished text."""
    compares_text: Literal["at once", "after acceptance", "never"] = "at once"
    refusal: type[DeliveryFailed] = DeliveryRejected
    """Aligo's codes don't say whether anything was sent."""
    template_refusal: type[DeliveryFailed] = DeliveryRejected
    sending_fault: Faults = field(default_factory=dict)
    """What restricts a fault to ``sends_at``."""
    repeats: Literal["refused", "same message", "second message"] = "second message"
    """What becomes of a message that is sent again without a look-up."""
    counts_messages_left: bool = False
    skew: Skew | None = None
    """Puts the clock that signs requests wrong; None if no time is signed."""
    reports: Reports | None = None
    batches: Batches | None = None

    @property
    def controls(self) -> str:
        return "alimtalk" if self.name == "sandbox" else self.name

    @property
    def checks_templates(self) -> bool:
        return self.compares_text != "never"


def _sandbox(client: httpx.Client, url: str, _secret: str) -> AlimtalkProvider:
    return SandboxAlimtalkProvider(client, url)


def _nhn(client: httpx.Client, url: str, secret: str) -> NhnAlimtalkProvider:
    account = NhnAccount(nhn_account.APP_KEY, secret, nhn_account.SENDER_KEY)
    return NhnAlimtalkProvider(client, account, f"{url}/providers/nhn")


def _solapi(client: httpx.Client, url: str, secret: str) -> SolapiAlimtalkProvider:
    account = SolapiAccount(
        solapi_account.API_KEY,
        secret,
        solapi_account.PF_ID,
        solapi_account.SENDER_NUMBER,
        {ORDER_COMPLETED_TEMPLATE_CODE: _SOLAPI_TEMPLATE},
    )
    return SolapiAlimtalkProvider(client, account, f"{url}/providers/solapi")


def _sens(client: httpx.Client, url: str, secret: str) -> AlimtalkProvider:
    account = SensAccount(sens_account.ACCESS_KEY, secret, sens_account.SERVICE_ID, sens_account.CHANNEL)
    return SensAlimtalkProvider(client, account, f"{url}/providers/sens")


def _aligo(client: httpx.Client, url: str, secret: str) -> AlimtalkProvider:
    account = AligoAccount(
        secret,
        aligo_account.USER_ID,
        aligo_account.SENDER_KEY,
        aligo_account.SENDER_NUMBER,
        {ORDER_COMPLETED_TEMPLATE_CODE: ORDER_COMPLETED_TEMPLATE_CODE},
    )
    return AligoAlimtalkProvider(client, account, f"{url}/providers/aligo")


_SOLAPI_TEMPLATE = "KA01TP260101000000000ORDERCOMPLETED"
NUMBER = "01012345678"

SANDBOX = Provider(
    name="sandbox",
    connect=_sandbox,
    sends_at="POST /alimtalk/v1/messages",
    found_by="reference",
    refused_number={"rejectNext": 1},
    compares_text="never",
    batches=Batches("POST /batch", "POST /batch", ("results",)),
)
NHN = Provider(
    name="nhn",
    connect=_nhn,
    secret=nhn_account.SECRET_KEY,
    sends_at="POST /messages",
    found_by="reference",
    refused_number={"refusedRecipients": {NUMBER: "-4019"}},
    fills_template=True,
    template_refusal=TemplateRefused,
    repeats="refused",
    counts_messages_left=True,
    reports=Reports(
        delivered="1000",
        unreachable="3019",
        unsure="3005",
        # One for each quarter of a second in which one of the events was made.
        calls_for_60=3,
        webhook=Webhook(
            secret=nhn_account.WEBHOOK_SIGNATURE,
            parse=nhn.parse_webhook,
            secret_of=lambda call: call.headers.get("x-toast-webhook-signature"),
        ),
    ),
    batches=Batches("POST /messages", "POST /messages", ("message", "sendResults")),
)
SOLAPI = Provider(
    name="solapi",
    connect=_solapi,
    secret=solapi_account.API_SECRET,
    sends_at="POST /send",
    found_by="reference",
    refused_number={"refusedRecipients": {NUMBER: "1060"}},
    template_code=_SOLAPI_TEMPLATE,
    fills_template=True,
    template_refusal=TemplateRefused,
    sending_fault={"faultsAt": "send-group"},
    repeats="same message",
    counts_messages_left=True,
    skew=skew_solapi,
    reports=Reports(
        delivered="4000",
        unreachable="3104",
        unsure="3014",
        calls_for_60=2,
        webhook=Webhook(
            secret=solapi_account.WEBHOOK_TOKEN,
            parse=solapi.parse_webhook,
            secret_of=lambda call: next(iter(call.query.get("token", [])), None),
        ),
    ),
    batches=Batches("POST /send", "PUT /messages", ("resultList",), is_prepared=True),
)
SENS = Provider(
    name="sens",
    connect=_sens,
    secret=sens_account.SECRET_KEY,
    sends_at="POST /messages",
    found_by="text",
    refused_number={"refusedRecipients": {NUMBER: "3008"}},
    compares_text="after acceptance",
    skew=skew_sens,
    reports=Reports(
        delivered="0000", unreachable="3019", unsure="3005", calls_for_60=60, returns_reference=False
    ),
    batches=Batches("POST /messages", "POST /messages", ("messages",)),
)
ALIGO = Provider(
    name="aligo",
    connect=_aligo,
    secret=aligo_account.API_KEY,
    sends_at="POST /send/",
    found_by="nothing",
    refused_number={"refusedRecipients": {NUMBER: "-99"}},
    compares_text="after acceptance",
    refusal=OutcomeUnknown,
    template_refusal=OutcomeUnknown,
    reports=Reports(
        delivered="0",
        unreachable="3019",
        unsure="3005",
        calls_for_60=60,
        returns_reference=False,
        tells_failures=False,
    ),
)

PROVIDERS = (SANDBOX, NHN, SOLAPI, SENS, ALIGO)
