"""An operator acknowledges that a gateway has taken a payment's money back."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.errors import NotTakenBack, PaymentNotFound
from order_service.domain.payment_operation import Operation

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AcknowledgeTakenBackCommand:
    """Which payment, with the operator's name and what they did about it."""

    payment_id: UUID
    by: str
    reason: str


class AcknowledgeTakenBack:
    """Ends the alert, and changes nothing else: neither payment nor order."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: AcknowledgeTakenBackCommand) -> None:
        """Raises PaymentNotFound and NotTakenBack."""
        payment_id, by = command.payment_id, command.by
        with self._unit_of_work() as unit_of_work:
            if not unit_of_work.operated_payments.acknowledge_taken_back(payment_id):
                found = unit_of_work.operated_payments.get(payment_id)
                if found is None:
                    raise PaymentNotFound(f"there is no payment {payment_id}")
                if found.acknowledged_at is not None:
                    raise NotTakenBack(f"payment {payment_id} is acknowledged already")
                raise NotTakenBack(f"the gateway has the money of payment {payment_id}, as far as is known")
            operations = unit_of_work.payment_operations
            operations.end(
                operations.begin(payment_id, Operation.ACKNOWLEDGE, by, command.reason), "ACKNOWLEDGED"
            )
            unit_of_work.commit()
        _log.info("taken_back_acknowledged", payment_id=str(payment_id), by=by, reason=command.reason)
