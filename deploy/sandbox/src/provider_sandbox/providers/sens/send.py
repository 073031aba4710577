"""What becomes of a message that SENS gets: refused at once, or accepted, whatever its text is."""

from provider_sandbox.providers.controls import SensFaults
from provider_sandbox.providers.messages import NewMessage
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.sens import codes
from provider_sandbox.providers.sens.account import SMS_NUMBER
from provider_sandbox.providers.sens.bodies import SensMessage
from provider_sandbox.providers.templates import Template
from provider_sandbox.providers.written_message import written_message


def request_code(message: SensMessage, faults: SensFaults) -> str:
    """The code for one message of a batch; the others don't depend on it."""
    if message.to in faults.refused_recipients:
        return faults.refused_recipients[message.to]
    return codes.ACCEPTED if is_korean_mobile(message.to) else codes.INVALID_RECIPIENT


def accepted_message(
    request_id: str,
    position: int,
    message_id: str,
    template: Template,
    message: SensMessage,
    faults: SensFaults,
    now: float,
) -> NewMessage:
    failover = message.failover_config
    if failover is not None and failover.sender not in (None, SMS_NUMBER):
        faults = faults.model_copy(update={"fallback_fails": True})
    return written_message(
        template,
        message.to,
        message.content,
        codes.DELIVERY,
        faults,
        now,
        message_id=message_id,
        group_id=request_id,
        position=position,
        fields={"useSmsFailover": message.use_sms_failover},
        has_fallback=message.use_sms_failover and failover is not None,
    )
