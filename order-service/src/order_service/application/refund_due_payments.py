"""Returning what was taken wrongly, or a cancellation waits for, without an operator."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_service.application.ports import ClaimedRefund, PaymentGateway, UnitOfWorkFactory
from order_service.application.refund_payment import RefundPayment, RefundPaymentCommand
from order_service.application.report_postponed import ReportPostponed
from order_service.application.set_rows_apart import SetRowsApart
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.refund_outcome import Refunded
from servicekit.backoff import Backoff
from servicekit.lifecycle import StopSignal

BATCH_SIZE = 20
BACKOFF = Backoff(first_seconds=4.0, longest_seconds=600.0)
WORKER = "order-worker"
"""In place of an operator's name."""


@dataclass(frozen=True, slots=True)
class RefundsDone:
    """What one run did: steps at refunds, and refunds that were made."""

    steps: int = 0
    refunded: int = 0


class RefundDuePayments:
    """Carries out refunds that are due, unless the gateway has refused one: that is left to an operator.

    Several processes may do this at once: each refund is claimed alone, just before the gateway is asked, and
    has its own back-off, so that one whose outcome the database refuses delays no other. ``lease`` is longer
    than any exchange with a gateway takes.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        refund: RefundPayment,
        lease: timedelta,
        stop: StopSignal,
        report_postponed: ReportPostponed,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._accounts = gateway.accounts
        self._refund = refund
        self._lease = lease
        self._stop = stop
        self._report_postponed = report_postponed
        self._set_rows_apart = SetRowsApart("refund_not_begun", "payment_id", report_postponed)

    def __call__(self) -> RefundsDone:
        """Take a step at each refund that is due, no more than a batch."""
        self._adopt()
        steps = refunded = 0
        while steps < BATCH_SIZE and not self._stop.is_set():
            claimed_at_seconds = self._refund.clock_seconds()
            claimed = self._claim()
            if claimed is None:
                break
            steps += 1
            refunded += self._is_refunded(claimed, claimed_at_seconds)
        return RefundsDone(steps, refunded)

    def _adopt(self) -> None:
        apart = self._set_rows_apart.ids()
        try:
            with self._unit_of_work() as unit_of_work:
                unit_of_work.refunds.adopt(BATCH_SIZE, apart)
                unit_of_work.commit()
        except Exception as error:
            if self._report_postponed.may_pass(error):
                raise
            with self._unit_of_work() as unit_of_work:
                unadopted = unit_of_work.refunds.unadopted(BATCH_SIZE, apart)
            self._set_rows_apart(unadopted, self._adopt_one)

    def _adopt_one(self, payment_id: UUID) -> bool:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.refunds.adopt_one(payment_id)
            unit_of_work.commit()
        return True

    def _claim(self) -> ClaimedRefund | None:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.refunds.claim(self._accounts, self._lease)
            # Before the gateway is asked: the key is stored, and no lock may last as long as that takes.
            unit_of_work.commit()
        return claimed

    def _is_refunded(self, claimed: ClaimedRefund, claimed_at_seconds: float) -> bool:
        pause = timedelta(seconds=BACKOFF.seconds(claimed.number))
        try:
            outcome = self._refund(RefundPaymentCommand(claimed, claimed_at_seconds, WORKER, pause))
        except GatewayMisconfigured:
            # Logged where it is known what is wrong.
            return False
        except Exception as error:  # noqa: BLE001 - what can't be stored must not delay the others
            payment_id = claimed.refund.request.payment.payment_id
            self._report_postponed("refund_postponed", error, payment_id=payment_id)
            self._postpone(claimed, pause)
            return False
        return isinstance(outcome, Refunded)

    def _postpone(self, claimed: ClaimedRefund, pause: timedelta) -> None:
        # If nothing can be stored at all, this ends the run. What was sent is asked about first.
        with self._unit_of_work() as unit_of_work:
            unit_of_work.refunds.save(claimed, claimed.refund, pause)
            unit_of_work.commit()
