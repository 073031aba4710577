"""Sending to a provider again that was suspended, once an operator has mended the cause."""

from dataclasses import dataclass

import structlog

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.provider_state import ProviderStatus, resumed

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ResumeProviderCommand:
    """Which provider, with the operator's name and why."""

    name: str
    by: str
    reason: str


class ResumeProvider:
    """Resumes a provider, with the operator and the reason; False if it runs and refuses no questions."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ResumeProviderCommand) -> bool:
        name, by, reason = command.name, command.by, command.reason
        with self._unit_of_work() as unit_of_work:
            state = unit_of_work.providers.get(name)
            if state.status is ProviderStatus.RUNNING and not state.refuses_questions:
                return False
            unit_of_work.providers.change(resumed(unit_of_work.providers.lock(name)))
            unit_of_work.providers.note_resumption(name, by=by, reason=reason)
            unit_of_work.commit()
        _log.info("alimtalk_provider_resumed", provider=name, by=by, reason=reason)
        return True
