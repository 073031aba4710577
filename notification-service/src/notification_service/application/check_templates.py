"""Asking the provider whether our templates are approved as they are."""

from collections.abc import Sequence

import structlog

from notification_service.application.ports import StopCheck, TemplateRegister, WorkDone
from notification_service.domain.alimtalk_template import Template
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.registered_template import obstacle

_PAUSE_SECONDS = 300.0
_PAUSE_WITH_OBSTACLES_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class CheckTemplates:
    """Compares the templates in use with those that the provider has, and remembers the obstacles.

    A provider that doesn't answer changes nothing: what was known before still counts, and before the first
    answer every template does.
    """

    def __init__(self, register: TemplateRegister | None, templates: Sequence[Template]) -> None:
        """Without ``register`` nothing is asked, and nothing is known against any template."""
        self._register = register
        self._templates = templates
        self._obstacles: dict[str, str] = {}

    def obstacle_of(self, code: str) -> str | None:
        """Why messages of this template must not be sent; None if nothing is known against them."""
        return self._obstacles.get(code)

    def __call__(self, stop: StopCheck) -> WorkDone:
        if self._register is not None:
            self._check_all(self._register, stop)
        return WorkDone(0, _PAUSE_WITH_OBSTACLES_SECONDS if self._obstacles else _PAUSE_SECONDS)

    def _check_all(self, register: TemplateRegister, stop: StopCheck) -> None:
        for template in self._templates:
            if stop.is_set():
                return
            self._check(register, template)

    def _check(self, register: TemplateRegister, template: Template) -> None:
        try:
            found = obstacle(template, register.registered(template.code))
        except DeliveryFailed as error:
            _log.warning("alimtalk_template_not_checked", template=template.code, reason=error.reason.value)
            return
        if found is None:
            if self._obstacles.pop(template.code, None) is not None:
                _log.info("alimtalk_template_usable_again", template=template.code)
            return
        self._obstacles[template.code] = found
        _log.error("alimtalk_template_not_usable", template=template.code, reason=found)
