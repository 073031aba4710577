"""Making a delivery's message of its template."""

import structlog

from notification_service.domain.alimtalk_message import (
    ORDER_COMPLETED_TEMPLATE_CODE,
    AlimtalkMessage,
    order_completed_message,
)
from notification_service.domain.alimtalk_template import characters
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import (
    DeliveryPostponed,
    DeliveryRejected,
    TemplateMismatch,
    UnknownTemplate,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.domain.template_rules import MOST_CHARACTERS

_PAUSE_SECONDS = 300.0

_log = structlog.get_logger(__name__)


class WriteAlimtalk:
    """Writes the message of the delivery's own template, so that every attempt has the same text.

    Raises DeliverySkipped if the recipient can't get it, DeliveryPostponed while the template can't be used,
    and DeliveryRejected if the text is too long to be sent.
    """

    def __init__(self, templates: TemplateCatalog, *, has_sms: bool = False) -> None:
        """``has_sms``: the provider sends an SMS to numbers that can get one, and no alimtalk."""
        self._templates = templates
        self._has_sms = has_sms

    def __call__(self, delivery: ClaimedDelivery) -> AlimtalkMessage:
        code = delivery.template or ORDER_COMPLETED_TEMPLATE_CODE
        try:
            template = self._templates.by_code(code)
            # A look-up sends nothing, and asks for what was sent while there was SMS.
            has_sms = self._has_sms or delivery.purpose is Purpose.LOOK_UP
            message = order_completed_message(
                delivery.order, template, delivery.failed_message_ids, has_sms=has_sms
            )
        except (UnknownTemplate, TemplateMismatch) as error:
            # Of another release, or changed since: an operator puts it right, and nothing is lost until then.
            _log.error("alimtalk_template_not_usable", template=code, reason=str(error))
            raise DeliveryPostponed(FailureReason.TEMPLATE_NOT_USABLE, _PAUSE_SECONDS) from error
        # The message may have been shorter when it was sent.
        if delivery.purpose is Purpose.SEND and characters(message.content) > MOST_CHARACTERS:
            detail = f"the text has {characters(message.content)} characters, and may have {MOST_CHARACTERS}"
            raise DeliveryRejected(FailureReason.MESSAGE_TOO_LONG, detail)
        return message
