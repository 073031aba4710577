"""Listing payments for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.payment_history import OperatedPayment
from order_service.domain.payment_selection import PaymentSelection


@dataclass(frozen=True, slots=True)
class ListPaymentsCommand:
    """At most ``limit`` of those that match and are older than the payment ``before``."""

    selection: PaymentSelection
    limit: int
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class ListedPayments:
    """A page, the newest first, and how many match in all."""

    payments: Sequence[OperatedPayment]
    matching: int


class ListPayments:
    """One page, of one moment."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: ListPaymentsCommand) -> ListedPayments:
        with self._unit_of_work() as unit_of_work:
            payments = unit_of_work.operated_payments
            found = payments.find(command.selection, command.limit, command.before)
            return ListedPayments(found, payments.count(command.selection))
