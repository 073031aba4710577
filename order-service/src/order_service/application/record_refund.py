"""Recording that an operator has returned a payment's money."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from order_service.application.ports import UnitOfWorkFactory

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecordRefundCommand:
    """The money of this payment was returned; ``by`` is the operator's name."""

    payment_id: UUID
    by: str


class RecordRefund:
    """Notes a refund that was made at the gateway. It returns no money itself."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: RecordRefundCommand) -> bool:
        """False where no refund of this payment is due: none was, or it is recorded already."""
        with self._unit_of_work() as unit_of_work:
            recorded = unit_of_work.payments.record_refund(command.payment_id, command.by)
            unit_of_work.commit()
        if recorded:
            _log.info("refund_recorded", payment_id=str(command.payment_id), by=command.by)
        return recorded
