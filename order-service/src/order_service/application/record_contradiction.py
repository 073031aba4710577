"""Recording that a gateway no longer has the money of an approved payment, or has it again."""

from uuid import UUID

import structlog

from order_service.application.ports import (
    SETTLED_LOOK_UP_INTERVAL,
    ReportTakenBack,
    UnitOfWork,
    UnitOfWorkFactory,
)
from order_service.domain.contradiction import COUNTS_FROM, Contradiction, confirms, contradicts
from order_service.domain.payment import Payment
from order_service.domain.payment_hint import ReportedChange
from order_service.domain.payment_outcome import Outcome

_log = structlog.get_logger(__name__)


class RecordContradiction:
    """Counts such answers, and records what they say once there are two, in whichever processes.

    They count as long as no answer in between confirms what is stored. The payment stays APPROVED. After the
    first one, a worker asks again in a minute. Money that is gone once more after it was restored is left to
    operators.
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
        """None where the answer contradicts nothing that is stored, or all of it was returned."""
        payment_id = payment.payment_id
        with self._unit_of_work() as unit_of_work:
            is_taken_back = unit_of_work.payments.is_taken_back(payment_id)
            if confirms(payment, outcome, is_taken_back=is_taken_back):
                unit_of_work.payment_hints.forget_contradictions(payment_id)
                unit_of_work.commit()
            if not contradicts(payment, outcome, is_taken_back=is_taken_back):
                return None
            if unit_of_work.payments.is_all_returned(payment_id):
                return None
            number = unit_of_work.payment_hints.count_contradiction(
                payment_id,
                ReportedChange.PAID if is_taken_back else ReportedChange.RETURNED,
                SETTLED_LOOK_UP_INTERVAL,
            )
            if number < COUNTS_FROM:
                unit_of_work.commit()
                return Contradiction.SEEN_ONCE
            found = _record(unit_of_work, payment_id, was_taken_back=is_taken_back)
            unit_of_work.payment_hints.forget_contradictions(payment_id)
            unit_of_work.commit()
        match found:
            case Contradiction.RESTORED:
                _log.warning("payment_restored", **_facts(payment))
            case Contradiction.GONE_AGAIN:
                # The ledger has no second entry for it.
                _log.error("payment_taken_back_again", **_facts(payment))
                self._report_again(payment)
            case Contradiction.TAKEN_BACK:
                # An error, because goods may have been sent for money that is no longer there.
                _log.error("payment_taken_back", **_facts(payment))
                self._report(payment)
        return found


def _record(unit_of_work: UnitOfWork, payment_id: UUID, *, was_taken_back: bool) -> Contradiction:
    payments = unit_of_work.payments
    if not was_taken_back and payments.record_taken_back(payment_id):
        return Contradiction.TAKEN_BACK
    # A cancellation's refund, which then learns it here: it may have been made by hand, or can be made.
    unit_of_work.refunds.ask_again(payment_id)
    if was_taken_back:
        return Contradiction.RESTORED if payments.record_restored(payment_id) else Contradiction.KNOWN
    return Contradiction.GONE_AGAIN if payments.is_gone_again(payment_id) else Contradiction.KNOWN


def _facts(payment: Payment) -> dict[str, str]:
    request = payment.request
    return {
        "order_id": str(request.order_id),
        "payment_id": str(payment.payment_id),
        "gateway": request.gateway,
    }
