"""Sending through NHN: check the batch, use the idempotency key, keep what is accepted."""

from typing import Any

from provider_sandbox.providers.controls import Account, NhnFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.identifiers import dated_id
from provider_sandbox.providers.messages import NewMessage
from provider_sandbox.providers.nhn import codes
from provider_sandbox.providers.nhn.account import SMS_NUMBER
from provider_sandbox.providers.nhn.bodies import MessagesBody
from provider_sandbox.providers.nhn.checks import Checked, checked, request_code
from provider_sandbox.providers.nhn.replies import refusal, sent_reply
from provider_sandbox.providers.outcomes import outcome_of

IDEMPOTENCY_SECONDS = 10 * 60.0


class SendNhnMessages:
    """``POST …/messages``."""

    def __init__(self, controls: Account[NhnFaults], desk: MessageDesk) -> None:
        self._controls = controls
        self._desk = desk
        self._records = desk.records

    def __call__(self, body: MessagesBody, idempotency_key: str | None) -> dict[str, Any]:
        """The reply. Raises a refusal of the request as a whole."""
        faults, now = self._controls.controls, self._records.clock.now()
        if faults.refusals_keep_key:
            self._use(idempotency_key, now)
        template = self._records.templates.get(body.template_code)
        code = request_code(body.sender_key, template)
        if template is None or code != codes.SUCCESS:
            raise refusal(code)
        recipients = [checked(template, each, faults.refused_recipients) for each in body.recipient_list]
        request_id = dated_id("", now)
        messages = [
            _message(request_id, position, each, body, idempotency_key, faults, now)
            for position, each in enumerate(recipients, 1)
            if each.code == codes.SUCCESS
        ]
        with self._records.database.transaction():
            if messages and not faults.refusals_keep_key:
                self._use(idempotency_key, now)
            if not self._controls.spend(len(messages)):
                raise refusal(codes.DAILY_VOLUME_EXCEEDED)
            self._desk.accept(messages, faults, now)
        return sent_reply(request_id, body.sender_grouping_key, recipients)

    def _use(self, key: str | None, now: float) -> None:
        if key and not self._records.used_keys.claim(self._desk.provider, key, IDEMPOTENCY_SECONDS, now):
            raise refusal(codes.KEY_USED_ALREADY)


def _message(
    request_id: str,
    position: int,
    accepted: Checked,
    body: MessagesBody,
    idempotency_key: str | None,
    faults: NhnFaults,
    now: float,
) -> NewMessage:
    recipient, resend = accepted.recipient, accepted.recipient.resend_parameter
    faults = faults.with_sms_from(resend.resend_send_no, SMS_NUMBER)
    number = recipient.recipient_no
    return NewMessage(
        message_id=f"{request_id}/{position}",
        group_id=request_id,
        position=position,
        reference=recipient.recipient_grouping_key or body.sender_grouping_key or idempotency_key or "",
        template_code=body.template_code,
        recipient_no=number,
        variables=accepted.variables,
        content=accepted.content,
        outcome=outcome_of(codes.DELIVERY, faults, number, now, has_fallback=resend.is_resend),
        fields={
            "senderGroupingKey": body.sender_grouping_key,
            "recipientGroupingKey": recipient.recipient_grouping_key,
            "createUser": body.create_user,
            "isResend": resend.is_resend,
        },
    )
