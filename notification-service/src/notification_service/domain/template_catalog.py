"""The templates that there are, and the one for each message."""

from collections.abc import Iterable, Sequence

from notification_service.domain.alimtalk_template import Locale, Template
from notification_service.domain.errors import UnknownTemplate


class TemplateCatalog:
    """Sound templates, each with a code of its own."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._by_code = {template.code: template for template in templates}

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self._by_code)

    def by_code(self, code: str) -> Template:
        """Raises UnknownTemplate."""
        template = self._by_code.get(code)
        if template is None:
            raise UnknownTemplate
        return template

    def newest(self, message: str, locale: Locale) -> Template:
        """The highest version of a message. Raises UnknownTemplate if there is none in this language."""
        versions = [
            template
            for template in self._by_code.values()
            if (template.message, template.locale) == (message, locale)
        ]
        if not versions:
            raise UnknownTemplate
        return max(versions, key=lambda template: template.version)

    def in_use(self, locale: Locale) -> Sequence[Template]:
        """The newest version of every message."""
        messages = dict.fromkeys(template.message for template in self._by_code.values())
        return [self.newest(message, locale) for message in messages]
