"""Settling payments whose client never came back, by asking the gateway what became of them."""

from collections.abc import Callable, Iterable, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from order_service.application.ask_gateway import AskGateway
from order_service.application.look_up_payment import LookUpPayment
from order_service.application.ports import ClaimedLookUp, PaymentGateway, UnitOfWorkFactory
from order_service.application.report_postponed import ReportPostponed
from order_service.application.settle_payment import SettlePayment
from order_service.domain.payment_outcome import Outcome, Unanswered
from order_service.domain.payment_request import PaymentRequest
from servicekit.backoff import Backoff
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal

BATCH_SIZE = 20
BACKOFF = Backoff(first_seconds=10.0, longest_seconds=600.0)
AWAY = Backoff(first_seconds=2.0, longest_seconds=2.0)
"""For payments whose gateway answers nothing: once it does, they are due."""
UNANSWERED = Backoff(first_seconds=2.0, longest_seconds=8.0)
"""For payments that got no answer while others got one: the gateway may be failing now and then."""
# More of them would only lengthen the pause after an answer that doesn't decide.
_COUNTED_IF_UNANSWERED = 3
LEASE = timedelta(seconds=30)
"""How long a payment is left to the process that asks about it."""
# The rest of the lease is for the questions that a look-up may consist of.
ASKS_WITHIN_SECONDS = LEASE.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class LookUps:
    """What one run did. The payments that were looked up and not settled are due again after a pause.

    Where ``is_gateway_away``, another run at once would get no answer: no gateway that was asked gave one.
    """

    looked_up: int = 0
    settled: int = 0
    is_gateway_away: bool = False


@dataclass(slots=True)
class _Run:
    """What one run has done so far."""

    looked_up: int = 0
    settled: int = 0
    asked: set[str] = field(default_factory=set)
    """The gateways with a payment that was due."""
    answered: set[str] = field(default_factory=set)
    """Those that have answered anything."""
    away: set[str] = field(default_factory=set)
    """Those that answer nothing, and are asked nothing more."""

    @property
    def is_gateway_away(self) -> bool:
        return bool(self.away) and self.asked <= self.away

    def add(self, ended: Iterable[Future[bool]]) -> None:
        self.settled += sum(each.result() for each in ended)


class SettleUnsettledPayments:
    """Looks payments up that have been unsettled for longer than ``in_progress_limit``.

    It never charges: a payment that never happened is ABANDONED, and the order may be paid again. It leaves
    alone what belongs to a gateway or account that this process isn't configured for. Several processes may
    do this at once: each payment is claimed alone, just before it is asked about. Each has its own back-off,
    so one that the gateway doesn't decide, whose order another transaction holds, or whose outcome the
    database refuses, delays no other. A gateway that answers nothing says nothing of these: what was asked
    then is asked again soon, and the other gateways' payments go on. ``at_once`` is how many it looks up at a
    time.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        settle: SettlePayment,
        in_progress_limit: timedelta,
        stop: StopSignal,
        report_postponed: ReportPostponed,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
        *,
        at_once: int = 1,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._accounts = gateway.accounts
        self._look_up = LookUpPayment(gateway)
        self._settle = settle
        self._in_progress_limit = in_progress_limit
        self._stop = stop
        self._report_postponed = report_postponed
        self._ask = AskGateway(ASKS_WITHIN_SECONDS, clock_seconds)
        self._at_once = at_once

    def __call__(self) -> LookUps:
        """Look up what is due, no more than a batch."""
        run = _Run()
        with ThreadPoolExecutor(self._at_once, "look-up") as threads:
            under_way = set[Future[bool]]()
            while run.looked_up < BATCH_SIZE and not self._stop.is_set():
                if len(under_way) == self._at_once:
                    ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                    run.add(ended)
                    continue
                # Read before the claim: its lease can only end later than this clock says.
                claimed_at_seconds = self._ask.clock_seconds()
                claimed = self._claim(away=run.away)
                if claimed is None:
                    break
                run.looked_up += 1
                run.asked.add(claimed[0].payment.request.gateway)
                under_way.add(threads.submit(self._settles, run, *claimed, claimed_at_seconds))
        run.add(under_way)
        return LookUps(run.looked_up, run.settled, run.is_gateway_away)

    def _claim(self, away: Set[str]) -> tuple[ClaimedLookUp, datetime] | None:
        accounts = {name: account for name, account in self._accounts.items() if name not in away}
        if not accounts:
            return None
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.unsettled_payments.claim(accounts, self._in_progress_limit, LEASE)
            now = unit_of_work.now()
            # Before the gateway is asked, which may take seconds: no lock may last as long.
            unit_of_work.commit()
        return None if claimed is None else (claimed, now)

    def _settles(self, run: _Run, claimed: ClaimedLookUp, at: datetime, claimed_at_seconds: float) -> bool:
        """Whether the payment is settled; it is due again where it isn't."""
        request = claimed.payment.request
        outcome = self._ask(self._look_up, request, at, claimed_at_seconds)
        is_unanswered = isinstance(outcome, Unanswered)
        if outcome is not None and not is_unanswered:
            run.answered.add(request.gateway)
            if self._stores(request, outcome):
                return True
        if is_unanswered and request.gateway not in run.answered:
            run.away.add(request.gateway)
            self._postpone(claimed, AWAY.seconds(1), is_counted=False)
        elif is_unanswered:
            is_counted = claimed.number <= _COUNTED_IF_UNANSWERED
            self._postpone(claimed, UNANSWERED.seconds(claimed.number), is_counted=is_counted)
        else:
            self._postpone(claimed, BACKOFF.seconds(claimed.number), is_counted=True)
        return False

    def _stores(self, request: PaymentRequest, outcome: Outcome) -> bool:
        """Whether the payment is settled by it."""
        try:
            return not self._settle(request, outcome).is_unsettled
        except Exception as error:  # noqa: BLE001 - what can't be stored must not delay the others
            # If nothing can be stored at all, the postponement ends this run.
            self._report_postponed("payment_lookup_postponed", error, payment_id=request.payment_id)
            return False

    def _postpone(self, claimed: ClaimedLookUp, seconds: float, *, is_counted: bool) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.unsettled_payments.postpone(
                claimed, timedelta(seconds=seconds), is_counted=is_counted
            )
            unit_of_work.commit()
