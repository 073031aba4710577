"""What becomes of a message that SENS gets: refused at once, or accepted, whatever its text is."""

from provider_sandbox.providers.controls import SensFaults
from provider_sandbox.providers.messages import NewMessage, reference_by_text
from provider_sandbox.providers.outcomes import Outcome, outcome_of, with_fallback
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.sens import codes
from provider_sandbox.providers.sens.account import SMS_NUMBER
from provider_sandbox.providers.sens.bodies import SensMessage
from provider_sandbox.providers.templates import Template


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
    variables = template.variables_of(message.content)
    return NewMessage(
        message_id=message_id,
        group_id=request_id,
        position=position,
        reference=reference_by_text(message.to, message.content),
        template_code=template.code,
        recipient_no=message.to,
        variables=variables or {},
        content=message.content,
        outcome=_outcome(message, faults, now, is_matching=variables is not None),
        fields={"useSmsFailover": message.use_sms_failover},
    )


def _outcome(message: SensMessage, faults: SensFaults, now: float, *, is_matching: bool) -> Outcome:
    failover = message.failover_config
    if failover is not None and failover.sender not in (None, SMS_NUMBER):
        faults = faults.model_copy(update={"fallback_fails": True})
    has_fallback = message.use_sms_failover and failover is not None
    if not is_matching:
        # Only Kakao compares the text with the template, after SENS has accepted it.
        return with_fallback(codes.DELIVERY, faults, codes.TEXT_MISMATCH, now, has_fallback=has_fallback)
    return outcome_of(codes.DELIVERY, faults, message.to, now, has_fallback=has_fallback)
