"""Recording that a gateway no longer has the money of an approved payment."""

import structlog

from order_service.application.ports import SETTLED_LOOK_UP_INTERVAL, ReportTakenBack, UnitOfWorkFactory
from order_service.domain.contradiction import COUNTS_FROM, Contradiction, contradicts
from order_service.domain.payment import Payment
from order_service.domain.payment_outcome import Outcome

_log = structlog.get_logger(__name__)


class RecordContradiction:
    """Counts such answers, and records what they say once there are two, in whichever processes.

    The payment stays APPROVED. After the first one, a worker asks again in a minute.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, report: ReportTakenBack) -> None:
        self._unit_of_work = unit_of_work
        self._report = report

    def __call__(self, payment: Payment, outcome: Outcome) -> Contradiction | None:
        """None where the answer contradicts nothing, or nothing that isn't known."""
        if not contradicts(payment, outcome):
            return None
        payment_id = payment.payment_id
        with self._unit_of_work() as unit_of_work:
            if unit_of_work.payments.is_taken_back(payment_id):
                return None
            number = unit_of_work.payment_hints.count_contradiction(payment_id, SETTLED_LOOK_UP_INTERVAL)
            if number < COUNTS_FROM:
                unit_of_work.commit()
                return Contradiction.SEEN_ONCE
            is_new = unit_of_work.payments.record_taken_back(payment_id)
            if not is_new:
                # Perhaps a cancellation's refund, which then learns it here: it may have been made by hand.
                unit_of_work.refunds.ask_again(payment_id)
            unit_of_work.commit()
        if is_new:
            # An error, because goods may have been sent for money that is no longer there.
            _log.error(
                "payment_taken_back",
                order_id=str(payment.request.order_id),
                payment_id=str(payment_id),
                gateway=payment.request.gateway,
            )
            self._report(payment)
        return Contradiction.RECORDED
