"""Saying that an error keeps work from being done, while all other work goes on."""

import logging
from collections.abc import Callable
from uuid import UUID

import structlog

_log = structlog.get_logger(__name__)


class ReportPostponed:
    """Logs what is postponed, and counts it if it is a bug: the same error comes again.

    ``may_pass`` says of an error whether it is a busy or unavailable database's, and no bug.
    """

    def __init__(self, may_pass: Callable[[BaseException], bool], count: Callable[[str], None]) -> None:
        self.may_pass = may_pass
        self._count = count

    def __call__(self, event: str, error: Exception, **about: UUID | int) -> None:
        """To be called while ``error`` is handled. ``event`` names the work, ``about`` the row."""
        is_bug = not self.may_pass(error)
        if is_bug:
            self._count(event)
        facts = {name: str(value) if isinstance(value, UUID) else value for name, value in about.items()}
        level = logging.ERROR if is_bug else logging.WARNING
        _log.log(level, event, reason=type(error).__name__, exc_info=is_bug, **facts)
