"""Sending through Aligo."""

import secrets
from typing import Any

from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import SENDER_KEY, SENDER_NUMBER
from provider_sandbox.providers.aligo.bodies import AligoRecipient, SendForm
from provider_sandbox.providers.aligo.replies import refusal, sent_reply
from provider_sandbox.providers.controls import AligoFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.messages import NewMessage, reference_by_text
from provider_sandbox.providers.outcomes import Outcome, outcome_of, with_fallback
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.providers.templates import Template


def send_aligo_messages(
    form: SendForm, records: ProviderRecords, faults: AligoFaults, desk: MessageDesk, now: float
) -> dict[str, Any]:
    """The reply. Raises a refusal of the request as a whole."""
    template = _template(form, records)
    accepted = [
        each
        for each in form.recipients
        if is_korean_mobile(each.receiver) and each.receiver not in faults.refused_recipients
    ]
    if not accepted:
        raise refusal(codes.INVALID_REQUEST, "No recipient is valid")
    mid = str(100_000_000 + secrets.randbelow(900_000_000))
    if form.test_mode == "N":
        messages = [
            _message(mid, position, template, each, form, faults, now)
            for position, each in enumerate(accepted, 1)
        ]
        desk.accept(messages, faults, now)
    return sent_reply(mid, len(accepted), len(form.recipients) - len(accepted))


def _template(form: SendForm, records: ProviderRecords) -> Template:
    template = records.templates.get(form.tpl_code)
    if form.senderkey != SENDER_KEY:
        raise refusal(codes.INVALID_REQUEST, "The sender key is unknown")
    if form.sender != SENDER_NUMBER:
        raise refusal(codes.INVALID_REQUEST, "The sender's number is not registered")
    if template is None or not template.is_approved:
        raise refusal(codes.INVALID_REQUEST, "The template does not exist or is not approved")
    return template


def _message(
    mid: str,
    position: int,
    template: Template,
    recipient: AligoRecipient,
    form: SendForm,
    faults: AligoFaults,
    now: float,
) -> NewMessage:
    variables = template.variables_of(recipient.message)
    has_fallback = form.failover == "Y" and bool(recipient.fmessage)
    return NewMessage(
        message_id=f"{mid}-{position}",
        group_id=mid,
        position=position,
        reference=reference_by_text(recipient.receiver, recipient.message),
        template_code=template.code,
        recipient_no=recipient.receiver,
        variables=variables or {},
        content=recipient.message,
        outcome=_outcome(recipient, faults, now, has_fallback, is_matching=variables is not None),
        fields={"sender": form.sender},
    )


def _outcome(
    recipient: AligoRecipient, faults: AligoFaults, now: float, has_fallback: bool, *, is_matching: bool
) -> Outcome:
    if not is_matching:
        # Only Kakao compares the text with the template, after Aligo has accepted it.
        return with_fallback(codes.DELIVERY, faults, codes.TEXT_MISMATCH, now, has_fallback=has_fallback)
    return outcome_of(codes.DELIVERY, faults, recipient.receiver, now, has_fallback=has_fallback)
