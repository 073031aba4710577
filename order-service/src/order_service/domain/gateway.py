"""The port to whoever moves the money."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from order_service.domain.payment_request import PaymentRequest


@dataclass(frozen=True, slots=True)
class Approved:
    """The money has been taken."""

    approved_at: datetime


@dataclass(frozen=True, slots=True)
class Declined:
    """The money was not taken and will not be. ``code`` is the gateway's."""

    code: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nobody knows yet: no reply, or a reply that doesn't settle it."""


@dataclass(frozen=True, slots=True)
class NeverHappened:
    """The attempt did not reach the gateway, and can no longer succeed there."""


Outcome = Approved | Declined | Undecided | NeverHappened


class PaymentGateway(Protocol):
    """A payment provider.

    An adapter decides by what it knows of its provider:

    - Every way of not learning the result (time-out, cut connection, 5xx, a code it doesn't list) is
      :class:`Undecided`. It raises only when the fault is ours (credentials, a malformed call).
    - An approval counts only after its key, order, amount and currency were compared with the request.
    - "Not found" is :class:`NeverHappened` only once the provider would refuse a late arrival of the attempt;
      before that it is :class:`Undecided`. What is charged after a NeverHappened has to be refunded by hand.
    """

    def approve(self, request: PaymentRequest) -> Approved | Declined | Undecided:
        """Take the money. Sends ``request.idempotency_key``, so that the same attempt is never charged twice.

        Returns within the time limit that the service is configured with for a payment in progress.
        """
        ...

    def find(self, request: PaymentRequest) -> Outcome:
        """Ask what became of an earlier :meth:`approve`; changes nothing."""
        ...
