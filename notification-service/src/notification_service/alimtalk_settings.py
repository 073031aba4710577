"""Which alimtalk provider is used, and what it and its webhooks need of the environment."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.alimtalk_template import Locale
from servicekit.config import HttpUrlText

ProviderName = Literal["sandbox", "nhn", "solapi", "sens", "aligo"]

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


def _check_printable(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    # A file's last line break would end up in a header, and fail there without a word about its cause.
    if not (secret.isascii() and secret.isprintable()) or " " in secret or not secret:
        raise ValueError("must be printable ASCII without blanks and line breaks")
    return value


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


_Unset = Field(default=None, validate_default=True)
_Secret = Annotated[SecretStr, AfterValidator(_check_printable)]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_TemplateIds = Annotated[_Text, AfterValidator(_check_template_ids)]
_SenderNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{8,11}$")]


class AlimtalkSettings(BaseSettings):
    """The chosen provider needs its own variables; those of the others may stand there unused."""

    alimtalk_provider: ProviderName = "sandbox"
    alimtalk_url: HttpUrlText | None = _Unset
    # Events don't say which language a customer reads.
    alimtalk_locale: Locale = Locale.KOREAN
    alimtalk_messages_per_second: Annotated[float, Field(gt=0, le=10_000)] | None = None

    nhn_app_key: _Secret | None = _Unset
    nhn_secret_key: _Secret | None = _Unset
    nhn_sender_key: _Secret | None = _Unset
    nhn_url: HttpUrlText = "https://kakaotalk-bizmessage.api.nhncloudservice.com"

    solapi_api_key: _Secret | None = _Unset
    solapi_api_secret: _Secret | None = _Unset
    solapi_channel_id: _Text | None = _Unset
    solapi_sender_number: _SenderNumber | None = _Unset
    solapi_template_id: _TemplateIds | None = _Unset
    solapi_sms_to: Literal["safe-numbers"] | None = None
    solapi_url: HttpUrlText = "https://api.solapi.com"

    sens_access_key: _Secret | None = _Unset
    sens_secret_key: _Secret | None = _Unset
    sens_service_id: _Secret | None = _Unset
    sens_channel_id: _Text | None = _Unset
    sens_url: HttpUrlText = "https://sens.apigw.ntruss.com"

    aligo_api_key: _Secret | None = _Unset
    aligo_user_id: _Secret | None = _Unset
    aligo_sender_key: _Secret | None = _Unset
    aligo_sender_number: _SenderNumber | None = _Unset
    aligo_template_code: _TemplateIds | None = _Unset
    aligo_url: HttpUrlText = "https://kakaoapi.aligo.in"

    @property
    def alimtalk_limit_per_second(self) -> float:
        """Of all consumers together."""
        return self.alimtalk_messages_per_second or _MESSAGES_PER_SECOND[self.alimtalk_provider]

    @property
    def alimtalk_has_sms(self) -> bool:
        """Whether a number that can get an SMS, and no alimtalk, gets that."""
        return self.alimtalk_provider == "solapi" and self.solapi_sms_to is not None

    @property
    def alimtalk_template_ids(self) -> tuple[str, Mapping[str, str]] | None:
        """The variable with the provider's ids of templates, and they by our codes; None if it has none."""
        match self.alimtalk_provider:
            case "solapi":
                return "SOLAPI_TEMPLATE_ID", template_ids(self.solapi_template_id or "")
            case "aligo":
                return "ALIGO_TEMPLATE_CODE", template_ids(self.aligo_template_code or "")
            case _:
                return None

    @property
    def alimtalk_calls_per_attempt(self) -> int:
        return _CALLS_PER_ATTEMPT[self.alimtalk_provider]

    @field_validator(*(name for names in _NEEDED.values() for name in names))
    @classmethod
    def _is_set_for_provider(cls, value: object, info: ValidationInfo) -> object:
        provider = info.data.get("alimtalk_provider")
        if value is None and provider and info.field_name in _NEEDED[provider]:
            raise ValueError(f"is needed with ALIMTALK_PROVIDER={provider}")
        return value


class WebhookSettings(BaseSettings):
    """The secrets that webhooks carry. A provider without one reports nothing here."""

    nhn_webhook_signature: _Secret | None = None
    solapi_webhook_token: _Secret | None = None
