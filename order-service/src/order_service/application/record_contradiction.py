"""Recording that a gateway no longer has the money of an approved payment, or has it again."""

from uuid import UUID

import structlog

from order_service.application.ports import (
    SETTLED_LOOK_UP_INTERVAL,
    ReportTakenBack,
    UnitOfWork,
    UnitOfWorkFactory,
)
from order_service.domain.contradiction import COUNTS_FROM, Contradiction, contradicts
from order_service.domain.payment import Payment
from order_service.domain.payment_hint import ReportedChange
from order_service.domain.payment_outcome import Outcome

_log = structlog.get_logger(__name__)


class RecordContradiction:
    """Counts such answers, and records what they say once there are two, in whichever processes.

    The payment stays APPROVED. After the first one, a worker asks again in a minute. Money that is gone once
    more after it was restored is left to operators.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        report: ReportTakenBack,
        report_again: ReportTakenBack = lambda _: None,
    ) -> None:
        """``report_again`` gets what is gone once more: nothing is stored that would show it."""
        self._unit_of_work = unit_of_work
        self._report = report
        self._report_again = report_again

    def __call__(self, payment: Payment, outcome: Outcome) -> Contradiction | None:
        """None where the answer contradicts nothing that is stored."""
        payment_id = payment.payment_id
        with self._unit_of_work() as unit_of_work:
            is_taken_back = unit_of_work.payments.is_taken_back(payment_id)
            if not contradicts(payment, outcome, is_taken_back=is_taken_back):
                return None
            number = unit_of_work.payment_hints.count_contradiction(
                payment_id,
                ReportedChange.PAID if is_taken_back else ReportedChange.RETURNED,
                SETTLED_LOOK_UP_INTERVAL,
            )
            if number < COUNTS_FROM:
                unit_of_work.commit()
                return Contradiction.SEEN_ONCE
            is_new = _record(unit_of_work, payment_id, was_taken_back=is_taken_back)
            was_restored = unit_of_work.payments.was_restored(payment_id)
            unit_of_work.payment_hints.forget_contradictions(payment_id)
            unit_of_work.commit()
        if is_new and is_taken_back:
            _log.warning("payment_restored", **_facts(payment))
        elif was_restored and not is_taken_back:
            # The ledger has no second entry for it.
            _log.error("payment_taken_back_again", **_facts(payment))
            self._report_again(payment)
        elif is_new:
            # An error, because goods may have been sent for money that is no longer there.
            _log.error("payment_taken_back", **_facts(payment))
            self._report(payment)
        return Contradiction.RECORDED


def _record(unit_of_work: UnitOfWork, payment_id: UUID, *, was_taken_back: bool) -> bool:
    if was_taken_back:
        is_new = unit_of_work.payments.record_restored(payment_id)
    else:
        is_new = unit_of_work.payments.record_taken_back(payment_id)
    if was_taken_back or not is_new:
        # A cancellation's refund, which then learns it here: it may have been made by hand, or can be made.
        unit_of_work.refunds.ask_again(payment_id)
    return is_new


def _facts(payment: Payment) -> dict[str, str]:
    request = payment.request
    return {
        "order_id": str(request.order_id),
        "payment_id": str(payment.payment_id),
        "gateway": request.gateway,
    }
