"""Which alimtalk providers are used, and what they and their webhooks need of the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings

from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.alimtalk_template import Locale
from servicekit.config import HttpUrlText, PrintableSecret

ProviderName = Literal["sandbox", "nhn", "solapi", "sens", "aligo"]
# Each of two must be asked what it may have: Aligo can't be.
SecondProviderName = Literal["sandbox", "nhn", "solapi", "sens"]

_NEEDED: dict[ProviderName, tuple[str, ...]] = {
    "sandbox": ("alimtalk_url",),
    "nhn": ("nhn_app_key", "nhn_secret_key", "nhn_sender_key"),
    "solapi": (
        "solapi_api_key",
        "solapi_api_secret",
        "solapi_channel_id",
        "solapi_sender_number",
        "solapi_template_id",
    ),
    "sens": ("sens_access_key", "sens_secret_key", "sens_service_id", "sens_channel_id"),
    "aligo": (
        "aligo_api_key",
        "aligo_user_id",
        "aligo_sender_key",
        "aligo_sender_number",
        "aligo_template_code",
    ),
}
# To look a message up and to send it. SOLAPI needs its list and its group, then both again and one more.
_CALLS_PER_ATTEMPT: dict[ProviderName, int] = {"sandbox": 2, "nhn": 2, "solapi": 5, "sens": 2, "aligo": 2}
# Only NHN documents a number: of its Notification Hub. The others' are cautious; ask the sales desk.
_MESSAGES_PER_SECOND: dict[ProviderName, float] = {
    "sandbox": 10_000.0,
    "nhn": 300.0,
    "solapi": 100.0,
    "sens": 100.0,
    "aligo": 50.0,
}


_ID = r"[^=,\s]{1,100}"
_TEMPLATE_IDS = re.compile(rf"{_ID}|{_ID}={_ID}(,{_ID}={_ID})*")


def _check_template_ids(text: str) -> str:
    if not _TEMPLATE_IDS.fullmatch(text):
        raise ValueError("must be an id, or CODE=ID,CODE=ID")
    codes = [pair.split("=")[0] for pair in text.split(",")]
    if repeated := sorted({code for code in codes if codes.count(code) > 1}):
        raise ValueError(f"has two ids of {', '.join(repeated)}")
    return text


def template_ids(text: str) -> Mapping[str, str]:
    """The provider's ids of templates by our codes; a single id is that of ORDER_COMPLETED."""
    if "=" not in text:
        return {ORDER_COMPLETED_TEMPLATE_CODE: text}
    return dict(pair.split("=") for pair in text.split(","))


# A message that its list shows later than that would be sent twice.
_LEAST_PROCESSING_SECONDS = 60.0
_ProcessingSeconds = Annotated[float, Field(ge=0, le=3600)]
_Rate = Annotated[float, Field(gt=0, le=10_000)]
_Unset = Field(default=None, validate_default=True)
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_TemplateIds = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000),
    AfterValidator(_check_template_ids),
]
_SenderNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{8,11}$")]


@dataclass(frozen=True, slots=True)
class ChosenProvider:
    """A provider that is used. ``messages_per_second`` is the limit of all consumers together.

    ``processing_seconds`` is the longest that a post takes until a look-up finds its message.
    """

    name: ProviderName
    messages_per_second: float
    processing_seconds: float
    calls_per_attempt: int
    has_sms: bool
    """Whether a number that can get an SMS, and no alimtalk, gets that."""
    template_ids: tuple[str, Mapping[str, str]] | None
    """The variable with the provider's ids of templates, and they by our codes; None if it has none."""


class AlimtalkSettings(BaseSettings):
    """The chosen providers need their own variables; those of the others may stand there unused."""

    alimtalk_provider: ProviderName = "sandbox"
    alimtalk_second_provider: SecondProviderName | None = None
    alimtalk_url: HttpUrlText | None = _Unset
    # Events don't say which language a customer reads.
    alimtalk_locale: Locale = Locale.KOREAN
    alimtalk_messages_per_second: _Rate | None = None
    alimtalk_second_messages_per_second: _Rate | None = None
    alimtalk_processing_seconds: _ProcessingSeconds = _LEAST_PROCESSING_SECONDS
    # As the first one's, if it is unset.
    alimtalk_second_processing_seconds: _ProcessingSeconds | None = None

    nhn_app_key: PrintableSecret | None = _Unset
    nhn_secret_key: PrintableSecret | None = _Unset
    nhn_sender_key: PrintableSecret | None = _Unset
    nhn_url: HttpUrlText = "https://kakaotalk-bizmessage.api.nhncloudservice.com"

    solapi_api_key: PrintableSecret | None = _Unset
    solapi_api_secret: PrintableSecret | None = _Unset
    solapi_channel_id: _Text | None = _Unset
    solapi_sender_number: _SenderNumber | None = _Unset
    solapi_template_id: _TemplateIds | None = _Unset
    solapi_sms_to: Literal["safe-numbers"] | None = None
    solapi_url: HttpUrlText = "https://api.solapi.com"

    sens_access_key: PrintableSecret | None = _Unset
    sens_secret_key: PrintableSecret | None = _Unset
    sens_service_id: PrintableSecret | None = _Unset
    sens_channel_id: _Text | None = _Unset
    sens_url: HttpUrlText = "https://sens.apigw.ntruss.com"

    aligo_api_key: PrintableSecret | None = _Unset
    aligo_user_id: PrintableSecret | None = _Unset
    aligo_sender_key: PrintableSecret | None = _Unset
    aligo_sender_number: _SenderNumber | None = _Unset
    aligo_template_code: _TemplateIds | None = _Unset
    aligo_url: HttpUrlText = "https://kakaoapi.aligo.in"

    @property
    def alimtalk_first(self) -> ChosenProvider:
        return self._chosen(
            self.alimtalk_provider, self.alimtalk_messages_per_second, self.alimtalk_processing_seconds
        )

    @property
    def alimtalk_second(self) -> ChosenProvider | None:
        """The provider that takes over while the first one is down; None if messages wait instead."""
        if self.alimtalk_second_provider is None:
            return None
        processing_seconds = self.alimtalk_second_processing_seconds
        if processing_seconds is None:
            processing_seconds = self.alimtalk_processing_seconds
        return self._chosen(
            self.alimtalk_second_provider, self.alimtalk_second_messages_per_second, processing_seconds
        )

    @property
    def alimtalk_chosen(self) -> tuple[ChosenProvider, ...]:
        """The first one, and the second if there is one."""
        second = self.alimtalk_second
        return (self.alimtalk_first,) if second is None else (self.alimtalk_first, second)

    def _chosen(
        self, name: ProviderName, messages_per_second: float | None, processing_seconds: float
    ) -> ChosenProvider:
        return ChosenProvider(
            name,
            messages_per_second or _MESSAGES_PER_SECOND[name],
            processing_seconds,
            _CALLS_PER_ATTEMPT[name],
            has_sms=name == "solapi" and self.solapi_sms_to is not None,
            template_ids=self._template_ids(name),
        )

    def _template_ids(self, name: ProviderName) -> tuple[str, Mapping[str, str]] | None:
        match name:
            case "solapi":
                return "SOLAPI_TEMPLATE_ID", template_ids(self.solapi_template_id or "")
            case "aligo":
                return "ALIGO_TEMPLATE_CODE", template_ids(self.aligo_template_code or "")
            case _:
                return None

    @field_validator(*(name for names in _NEEDED.values() for name in names))
    @classmethod
    def _is_set_for_provider(cls, value: object, info: ValidationInfo) -> object:
        for variable in ("alimtalk_provider", "alimtalk_second_provider"):
            provider = info.data.get(variable)
            if value is None and provider and info.field_name in _NEEDED[provider]:
                raise ValueError(f"is needed with {variable.upper()}={provider}")
        return value

    @model_validator(mode="after")
    def _second_differs(self) -> Self:
        if self.alimtalk_second_provider is None:
            return self
        if self.alimtalk_second_provider == self.alimtalk_provider:
            raise ValueError("ALIMTALK_SECOND_PROVIDER must be another one than ALIMTALK_PROVIDER")
        if self.alimtalk_provider == "aligo":
            raise ValueError(
                "ALIMTALK_SECOND_PROVIDER can't stand beside ALIMTALK_PROVIDER=aligo,"
                " which can't be asked what it has sent"
            )
        return self

    @model_validator(mode="after")
    def _processing_is_waited_for(self) -> Self:
        for place, chosen in enumerate(self.alimtalk_chosen):
            if chosen.processing_seconds < _LEAST_PROCESSING_SECONDS and self._is_real(chosen.name):
                variable = f"ALIMTALK_{'SECOND_' if place else ''}PROCESSING_SECONDS"
                raise ValueError(f"{variable} must be at least 60 with {chosen.name}")
        return self

    def _is_real(self, name: ProviderName) -> bool:
        """Whether the provider is called at its own address; a stand-in may be quicker."""
        field = type(self).model_fields.get(f"{name}_url")
        return field is not None and getattr(self, f"{name}_url") == field.default


class WebhookSettings(BaseSettings):
    """The secrets that webhooks carry. A provider without one reports nothing here."""

    nhn_webhook_signature: PrintableSecret | None = None
    solapi_webhook_token: PrintableSecret | None = None
