"""The providers that the settings choose."""

import httpx
import structlog
from pydantic import SecretStr

from notification_service.alimtalk.aligo import AligoAccount, AligoAlimtalkProvider
from notification_service.alimtalk.nhn import NhnAccount, NhnAlimtalkProvider, NhnTemplates
from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.alimtalk.sens import SensAccount, SensAlimtalkProvider
from notification_service.alimtalk.solapi import SolapiAccount, SolapiAlimtalkProvider, SolapiTemplates
from notification_service.alimtalk_settings import AlimtalkSettings, ProviderName, template_ids
from notification_service.application.ports import AlimtalkProvider, TemplateRegister

_log = structlog.get_logger(__name__)


def create_provider(settings: AlimtalkSettings, client: httpx.Client, name: ProviderName) -> AlimtalkProvider:
    """One of the chosen providers. Warns if it can't look messages up."""
    provider = _provider(settings, client, name)
    if not provider.can_look_up:
        _log.warning("alimtalk_provider_cannot_look_up", provider=name)
    return provider


def _provider(settings: AlimtalkSettings, client: httpx.Client, name: ProviderName) -> AlimtalkProvider:
    match name:
        case "sandbox":
            return SandboxAlimtalkProvider(client, _text(settings.alimtalk_url))
        case "nhn":
            return NhnAlimtalkProvider(client, _nhn_account(settings), settings.nhn_url)
        case "solapi":
            return SolapiAlimtalkProvider(client, _solapi_account(settings), settings.solapi_url)
        case "sens":
            return SensAlimtalkProvider(client, _sens_account(settings), settings.sens_url)
        case "aligo":
            return AligoAlimtalkProvider(client, _aligo_account(settings), settings.aligo_url)


def create_template_register(
    settings: AlimtalkSettings, client: httpx.Client, name: ProviderName
) -> TemplateRegister | None:
    """The templates of one of the chosen providers; None if they can't be asked for."""
    match name:
        case "nhn":
            return NhnTemplates(client, _nhn_account(settings), settings.nhn_url)
        case "solapi":
            return SolapiTemplates(client, _solapi_account(settings), settings.solapi_url)
        case _:
            return None


def _nhn_account(settings: AlimtalkSettings) -> NhnAccount:
    return NhnAccount(
        app_key=_text(settings.nhn_app_key),
        secret_key=_text(settings.nhn_secret_key),
        sender_key=_text(settings.nhn_sender_key),
    )


def _solapi_account(settings: AlimtalkSettings) -> SolapiAccount:
    return SolapiAccount(
        api_key=_text(settings.solapi_api_key),
        api_secret=_text(settings.solapi_api_secret),
        channel_id=_text(settings.solapi_channel_id),
        sender_number=_text(settings.solapi_sender_number),
        template_ids=template_ids(_text(settings.solapi_template_id)),
    )


def _sens_account(settings: AlimtalkSettings) -> SensAccount:
    return SensAccount(
        access_key=_text(settings.sens_access_key),
        secret_key=_text(settings.sens_secret_key),
        service_id=_text(settings.sens_service_id),
        channel_id=_text(settings.sens_channel_id),
    )


def _aligo_account(settings: AlimtalkSettings) -> AligoAccount:
    return AligoAccount(
        api_key=_text(settings.aligo_api_key),
        user_id=_text(settings.aligo_user_id),
        sender_key=_text(settings.aligo_sender_key),
        sender_number=_text(settings.aligo_sender_number),
        template_codes=template_ids(_text(settings.aligo_template_code)),
    )


def _text(setting: SecretStr | str | None) -> str:
    """The value of a setting that its provider needs, so that the settings have checked it."""
    if setting is None:
        raise ValueError("a variable of the chosen provider is missing")
    return setting.get_secret_value() if isinstance(setting, SecretStr) else setting
