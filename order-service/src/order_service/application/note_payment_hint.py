"""Keeping what a gateway's webhook says, for the worker to ask about."""

from dataclasses import dataclass

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.payment_hint import PaymentHint


@dataclass(frozen=True, slots=True)
class NotePaymentHintCommand:
    """``gateway`` is the one whose webhook it was, by its name."""

    gateway: str
    hint: PaymentHint


class NotePaymentHint:
    """Makes a look-up due, and changes no payment: a webhook may be forged, late or repeated."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: NotePaymentHintCommand) -> int:
        """The number of payments that the gateway will be asked about."""
        with self._unit_of_work() as unit_of_work:
            noted = unit_of_work.payment_hints.note(command.gateway, command.hint)
            if noted:
                unit_of_work.commit()
        return noted
