"""SOLAPI, message API v4."""

from notification_service.alimtalk.solapi.provider import SolapiAlimtalkProvider
from notification_service.alimtalk.solapi.requests import SolapiAccount, solapi_authorization
from notification_service.alimtalk.solapi.results import parse_webhook
from notification_service.alimtalk.solapi.templates import SolapiTemplates

__all__ = [
    "SolapiAccount",
    "SolapiAlimtalkProvider",
    "SolapiTemplates",
    "parse_webhook",
    "solapi_authorization",
]
