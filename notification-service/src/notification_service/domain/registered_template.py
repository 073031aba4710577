"""A template as the provider has it, and what keeps ours from being sent."""

import html
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from notification_service.domain.alimtalk_template import Button, Template


class ApprovalState(StrEnum):
    """How far Kakao's review is."""

    REQUESTED = "REQUESTED"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    """The provider has a state that isn't known here, and judges itself what it sends."""


_MAY_BE_SENT = frozenset({ApprovalState.APPROVED, ApprovalState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class RegisteredButton:
    """``links`` are those that it has, by the names that ours have; empty if the provider doesn't say."""

    kind: str
    name: str
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredTemplate:
    """``buttons`` are in their order. What is None, the provider doesn't say; an empty title is none."""

    content: str
    state: ApprovalState
    buttons: Sequence[RegisteredButton] | None = None
    title: str | None = None
    subtitle: str | None = None
    variables: frozenset[str] | None = None


def obstacle(template: Template, registered: RegisteredTemplate | None) -> str | None:
    """Why Kakao would reject the template's messages; None if it would not."""
    if registered is None:
        return "the provider has no template of this code"
    if registered.state not in _MAY_BE_SENT:
        return f"it is not approved: {registered.state.value}"
    if differing := next(_differences(template, registered), None):
        return f"its {differing} from what is registered"
    return None


def registered_links(**links: str | None) -> Mapping[str, str]:
    """Those that there are."""
    return {name: link for name, link in links.items() if link}


def _differences(template: Template, registered: RegisteredTemplate) -> Iterator[str]:
    if _plain(registered.content) != _plain(template.content):
        yield "content differs"
    for name, found, own in (
        ("title", registered.title, template.title),
        ("subtitle", registered.subtitle, template.subtitle),
    ):
        if found is not None and _plain(found) != _plain(own or ""):
            yield f"{name} differs"
    if registered.variables is not None and registered.variables != template.used_variables:
        yield "variables differ"
    if registered.buttons is not None and not _are_same(template.buttons, registered.buttons):
        yield "buttons differ"


def _are_same(own: Sequence[Button], registered: Sequence[RegisteredButton]) -> bool:
    if [(each.kind.value, _plain(each.name)) for each in own] != [
        (each.kind, _plain(each.name)) for each in registered
    ]:
        return False
    return all(
        not found.links or found.links == button.links for button, found in zip(own, registered, strict=True)
    )


def _plain(text: str) -> list[str]:
    """The text's lines without what providers change harmlessly: line ends, blanks at them, escapes."""
    unescaped = html.unescape(text.replace("\\r", "").replace("\\n", "\n"))
    lines = unicodedata.normalize("NFC", unescaped).rstrip().splitlines()
    return [line.replace("\u00a0", " ").rstrip() for line in lines]
