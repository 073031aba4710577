"""Settling payments whose client never came back, by asking the gateway what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from order_service.application.ports import PaymentGateway, UnitOfWorkFactory
from order_service.application.settle_payment import SettlePayment
from order_service.domain.payment import Payment
from servicekit.backoff import Backoff
from servicekit.lifecycle import StopSignal

BATCH_SIZE = 20
BACKOFF = Backoff(first_seconds=10.0, longest_seconds=600.0)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LookUps:
    """What one run did. The payments that were looked up and not settled are due again after a pause."""

    looked_up: int = 0
    settled: int = 0


class SettleUnsettledPayments:
    """Looks payments up that have been unsettled for longer than ``in_progress_limit``.

    It never charges: a payment that never happened is ABANDONED, and the order may be paid again. Several
    processes may do this at once. Each payment has its own back-off, so one that the gateway doesn't decide
    delays no other.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        settle: SettlePayment,
        in_progress_limit: timedelta,
        stop: StopSignal,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._settle = settle
        self._in_progress_limit = in_progress_limit
        self._stop = stop

    def __call__(self) -> LookUps:
        """Look up what is due, no more than a batch."""
        looked_up = settled = 0
        claimed, at = self._claim()
        for payment in claimed:
            if self._stop.is_set():
                break
            looked_up += 1
            settled += self._look_up(payment, at)
        return LookUps(looked_up, settled)

    def _claim(self) -> tuple[Sequence[Payment], datetime]:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.unsettled_payments.claim(
                BATCH_SIZE, self._in_progress_limit, BACKOFF.seconds
            )
            now = unit_of_work.now()
            # Before the gateway is asked, which may take a minute: no lock may last as long.
            unit_of_work.commit()
        return claimed, now

    def _look_up(self, payment: Payment, at: datetime) -> bool:
        request = payment.request
        try:
            outcome = self._gateway.find(request, at)
        except Exception:  # noqa: BLE001 - a payment that the adapter can't handle must not delay the others
            _log.exception("payment_lookup_failed", payment_id=str(request.payment_id))
            return False
        return not self._settle(request, outcome).is_unsettled
