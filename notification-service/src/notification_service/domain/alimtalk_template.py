"""Templates of alimtalk messages: data that a shop versions, and that Kakao approves.

Kakao rejects a message that differs from its approved template in anything but the variables.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from notification_service.domain.errors import TemplateMismatch

VARIABLE = re.compile(r"#\{([^#{}]*)\}")


class Locale(StrEnum):
    """The languages that templates are written in."""

    KOREAN = "ko"
    ENGLISH = "en"


class ButtonKind(StrEnum):
    """Kakao's names of what a button does, without those that need a form or a plug-in of Kakao's."""

    WEB_LINK = "WL"
    APP_LINK = "AL"
    DELIVERY_TRACKING = "DS"
    BOT_KEYWORD = "BK"
    MESSAGE = "MD"
    CONSULTATION = "BC"
    BOT = "BT"
    ADD_CHANNEL = "AC"


@dataclass(frozen=True, slots=True)
class Button:
    """A button under the text. Its links may hold variables."""

    kind: ButtonKind
    name: str
    mobile_link: str | None = None
    desktop_link: str | None = None
    ios_link: str | None = None
    android_link: str | None = None

    @property
    def links(self) -> Mapping[str, str]:
        """Those that it has, by name."""
        links = {
            "mobile_link": self.mobile_link,
            "desktop_link": self.desktop_link,
            "ios_link": self.ios_link,
            "android_link": self.android_link,
        }
        return {name: link for name, link in links.items() if link is not None}

    def filled(self, values: Mapping[str, str]) -> Self:
        return type(self)(
            self.kind, self.name, **{name: fill(link, values) for name, link in self.links.items()}
        )


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a message in one language; its variables are written ``#{name}``.

    ``code`` is the name under which the provider has it. ``variables`` are declared with the most characters
    that their values have.
    """

    message: str
    locale: Locale
    version: int
    code: str
    content: str
    variables: Mapping[str, int]
    title: str | None = None
    subtitle: str | None = None
    buttons: tuple[Button, ...] = ()

    @property
    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything that may hold variables, by name."""
        yield "content", self.content
        if self.title is not None:
            yield "title", self.title
        for number, button in enumerate(self.buttons, 1):
            for name, link in button.links.items():
                yield f"button {number}: {name}", link

    @property
    def used_variables(self) -> frozenset[str]:
        return frozenset(name for _, text in self.texts for name in VARIABLE.findall(text))

    def check(self, variables: Iterable[str]) -> None:
        """Raises TemplateMismatch unless these are just the variables that the template declares."""
        given = set(variables)
        if missing := sorted(self.variables.keys() - given):
            raise TemplateMismatch(f"{self.code} needs a value of {', '.join(missing)}")
        if extra := sorted(given - self.variables.keys()):
            raise TemplateMismatch(f"{self.code} declares no {', '.join(extra)}")

    def filled_buttons(self, values: Mapping[str, str]) -> tuple[Button, ...]:
        return tuple(button.filled(values) for button in self.buttons)


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with a value for each variable. Raises KeyError if one is missing."""
    # In one pass: a buyer called "#{orderId}" stays that.
    return VARIABLE.sub(lambda found: values[found[1]], text)


def characters(text: str) -> int:
    """How long Kakao may count ``text`` to be: a character beyond 16 bits counts twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
