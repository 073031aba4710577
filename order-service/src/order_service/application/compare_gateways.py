"""Asking gateways whether they have as much of each payment as the ledger says."""

from collections.abc import Callable
from dataclasses import dataclass

from order_service.application.ports import GatewayBalances, PaymentGateway, Period
from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.ledger_balance import GatewayBalance, UntakenPayment
from order_service.domain.ledger_differences import DifferenceKind, LedgerFindings
from order_service.domain.payment_outcome import Approved, ChargedOtherwise, Undecided, Unpaid
from order_service.domain.refund_outcome import NotRefunded, Refunded

NO_MONEY = "in-process"
"""The gateway that takes none, and remembers nothing."""


@dataclass(frozen=True, slots=True)
class CompareGatewaysCommand:
    """Pauses ``pause_seconds`` before each question: a gateway has other things to do."""

    period: Period
    pause_seconds: float


class CompareGateways:
    """Asks about each payment, one after the other, whether it took money or not; changes nothing."""

    def __init__(
        self, balances: GatewayBalances, gateway: PaymentGateway, pause: Callable[[float], object]
    ) -> None:
        self._balances = balances
        self._gateway = gateway
        self._pause = pause

    def __call__(self, command: CompareGatewaysCommand, findings: LedgerFindings) -> None:
        """Adds what differs to the findings, and what no gateway answered."""
        for balance in self._balances.balances(command.period):
            is_paid_with_money = balance.payment.request.gateway != NO_MONEY and not balance.is_nothing
            if balance.is_returning or not is_paid_with_money:
                continue
            self._pause(command.pause_seconds)
            self._compare(balance, command.pause_seconds, findings)
        for untaken in self._balances.untaken(command.period):
            if untaken.payment.request.gateway != NO_MONEY and untaken.payment.request.amount:
                self._pause(command.pause_seconds)
                self._compare_untaken(untaken, findings)

    def _compare_untaken(self, untaken: UntakenPayment, findings: LedgerFindings) -> None:
        payment_id = untaken.payment.payment_id
        findings.compared["declined or abandoned payments"] += 1
        try:
            outcome = self._gateway.find(untaken.payment.request, untaken.at)
        except GatewayMisconfigured:
            findings.unanswered.append(str(payment_id))
            return
        if isinstance(outcome, Undecided) and not isinstance(outcome, Unpaid):
            findings.unanswered.append(str(payment_id))
        # What was found late is to be returned by now, perhaps.
        elif _has_money(outcome) and self._balances.is_untaken(payment_id):
            findings.add(DifferenceKind.GATEWAY_DISAGREES, payment_id)

    def _compare(self, balance: GatewayBalance, pause_seconds: float, findings: LedgerFindings) -> None:
        payment_id = balance.payment.payment_id
        findings.compared["payments at gateways"] += 1
        agrees = self._agrees(balance)
        if agrees is False:
            # Something may have been returned since the balance was read.
            now = self._balances.balance(payment_id)
            if now is not None and now != balance:
                self._pause(pause_seconds)
                agrees = now.is_returning or self._agrees(now)
        if agrees is None:
            findings.unanswered.append(str(payment_id))
        elif not agrees:
            findings.add(DifferenceKind.GATEWAY_DISAGREES, payment_id)

    def _agrees(self, balance: GatewayBalance) -> bool | None:
        """None where that isn't known."""
        try:
            if balance.is_taken_back:
                if balance.left:
                    return False
                request = balance.payment.request
                outcome = self._gateway.find(request, request.requested_at)
                return None if isinstance(outcome, Undecided) else not _has_money(outcome)
            found = self._gateway.find_refund(balance.question())
        except GatewayMisconfigured:
            return None
        if isinstance(found, Undecided):
            return None
        return isinstance(found, NotRefunded if balance.left else Refunded)


def _has_money(outcome: object) -> bool:
    return isinstance(outcome, Approved | ChargedOtherwise)
