"""What NHN checks before it accepts a message."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider_sandbox.providers.nhn import codes
from provider_sandbox.providers.nhn.account import SENDER_KEY
from provider_sandbox.providers.nhn.bodies import NhnRecipient
from provider_sandbox.providers.phone_numbers import is_korean_mobile
from provider_sandbox.providers.templates import Template


@dataclass(frozen=True, slots=True)
class Checked:
    """A recipient with its result code and, if it is accepted, its message."""

    recipient: NhnRecipient
    code: int
    variables: Mapping[str, str]
    content: str


def request_code(sender_key: str, template: Template | None) -> int:
    """The code for the request as a whole."""
    if sender_key != SENDER_KEY:
        return codes.INACTIVE_SENDER
    if template is None:
        return codes.TEMPLATE_NOT_FOUND
    return codes.SUCCESS if template.is_approved else codes.TEMPLATE_NOT_APPROVED


def checked(template: Template, recipient: NhnRecipient, refused: Mapping[str, str]) -> Checked:
    """One recipient of a batch; the others don't depend on it. ``refused`` are codes by number."""
    if recipient.recipient_no in refused:
        return Checked(recipient, int(refused[recipient.recipient_no]), {}, "")
    if not is_korean_mobile(recipient.recipient_no):
        return Checked(recipient, codes.INVALID_RECIPIENT, {}, "")
    given, names = recipient.template_parameter, set(template.names)
    if names - given.keys():
        return Checked(recipient, codes.TEMPLATE_PARAMETER_MISSING, {}, "")
    if given.keys() - names:
        return Checked(recipient, codes.CONTENT_MISMATCH, {}, "")
    return Checked(recipient, codes.SUCCESS, given, template.fill(given))
