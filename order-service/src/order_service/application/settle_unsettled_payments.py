"""Settling payments whose client never came back, by asking the gateway what became of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from order_service.application.ask_gateway import AskGateway
from order_service.application.look_up_payment import LookUpPayment
from order_service.application.ports import ClaimedLookUp, PaymentGateway, UnitOfWorkFactory
from order_service.application.settle_payment import SettlePayment
from servicekit.backoff import Backoff
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal

BATCH_SIZE = 20
BACKOFF = Backoff(first_seconds=10.0, longest_seconds=600.0)
LEASE = timedelta(seconds=30)
"""How long a payment is left to the process that asks about it."""
# The rest of the lease is for the questions that a look-up may consist of.
ASKS_WITHIN_SECONDS = LEASE.total_seconds() / 2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LookUps:
    """What one run did. The payments that were looked up and not settled are due again after a pause."""

    looked_up: int = 0
    settled: int = 0


class SettleUnsettledPayments:
    """Looks payments up that have been unsettled for longer than ``in_progress_limit``.

    It never charges: a payment that never happened is ABANDONED, and the order may be paid again. It leaves
    alone what belongs to a gateway or account that this process isn't configured for. Several processes may
    do this at once: each payment is claimed alone, just before it is asked about. Each has its own back-off,
    so one that the gateway doesn't decide, or whose order another transaction holds, delays no other.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        settle: SettlePayment,
        in_progress_limit: timedelta,
        stop: StopSignal,
        may_pass: Callable[[BaseException], bool],
        clock_seconds: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        """``may_pass`` says of an error whether it is a busy or unavailable database's, and no bug."""
        self._unit_of_work = unit_of_work
        self._accounts = gateway.accounts
        self._look_up = LookUpPayment(gateway)
        self._settle = settle
        self._in_progress_limit = in_progress_limit
        self._stop = stop
        self._may_pass = may_pass
        self._ask = AskGateway(ASKS_WITHIN_SECONDS, clock_seconds)

    def __call__(self) -> LookUps:
        """Look up what is due, no more than a batch."""
        looked_up = settled = 0
        while looked_up < BATCH_SIZE and not self._stop.is_set():
            # Read before the claim: its lease can only end later than this clock says.
            claimed_at_seconds = self._ask.clock_seconds()
            claimed = self._claim()
            if claimed is None:
                break
            looked_up += 1
            if self._is_settled(*claimed, claimed_at_seconds):
                settled += 1
            else:
                self._postpone(claimed[0])
        return LookUps(looked_up, settled)

    def _claim(self) -> tuple[ClaimedLookUp, datetime] | None:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.unsettled_payments.claim(self._accounts, self._in_progress_limit, LEASE)
            now = unit_of_work.now()
            # Before the gateway is asked, which may take seconds: no lock may last as long.
            unit_of_work.commit()
        return None if claimed is None else (claimed, now)

    def _is_settled(self, claimed: ClaimedLookUp, at: datetime, claimed_at_seconds: float) -> bool:
        request = claimed.payment.request
        outcome = self._ask(self._look_up, request, at, claimed_at_seconds)
        try:
            return outcome is not None and not self._settle(request, outcome).is_unsettled
        except Exception as error:
            if not self._may_pass(error):
                raise
            # If nothing can be stored at all, the postponement ends this run.
            _log.warning(
                "payment_lookup_postponed", payment_id=str(request.payment_id), reason=type(error).__name__
            )
            return False

    def _postpone(self, claimed: ClaimedLookUp) -> None:
        with self._unit_of_work() as unit_of_work:
            pause = timedelta(seconds=BACKOFF.seconds(claimed.number))
            unit_of_work.unsettled_payments.postpone(claimed, pause)
            unit_of_work.commit()
