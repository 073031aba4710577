"""Sending through Aligo."""

import secrets
from typing import Any

from provider_sandbox.providers.aligo import codes
from provider_sandbox.providers.aligo.account import SENDER_KEY, SENDER_NUMBER
from provider_sandbox.providers.aligo.bodies import SendForm
from provider_sandbox.providers.aligo.replies import refusal, sent_reply
from provider_sandbox.providers.controls import AligoFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.templates import Template
from provider_sandbox.providers.written_message import written_message


def send_aligo_messages(form: SendForm, desk: MessageDesk, faults: AligoFaults) -> dict[str, Any]:
    """The reply. Raises a refusal of the request as a whole."""
    template = _template(form, desk)
    accepted = [
        each
        for each in form.recipients
        if is_korean_mobile(each.receiver) and each.receiver not in faults.refused_recipients
    ]
    if not accepted:
        raise refusal(codes.INVALID_REQUEST, "No recipient is valid")
    mid, now = str(100_000_000 + secrets.randbelow(900_000_000)), desk.records.clock.now()
    if form.test_mode == "N":
        messages = [
            written_message(
                template,
                each.receiver,
                each.message,
                codes.DELIVERY,
                faults,
                now,
                message_id=f"{mid}-{position}",
                group_id=mid,
                position=position,
                fields={"sender": form.sender},
                has_fallback=form.failover == "Y" and bool(each.fmessage),
            )
            for position, each in enumerate(accepted, 1)
        ]
        desk.accept(messages, faults, now)
    return sent_reply(mid, len(accepted), len(form.recipients) - len(accepted))


def _template(form: SendForm, desk: MessageDesk) -> Template:
    if form.senderkey != SENDER_KEY:
        raise refusal(codes.INVALID_REQUEST, "The sender key is unknown")
    if form.sender != SENDER_NUMBER:
        raise refusal(codes.INVALID_REQUEST, "The sender's number is not registered")
    template = desk.records.templates.approved(form.tpl_code)
    if template is None:
        raise refusal(codes.INVALID_REQUEST, "The template does not exist or is not approved")
    return template
