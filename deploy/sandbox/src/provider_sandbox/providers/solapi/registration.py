"""What SOLAPI checks when a message is registered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from provider_sandbox.providers.solapi import codes
from provider_sandbox.providers.solapi.account import PF_ID, SENDER_NUMBER
from provider_sandbox.providers.solapi.bodies import KakaoOptions, MessageBody
from provider_sandbox.providers.templates import Template


@dataclass(frozen=True, slots=True)
class Registered:
    """A message with its status code; with 2000 it is accepted and has a text."""

    body: MessageBody
    code: str
    variables: Mapping[str, str]
    content: str

    @property
    def is_accepted(self) -> bool:
        return self.code == codes.ACCEPTED


def registered(
    body: MessageBody, template_of: Callable[[str], Template | None], refused: Mapping[str, str]
) -> Registered:
    """One message; the others of the request don't depend on it. ``refused`` are codes by number.

    ``template_of`` returns approved templates alone.
    """
    options = body.kakao_options
    if options is None:
        code = refused.get(body.to) or (None if body.sender == SENDER_NUMBER else codes.SENDER_NOT_REGISTERED)
        return Registered(body, code or codes.ACCEPTED, {}, body.text or "")
    template = template_of(options.template_id)
    code = refused.get(body.to) or _code(body, options, template)
    if code is not None or template is None:
        return Registered(body, code or codes.UNKNOWN_TEMPLATE, {}, body.text or "")
    return _with_text(body, options, template)


def without_duplicates(messages: Sequence[Registered]) -> list[Registered]:
    """Refuses the later ones of a request to the same number."""
    numbers, left = set[str](), list[Registered]()
    for message in messages:
        is_second = message.is_accepted and message.body.to in numbers
        left.append(replace(message, code=codes.DUPLICATE_NUMBER) if is_second else message)
        if message.is_accepted:
            numbers.add(message.body.to)
    return left


def _code(body: MessageBody, options: KakaoOptions, template: Template | None) -> str | None:
    if options.pf_id != PF_ID:
        return codes.UNKNOWN_CHANNEL
    if template is None:
        return codes.UNKNOWN_TEMPLATE
    if body.sender not in ("", SENDER_NUMBER) or (not body.sender and not options.disable_sms):
        # An SMS in its place would be sent from there.
        return codes.SENDER_NOT_REGISTERED
    return None


def _with_text(body: MessageBody, options: KakaoOptions, template: Template) -> Registered:
    variables = _variables(options, body.text, template)
    if variables is None or variables.keys() != set(template.names):
        return Registered(body, codes.TEXT_MISMATCH, {}, body.text or "")
    return Registered(body, codes.ACCEPTED, variables, template.fill(variables))


def _variables(options: KakaoOptions, text: str | None, template: Template) -> dict[str, str] | None:
    if options.variables is None:
        return template.variables_of(text or "")
    # A name without #{} is no variable of the template.
    if not all(name.startswith("#{") and name.endswith("}") for name in options.variables):
        return None
    return {name[2:-1]: value for name, value in options.variables.items()}
