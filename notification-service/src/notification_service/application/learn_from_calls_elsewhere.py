"""What a question to another provider says about that one, when a message waits for the answer."""

from collections.abc import Mapping, Sequence

import structlog

from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.ports import UnitOfWorkFactory
from notification_service.domain.provider_call import CallElsewhere, CallOutcome

_log = structlog.get_logger(__name__)


class LearnFromCallsElsewhere:
    """Lets each provider's state learn from the questions there, and logs that messages wait for those that
    failed."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, gates: Mapping[str, QuestionGate]) -> None:
        self._unit_of_work = unit_of_work
        self._gates = gates

    def __call__(self, asked: Sequence[CallElsewhere]) -> None:
        """To be called outside of any transaction.

        One that held two providers' rows might wait for another that holds them in the other order.
        """
        for provider, gate in self._gates.items():
            calls = [each.call for each in asked if each.provider == provider]
            if not calls:
                continue
            failed = [call for call in calls if call.outcome is not CallOutcome.ANSWERED]
            if failed:
                _log.warning(
                    "alimtalk_not_asked_elsewhere",
                    provider=provider,
                    reason=failed[-1].reason,
                    deliveries=len(failed),
                )
            with self._unit_of_work() as unit_of_work:
                gate.learn(unit_of_work, calls)
                unit_of_work.commit()
