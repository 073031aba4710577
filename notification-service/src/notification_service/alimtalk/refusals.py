"""What a provider's code in the answer to a request means for the delivery."""

import httpx
import structlog

from notification_service.domain.alimtalk_results import CodeClass
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
    TemplateRefused,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import unexpected

_ACCOUNT_AT_FAULT = {httpx.codes.UNAUTHORIZED, httpx.codes.PAYMENT_REQUIRED, httpx.codes.FORBIDDEN}
_log = structlog.get_logger(__name__)


def refusal(provider: str, code: str, code_class: CodeClass, reply: str) -> DeliveryFailed:
    """The error for a code other than success. Logs ``alimtalk_provider_stopped`` if every message fails."""
    detail = f"{provider} answered with code {code}: {reply}"
    match code_class:
        case CodeClass.RETRY:
            return ReceiverUnavailable(FailureReason.RECEIVER_ERROR, detail)
        case CodeClass.STOP_AND_ALARM:
            _alarm(provider, code)
            return ProviderStopped(FailureReason.PROVIDER_STOPPED, detail, code=code)
        case CodeClass.TEMPLATE_NOT_USABLE:
            return TemplateRefused(FailureReason.TEMPLATE_NOT_USABLE, detail)
        case CodeClass.SMS_INSTEAD | CodeClass.FINAL:
            return DeliveryRejected(FailureReason.REJECTED, detail)
        case CodeClass.ASK:
            return OutcomeUnknown(FailureReason.UNEXPECTED_REPLY, detail)


def refused_look_up(provider: str, code: str, code_class: CodeClass, reply: str) -> DeliveryFailed:
    """The error for a code that answers a question: it says nothing of the message asked about."""
    if code_class not in {CodeClass.RETRY, CodeClass.STOP_AND_ALARM}:
        code_class = CodeClass.ASK
    return refusal(provider, code, code_class, reply)


def refused_by_status(provider: str, response: httpx.Response) -> ReceiverUnavailable:
    """The error for any other status. Logs ``alimtalk_provider_stopped`` for those of key and balance."""
    error = unexpected(response)
    if response.status_code not in _ACCOUNT_AT_FAULT:
        return error
    code = str(response.status_code)
    _alarm(provider, code)
    return ProviderStopped(FailureReason.PROVIDER_STOPPED, str(error), code=code)


def _alarm(provider: str, code: str) -> None:
    # Without the reply, which may quote the recipient.
    _log.error("alimtalk_provider_stopped", provider=provider, code=code)
