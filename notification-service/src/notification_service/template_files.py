"""Templates as files: one TOML file for each message, language and version, in the folder ``templates``."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from notification_service.domain.alimtalk_template import Button, ButtonKind, Locale, Template
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.domain.template_rules import faults_between, faults_of
from notification_service.subscriptions import SUBSCRIPTIONS, Subscription
from notification_service.toml_files import InvalidToml, read_toml

FOLDER = Path(__file__).parent / "templates"
_FILE_NAME = re.compile(r"(?P<message>[a-z0-9_]+)\.(?P<locale>[a-z]+)\.v(?P<version>[1-9][0-9]{0,3})\.toml")

_Text = Annotated[str, StringConstraints(strict=True)]


class InvalidTemplates(Exception):
    """The templates have these faults, one a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class _Part(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class _ButtonPart(_Part):
    kind: ButtonKind
    name: _Text
    mobile_link: _Text | None = None
    desktop_link: _Text | None = None
    ios_link: _Text | None = None
    android_link: _Text | None = None


class _TemplateFile(_Part):
    code: _Text
    content: _Text
    title: _Text | None = None
    subtitle: _Text | None = None
    variables: dict[str, Annotated[int, Field(strict=True)]] = Field(default_factory=dict)
    buttons: list[_ButtonPart] = Field(default_factory=list)

    def template(self, message: str, locale: Locale, version: int) -> Template:
        return Template(
            message=message,
            locale=locale,
            version=version,
            code=self.code,
            content=self.content,
            variables=self.variables,
            title=self.title,
            subtitle=self.subtitle,
            buttons=tuple(Button(**button.model_dump()) for button in self.buttons),
        )


def read_catalog(
    folder: Path = FOLDER, subscriptions: Sequence[Subscription] = SUBSCRIPTIONS
) -> TemplateCatalog:
    """The templates in ``folder``, which has all that ``subscriptions`` need.

    Raises InvalidTemplates, with everything that is wrong with them.
    """
    messages = {message.name: message.variables for each in subscriptions for message in each.messages}
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise InvalidTemplates([f"{folder}: there are no templates"])
    faults: list[str] = []
    templates: dict[str, Template] = {}
    for file in files:
        try:
            template = _read(file)
        except InvalidTemplates as invalid:
            faults += [f"{file.name}: {fault}" for fault in invalid.faults]
            continue
        templates[file.name] = template
        faults += [f"{file.name}: {fault}" for fault in faults_of(template, messages.get(template.message))]
    # Of a template that can't be read, it isn't known what it would have been.
    if len(templates) == len(files):
        faults += faults_between(templates, messages)
    if faults:
        raise InvalidTemplates(faults)
    return TemplateCatalog(templates.values())


def _read(file: Path) -> Template:
    name = _FILE_NAME.fullmatch(file.name)
    if name is None or name["locale"] not in set(Locale):
        languages = " or ".join(locale.value for locale in Locale)
        raise InvalidTemplates([f"a file is called MESSAGE.LANGUAGE.vN.toml, in {languages}"])
    try:
        part = read_toml(file, _TemplateFile)
    except InvalidToml as invalid:
        raise InvalidTemplates(invalid.faults) from None
    return part.template(name["message"], Locale(name["locale"]), int(name["version"]))
