"""Asking the provider whether our templates are approved as they are."""

import time
from collections.abc import Callable

import structlog

from notification_service.application.ports import StopCheck, TemplateRegister, WorkDone
from notification_service.domain.alimtalk_template import Locale, Template
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.registered_template import obstacle
from notification_service.domain.template_catalog import TemplateCatalog
from servicekit.backoff import Backoff

_PAUSE_SECONDS = 300.0
_PAUSE_WITH_OBSTACLES_SECONDS = 60.0
_AFTER_REFUSAL_SECONDS = 5.0
# Of a refusal that no check explains: then the next message tells.
_DOUBT_SECONDS = 60.0
# How soon a check that has become due is noticed.
_STEP_SECONDS = 1.0
_AFTER_FAILURE = Backoff(first_seconds=2.0, longest_seconds=30.0)

_log = structlog.get_logger(__name__)


class CheckTemplates:
    """Compares the templates in use with those that the provider has, and remembers the obstacles.

    A provider that doesn't answer, or answers what can't be compared, is asked again within seconds, and
    changes nothing: what was known before still counts, and before the first answer every template does. A
    template that the provider has refused is held until a check, soon after, says better.
    """

    def __init__(
        self,
        register: TemplateRegister | None,
        catalog: TemplateCatalog,
        locale: Locale,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without ``register`` nothing is asked. ``now`` counts seconds, on a clock of any start."""
        self._register = register
        self._catalog = catalog
        self._now = now
        self._watched = {template.code: template for template in catalog.in_use(locale)}
        self._obstacles: dict[str, str] = {}
        self._doubted_until: dict[str, float] = {}
        self._due_at = now()
        self._failures = 0

    def obstacle_of(self, code: str) -> str | None:
        """Why messages of this template must not be sent; None if nothing is known against them."""
        if self._doubted_until.get(code, 0.0) > self._now():
            return "the provider has refused a message of it"
        return self._obstacles.get(code)

    def held(self) -> frozenset[str]:
        """The codes that have an obstacle."""
        return frozenset(code for code in list(self._watched) if self.obstacle_of(code) is not None)

    def doubt(self, code: str) -> None:
        """Hold messages of this template until the next check, which is soon: the provider refused one."""
        now = self._now()
        if self._doubted_until.get(code, 0.0) <= now:
            _log.error("alimtalk_template_not_usable", template=code, reason="refused by the provider")
        # A template of another language or version is looked at from now on, too.
        self._watched[code] = self._catalog.by_code(code)
        if self._register is not None:
            self._doubted_until[code] = now + _DOUBT_SECONDS
            self._due_at = min(self._due_at, now + _AFTER_REFUSAL_SECONDS)

    def __call__(self, stop: StopCheck) -> WorkDone:
        if self._register is None:
            return WorkDone(0, _PAUSE_SECONDS)
        if self._now() >= self._due_at:
            # Before the check: a refusal during it may ask for the next one.
            self._due_at = self._now() + _PAUSE_SECONDS
            is_complete = self._check_all(self._register, stop)
            self._due_at = min(self._due_at, self._now() + self._pause_seconds(is_complete=is_complete))
        return WorkDone(0, _STEP_SECONDS)

    def _pause_seconds(self, *, is_complete: bool) -> float:
        if not is_complete:
            self._failures += 1
            return _AFTER_FAILURE.seconds(self._failures)
        self._failures = 0
        return _PAUSE_WITH_OBSTACLES_SECONDS if self._obstacles else _PAUSE_SECONDS

    def _check_all(self, register: TemplateRegister, stop: StopCheck) -> bool:
        """Whether the provider has answered about all of them."""
        answers = [not stop.is_set() and self._check(register, each) for each in [*self._watched.values()]]
        return all(answers)

    def _check(self, register: TemplateRegister, template: Template) -> bool:
        try:
            found = obstacle(template, register.registered(template.code))
        except DeliveryFailed as error:
            _log.warning("alimtalk_template_not_checked", template=template.code, reason=error.reason.value)
            return False
        except Exception as error:  # noqa: BLE001 - what one reply holds must not end the process, or its start
            reason = type(error).__name__
            _log.error("alimtalk_template_not_checked", template=template.code, reason=reason)
            return False
        self._doubted_until.pop(template.code, None)
        if found is not None:
            self._obstacles[template.code] = found
            _log.error("alimtalk_template_not_usable", template=template.code, reason=found)
        elif self._obstacles.pop(template.code, None) is not None:
            _log.info("alimtalk_template_usable_again", template=template.code)
        return True
