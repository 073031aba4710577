"""Messages whose text the client has written: only Kakao compares it with the template, after acceptance."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from provider_sandbox.providers.controls import ProviderFaults
from provider_sandbox.providers.messages import NewMessage
from provider_sandbox.providers.outcomes import ResultCodes, outcome_of
from provider_sandbox.providers.templates import Template


def written_message(
    template: Template,
    recipient_no: str,
    content: str,
    codes: ResultCodes,
    faults: ProviderFaults,
    now: float,
    *,
    message_id: str,
    group_id: str,
    position: int,
    fields: Mapping[str, Any],
    has_fallback: bool,
) -> NewMessage:
    """The message as it is accepted, whatever its text is."""
    variables = template.variables_of(content)
    code = codes.mismatch if variables is None else None
    return NewMessage(
        message_id=message_id,
        group_id=group_id,
        position=position,
        # There is no field for our reference: the same for the same text to the same number.
        reference=sha256(f"{recipient_no}\n{content}".encode()).hexdigest()[:32],
        template_code=template.code,
        recipient_no=recipient_no,
        variables=variables or {},
        content=content,
        outcome=outcome_of(codes, faults, recipient_no, now, has_fallback=has_fallback, code=code),
        fields=fields,
    )
