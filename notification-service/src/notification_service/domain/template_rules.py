"""What Kakao and the providers ask of a template, so that a fault is found before anything is sent.

The figures are NHN Cloud's, which agree with the other providers' where those state any.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from notification_service.domain.alimtalk_template import (
    VARIABLE,
    Button,
    ButtonKind,
    Locale,
    Template,
    characters,
    fill,
)

MOST_CHARACTERS = 1_000
MOST_VARIABLES = 40
_MOST_BUTTONS = 5
_MOST_BUTTON_CHARACTERS = 14
MOST_LINK_CHARACTERS = 500
MOST_TITLE_CHARACTERS = 50
_ADD_CHANNEL_NAME = "채널 추가"

_CODE = re.compile(r"[A-Za-z0-9_-]{1,20}")
_NAME = re.compile(r"[A-Za-z가-힣_][A-Za-z0-9가-힣_]{0,29}")
# Looks like a variable, and would be sent as it stands.
_ALMOST_VARIABLE = re.compile(r"#\{|[$%]\{|\uff03\{|\{\{|#\s+\{")
# The host may be a variable, too: whether it leads anywhere is Kakao's to approve.
_WEB_LINK = re.compile(r"https?://(?:[A-Za-z0-9]|#\{)[^\s]*")
# Ideographic blanks and what joins emoji are no fault, although Python calls them unprintable.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_INVISIBLE = frozenset("\ufeff\u200b")
_APP_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s]+")
_NEEDED_LINKS: Mapping[ButtonKind, AbstractSet[str]] = {
    ButtonKind.WEB_LINK: {"mobile_link"},
}
# Two of these: an app for each system, or one and a page for the others.
_APP_LINKS = frozenset({"mobile_link", "ios_link", "android_link"})
_ALLOWED_LINKS: Mapping[ButtonKind, AbstractSet[str]] = {
    ButtonKind.WEB_LINK: {"mobile_link", "desktop_link"},
    ButtonKind.APP_LINK: {"mobile_link", "desktop_link", "ios_link", "android_link"},
}


def faults_of(template: Template, supplied: AbstractSet[str] | None) -> Iterator[str]:
    """What is wrong with the template. ``supplied`` are its message's variables; None if it has none such."""
    if supplied is None:
        yield f"there is no message {template.message}"
    if not _CODE.fullmatch(template.code):
        yield "code must have 1 to 20 letters, digits, dashes and underscores"
    yield from _faults_of_variables(template, supplied)
    yield from _faults_of_content(template)
    yield from _faults_of_title(template)
    yield from _faults_of_buttons(template.buttons)


def faults_between(templates: Mapping[str, Template], messages: Iterable[str]) -> Iterator[str]:
    """What is wrong with templates beside each other, by the names of their files."""
    file_by_code: dict[str, str] = {}
    for file, template in templates.items():
        if (other := file_by_code.setdefault(template.code, file)) != file:
            yield f"{file}: code {template.code} is also that of {other}"
    for message in messages:
        for locale in Locale:
            versions = {
                each.version
                for each in templates.values()
                if (each.message, each.locale) == (message, locale)
            }
            if not versions:
                yield f"{message} has no template in {locale.value}"
            elif missing := sorted(set(range(1, max(versions))) - versions):
                yield f"{message} lacks version {missing[0]} in {locale.value}: deliveries may still need it"


def _faults_of_variables(template: Template, supplied: AbstractSet[str] | None) -> Iterator[str]:
    used, declared = template.used_variables, template.variables.keys()
    if len(used | declared) > MOST_VARIABLES:
        yield f"it has {len(used | declared)} variables, and may have {MOST_VARIABLES}"
    for name in sorted(used | declared):
        if not _NAME.fullmatch(name):
            yield f"a variable can't be called {name!r}"
        elif name not in declared:
            yield f"#{{{name}}} is used and not declared"
        elif name not in used:
            yield f"{name} is declared and not used"
        elif supplied is not None and name not in supplied:
            yield f"the message has no value of {name}"
        if template.variables.get(name, 1) < 1:
            yield f"{name} must have at least 1 character"
    for where, text in template.texts:
        if found := _ALMOST_VARIABLE.search(VARIABLE.sub("", text)):
            yield f"{where}: {found[0]!r} begins no variable; they are written #{{name}}"


def _faults_of_content(template: Template) -> Iterator[str]:
    content = template.content
    if not content.strip():
        yield "content is empty"
    elif content != content.strip():
        yield "content begins or ends with blanks"
    if _has_unprintable(content.replace("\n", "")):
        yield "content has a character that can't be printed"
    longest = characters(_at_longest(content, template))
    if longest > MOST_CHARACTERS:
        yield f"content may get {longest} characters, and may have {MOST_CHARACTERS}"


def _faults_of_title(template: Template) -> Iterator[str]:
    if (template.title is None) != (template.subtitle is None):
        yield "title and subtitle need each other"
    if template.subtitle is not None and VARIABLE.search(template.subtitle):
        yield "subtitle must have no variable"
    for name, text in (("title", template.title), ("subtitle", template.subtitle)):
        if text is None:
            continue
        if not text.strip():
            yield f"{name} is empty"
        if _has_unprintable(text):
            yield f"{name} has a line break, or a character that can't be printed"
        longest = characters(_at_longest(text, template))
        if longest > MOST_TITLE_CHARACTERS:
            yield f"{name} may get {longest} characters, and may have {MOST_TITLE_CHARACTERS}"


def _faults_of_buttons(buttons: Sequence[Button]) -> Iterator[str]:
    if len(buttons) > _MOST_BUTTONS:
        yield f"it has {len(buttons)} buttons, and may have {_MOST_BUTTONS}"
    for number, button in enumerate(buttons, 1):
        for fault in _faults_of_button(number, button):
            yield f"button {number}: {fault}"


def _faults_of_button(number: int, button: Button) -> Iterator[str]:
    yield from _faults_of_name(number, button)
    yield from _faults_of_links(button)


def _faults_of_name(number: int, button: Button) -> Iterator[str]:
    if not 1 <= characters(button.name.strip()) <= _MOST_BUTTON_CHARACTERS:
        yield f"its name must have 1 to {_MOST_BUTTON_CHARACTERS} characters"
    if _has_unprintable(button.name):
        yield "its name has a line break, or a character that can't be printed"
    if VARIABLE.search(button.name):
        yield "its name must have no variable"
    if button.kind is ButtonKind.ADD_CHANNEL and (number != 1 or button.name != _ADD_CHANNEL_NAME):
        yield f"AC must be the first one, and called {_ADD_CHANNEL_NAME}"


def _faults_of_links(button: Button) -> Iterator[str]:
    for name in sorted(_NEEDED_LINKS.get(button.kind, set()) - button.links.keys()):
        yield f"{button.kind.value} needs {name}"
    if button.kind is ButtonKind.APP_LINK and len(_APP_LINKS & button.links.keys()) < 2:
        yield f"AL needs two of {', '.join(sorted(_APP_LINKS))}"
    for name, link in button.links.items():
        if name not in _ALLOWED_LINKS.get(button.kind, set()):
            yield f"{button.kind.value} has no {name}"
        elif not (_APP_LINK if name in {"ios_link", "android_link"} else _WEB_LINK).fullmatch(link):
            yield f"{name} must begin with its scheme and host, and have no blank"
        if characters(link) > MOST_LINK_CHARACTERS:
            yield f"{name} must have at most {MOST_LINK_CHARACTERS} characters"


def _has_unprintable(text: str) -> bool:
    return any(unicodedata.category(one) in _UNPRINTABLE or one in _INVISIBLE for one in text)


def _at_longest(text: str, template: Template) -> str:
    names = VARIABLE.findall(text)
    return fill(text, {name: "x" * template.variables.get(name, 0) for name in names})
