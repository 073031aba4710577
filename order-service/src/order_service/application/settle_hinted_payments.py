"""Asking gateways about the payments that their webhooks named."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from order_service.application.ask_gateway import AskGateway
from order_service.application.look_up_payment import LookUpPayment
from order_service.application.ports import (
    LAST_UNPAID,
    SETTLED_LOOK_UP_INTERVAL,
    ClaimedHint,
    PaymentGateway,
    ReportTakenBack,
    UnitOfWorkFactory,
)
from order_service.application.record_contradiction import RecordContradiction
from order_service.application.report_postponed import ReportPostponed
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import (
    ASKS_WITHIN_SECONDS,
    BATCH_SIZE,
    LEASE,
    LookUps,
)
from order_service.domain.contradiction import Contradiction
from order_service.domain.payment import PaymentStatus
from order_service.domain.payment_outcome import (
    Approved,
    AwaitsDeposit,
    Declined,
    NeverHappened,
    Outcome,
    Undecided,
    Unpaid,
)
from servicekit.backoff import Backoff
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal

BACKOFF = Backoff(first_seconds=2.0, longest_seconds=600.0)
# Of an unsettled payment the planned look-ups go on.
_LAST_ATTEMPT = LAST_UNPAID
# Nothing else asks about a settled payment: after a day, an operator does.
LAST_ATTEMPT_IF_SETTLED = 150
_KNOWN_BATCH_SIZE = 1_000

_log = structlog.get_logger(__name__)


class SettleHintedPayments:
    """Looks up what :class:`~order_service.application.note_payment_hint.NotePaymentHint` has noted.

    Only what the gateway then says counts, so that a forged, late or repeated webhook changes nothing. A hint
    is dropped once its question is answered and the answer is stored. A payment that is approved stays so: if
    the gateway says twice that its money is gone, or is back, that is recorded, once. Several processes may
    do this at once.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        gateway: PaymentGateway,
        gateway_name: str,
        settle: SettlePayment,
        in_progress_limit: timedelta,
        report: ReportTakenBack,
        stop: StopSignal,
        report_postponed: ReportPostponed,
        clock_seconds: Callable[[], float] = lease_clock_seconds,
        report_again: ReportTakenBack = lambda _: None,
    ) -> None:
        """``gateway_name`` is the one whose hints are followed: one that hangs must not delay another's."""
        self._unit_of_work = unit_of_work
        self._gateway = gateway
        self._accounts = {gateway_name: gateway.accounts[gateway_name]}
        self._look_up = LookUpPayment(gateway)
        self._settle = settle
        self._in_progress_limit = in_progress_limit
        self._record_contradiction = RecordContradiction(unit_of_work, report, report_again)
        self._stop = stop
        self._report_postponed = report_postponed
        self._ask = AskGateway(ASKS_WITHIN_SECONDS, clock_seconds)

    def __call__(self) -> LookUps:
        """Look up what is due, no more than a batch."""
        self._drop_known()
        looked_up = settled = 0
        while looked_up < BATCH_SIZE and not self._stop.is_set():
            # Read before the claim: its lease can only end later than this clock says.
            claimed_at_seconds = self._ask.clock_seconds()
            claimed = self._claim()
            if claimed is None:
                break
            looked_up += 1
            settled += self._follow(claimed, claimed_at_seconds)
        return LookUps(looked_up, settled)

    def _drop_known(self) -> None:
        with self._unit_of_work() as unit_of_work:
            if unit_of_work.payment_hints.drop_known(_KNOWN_BATCH_SIZE):
                unit_of_work.commit()

    def _claim(self) -> ClaimedHint | None:
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.payment_hints.claim(self._accounts, LEASE)
            if claimed is not None:
                # Before the gateway is asked, which may take seconds: no lock may last as long.
                unit_of_work.commit()
        return claimed

    def _follow(self, claimed: ClaimedHint, claimed_at_seconds: float) -> bool:
        """Whether the answer settled the payment."""
        payment = claimed.payment
        # A settled payment is only asked about: taking back an overdue deposit is for those that wait for it.
        ask = self._look_up if payment.is_unsettled else self._gateway.find
        outcome = self._ask(ask, payment.request, claimed.at, claimed_at_seconds)
        is_settled, contradiction = False, None
        try:
            if outcome is not None:
                is_settled = self._settles(claimed, outcome)
                # After the outcome is stored: of an approval just now it says nothing.
                contradiction = self._record_contradiction(payment, outcome)
        except Exception as error:  # noqa: BLE001 - what can't be stored must not delay the others
            self._report_postponed("payment_hint_postponed", error, payment_id=payment.payment_id)
            # It is asked again. If nothing can be stored at all, the postponement ends this run.
            outcome = None
        with self._unit_of_work() as unit_of_work:
            # After the outcome is stored: what a crash keeps from being stored is asked again.
            is_given_up = _is_given_up(claimed, outcome)
            if is_given_up or _is_answered(claimed, outcome, contradiction):
                unit_of_work.payment_hints.drop(claimed)
            else:
                unit_of_work.payment_hints.postpone(claimed, _pause(claimed))
            unit_of_work.commit()
        if is_given_up and not payment.is_unsettled:
            _log.warning("payment_hint_given_up", payment_id=str(payment.payment_id), attempt=claimed.number)
        return is_settled

    def _settles(self, claimed: ClaimedHint, outcome: Outcome) -> bool:
        payment = claimed.payment
        if isinstance(outcome, NeverHappened | Undecided) and payment.is_in_progress(
            claimed.at, self._in_progress_limit
        ):
            # Its request still waits for the gateway's answer, and settles it itself.
            return False
        after = self._settle(payment.request, outcome)
        return payment.is_unsettled and not after.is_unsettled


def _is_seen_again(claimed: ClaimedHint) -> bool:
    """Whether the answer counts: a single look-up may lag behind."""
    return claimed.number > 1


def _is_undecided(claimed: ClaimedHint, outcome: Outcome | None) -> bool:
    """Whether nothing was learnt."""
    if outcome is None:
        return True
    if claimed.payment.status is PaymentStatus.APPROVED:
        # All else is from before its approval, where a look-up lags behind, or makes no sense. So is what
        # a look-up may still show of money that is back.
        is_behind = claimed.is_taken_back and isinstance(outcome, AwaitsDeposit)
        return is_behind or not isinstance(outcome, Approved | Declined | AwaitsDeposit)
    return isinstance(outcome, Undecided) and not isinstance(outcome, Unpaid | AwaitsDeposit)


def _is_given_up(claimed: ClaimedHint, outcome: Outcome | None) -> bool:
    last = _LAST_ATTEMPT if claimed.payment.is_unsettled else LAST_ATTEMPT_IF_SETTLED
    return _is_undecided(claimed, outcome) and claimed.number >= last


def _is_answered(claimed: ClaimedHint, outcome: Outcome | None, contradiction: Contradiction | None) -> bool:
    """Whether the hint has served its purpose."""
    if _is_undecided(claimed, outcome):
        return False
    if contradiction is not None:
        return contradiction is not Contradiction.SEEN_ONCE
    match outcome:
        case Approved() if claimed.is_returned:
            # What the webhook was sent for may not be shown yet.
            return _is_seen_again(claimed)
        case Unpaid() | AwaitsDeposit() | NeverHappened():
            return claimed.number >= LAST_UNPAID or not (claimed.is_paid or claimed.is_returned)
    return True


def _pause(claimed: ClaimedHint) -> timedelta:
    pause = timedelta(seconds=BACKOFF.seconds(claimed.number))
    return pause if claimed.payment.is_unsettled else max(pause, SETTLED_LOOK_UP_INTERVAL)
