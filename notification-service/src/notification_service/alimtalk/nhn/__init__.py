"""NHN Cloud KakaoTalk Bizmessage, API v2.3."""

from notification_service.alimtalk.nhn.provider import NhnAlimtalkProvider
from notification_service.alimtalk.nhn.requests import NhnAccount
from notification_service.alimtalk.nhn.results import parse_webhook
from notification_service.alimtalk.nhn.templates import NhnTemplates

__all__ = ["NhnAccount", "NhnAlimtalkProvider", "NhnTemplates", "parse_webhook"]
