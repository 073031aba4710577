"""Sending through SENS."""

from typing import Any
from uuid import uuid4

from provider_sandbox.providers.controls import SensFaults
from provider_sandbox.providers.desk import MessageDesk
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.sens import codes
from provider_sandbox.providers.sens.account import CHANNEL, SMS_NUMBER
from provider_sandbox.providers.sens.bodies import SensBody, SensMessage
from provider_sandbox.providers.sens.replies import SensRefusals, sent_reply
from provider_sandbox.providers.written_message import written_message


def send_sens_messages(body: SensBody, desk: MessageDesk, faults: SensFaults) -> dict[str, Any]:
    """The reply. Raises a refusal of the request as a whole."""
    if body.plus_friend_id != CHANNEL:
        raise SensRefusals().invalid("plusFriendId is unknown.")
    template = desk.records.templates.approved(body.template_code)
    if template is None:
        raise SensRefusals().invalid("The template does not exist or is not approved.")
    request_id, now = str(uuid4()), desk.records.clock.now()
    sent = [(str(uuid4()), _request_code(each, faults), each) for each in body.messages]
    accepted = [
        written_message(
            template,
            each.to,
            each.content,
            codes.DELIVERY,
            faults.with_sms_from(each.sms_number, SMS_NUMBER),
            now,
            message_id=message_id,
            group_id=request_id,
            position=position,
            fields={"useSmsFailover": each.use_sms_failover},
            has_fallback=each.use_sms_failover and each.failover_config is not None,
        )
        for position, (message_id, code, each) in enumerate(sent, 1)
        if code == codes.ACCEPTED
    ]
    desk.accept(accepted, faults, now)
    return sent_reply(request_id, sent, now)


def _request_code(message: SensMessage, faults: SensFaults) -> str:
    """The code for one message of a batch; the others don't depend on it."""
    if message.to in faults.refused_recipients:
        return faults.refused_recipients[message.to]
    return codes.ACCEPTED if is_korean_mobile(message.to) else codes.INVALID_RECIPIENT
