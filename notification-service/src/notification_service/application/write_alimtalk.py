"""Making a delivery's message of its template."""

import time
from collections.abc import Collection, Iterator
from dataclasses import replace

import structlog

from notification_service.domain.alimtalk_message import (
    ORDER_COMPLETED,
    ORDER_COMPLETED_TEMPLATE_CODE,
    AlimtalkMessage,
    order_message,
)
from notification_service.domain.alimtalk_template import Template, characters
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import (
    DeliveryPostponed,
    DeliveryRejected,
    DeliverySkipped,
    TemplateMismatch,
    UnknownTemplate,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.domain.template_rules import (
    MOST_CHARACTERS,
    MOST_LINK_CHARACTERS,
    MOST_TITLE_CHARACTERS,
)

_PAUSE_SECONDS = 60.0
_ALARM_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class WriteAlimtalk:
    """Writes the message of the delivery's own template, so that every attempt has the same text.

    Raises DeliverySkipped if the recipient can't get it, DeliveryPostponed while the template can't be used,
    and DeliveryRejected if the text is too long to be sent.
    """

    def __init__(
        self,
        templates: TemplateCatalog,
        *,
        has_sms: bool = False,
        codes_with_ids: Collection[str] | None = None,
    ) -> None:
        """``has_sms``: the provider sends an SMS to numbers that can get one, and no alimtalk.

        ``codes_with_ids`` are the templates that the provider's ids are set of; None if it takes our codes.
        """
        self._templates = templates
        self._has_sms = has_sms
        self._codes_with_ids = codes_with_ids
        self._alarmed_at: dict[str, float] = {}

    def __call__(self, delivery: ClaimedDelivery) -> AlimtalkMessage:
        # Before the template, whose being put right would be waited for.
        if delivery.order.recipient.is_erased:
            raise DeliverySkipped(FailureReason.RECIPIENT_ERASED)
        code = delivery.template or ORDER_COMPLETED_TEMPLATE_CODE
        try:
            template = self._templates.by_code(code)
            # A look-up sends nothing, and asks for what was sent while there was SMS.
            has_sms = self._has_sms or delivery.purpose is Purpose.LOOK_UP
            message = order_message(delivery.order, template, delivery.failed_message_ids, has_sms=has_sms)
        except (UnknownTemplate, TemplateMismatch) as error:
            # Of another release, or changed since: an operator puts it right, and nothing is lost until then.
            raise self._not_usable(code, str(error)) from error
        if delivery.purpose is Purpose.SEND and not message.as_sms and not self._has_id(code):
            # Held since another language or version was in use: only the newest one's id is needed to start.
            raise self._not_usable(code, "no id of it is set")
        # The message may have been shorter when it was sent.
        if delivery.purpose is Purpose.SEND and (excess := next(_excesses(message, template), None)):
            raise DeliveryRejected(FailureReason.MESSAGE_TOO_LONG, excess)
        return self._with_original(delivery, message) if template.message == ORDER_COMPLETED.name else message

    def _with_original(self, delivery: ClaimedDelivery, message: AlimtalkMessage) -> AlimtalkMessage:
        """With the original text, too, which a former release sends whatever template is recorded."""
        if message.template_code == ORDER_COMPLETED_TEMPLATE_CODE or not delivery.may_have_been_sent:
            return message
        try:
            original = self._templates.by_code(ORDER_COMPLETED_TEMPLATE_CODE)
        except UnknownTemplate:
            return message
        sent = order_message(delivery.order, original, delivery.failed_message_ids, has_sms=message.as_sms)
        return replace(message, other_texts={sent.template_code: sent.content})

    def _has_id(self, code: str) -> bool:
        return self._codes_with_ids is None or code in self._codes_with_ids

    def _not_usable(self, code: str, reason: str) -> DeliveryPostponed:
        """The error, with the alarm: once for all messages that wait."""
        now = time.monotonic()
        if now - self._alarmed_at.get(code, -_ALARM_SECONDS) >= _ALARM_SECONDS:
            self._alarmed_at[code] = now
            _log.error("alimtalk_template_not_usable", template=code, reason=reason)
        return DeliveryPostponed(FailureReason.TEMPLATE_NOT_USABLE, _PAUSE_SECONDS)


def _excesses(message: AlimtalkMessage, template: Template) -> Iterator[str]:
    """What is longer than it may be, without quoting it."""
    for name, value in message.variables.items():
        # As a reader counts: a template's whole length is counted as Kakao may.
        if len(value) > template.variables[name]:
            yield f"{name} has {len(value)} characters, and may have {template.variables[name]}"
    texts = [("the text", message.content, MOST_CHARACTERS)]
    if not message.as_sms:
        texts.append(("the title", message.title or "", MOST_TITLE_CHARACTERS))
        links = [link for button in message.buttons for link in button.links.values()]
        texts += [("a link", link, MOST_LINK_CHARACTERS) for link in links]
    for name, text, most in texts:
        if characters(text) > most:
            yield f"{name} has {characters(text)} characters, and may have {most}"
