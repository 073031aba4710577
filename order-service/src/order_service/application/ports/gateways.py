"""Payment gateways."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from order_service.domain.payment_outcome import Answer, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import Refunded, RefundOutcome, RefundRefused
from order_service.domain.refund_request import RefundRequest


class PaymentGateway(Protocol):
    """A payment provider.

    What an adapter must do:

    - Every way of not learning the result (time-out, cut connection, 5xx, a code it doesn't list) is
      :class:`Undecided`; of a look-up it is :class:`Unanswered` where it says as much of every payment. It
      raises GatewayMisconfigured only when the fault is ours (credentials, a malformed call).
    - An approval counts only after its key, order, amount and currency were compared with the request. With
      another amount or currency it is :class:`ChargedOtherwise`.
    - "Not found" is :class:`NeverHappened` only once the provider would refuse a late arrival of the attempt;
      before that it is :class:`Undecided`. What is charged after a NeverHappened has to be refunded by hand.
    - Nothing is asked about a payment of another account: the provider would not find it.
    - A refusal counts only if no earlier attempt can have charged.
    """

    @property
    def name(self) -> str:
        """What is stored with each new payment, which is then asked for at the gateway of that name."""
        ...

    @property
    def accounts(self) -> Mapping[str, str]:
        """The shop's account at each gateway that can be asked, by the gateway's name. Stored like the name.

        It is not secret, and another one means that the gateway wouldn't find the payment.
        """
        ...

    def approve(self, request: PaymentRequest) -> Answer:
        """Take the money. Sends ``request.idempotency_key``, so that the same attempt is never charged twice.

        Returns within the time limit that the service is configured with for a payment in progress.
        """
        ...

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """Ask what became of an earlier :meth:`approve`; changes nothing.

        ``asked_at`` is no later than now, by the clock of ``request.requested_at``.
        """
        ...

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        """Take back a payment that awaits a deposit, and say what became of it: it may have been paid."""
        ...

    def refund(self, request: RefundRequest) -> Refunded | RefundRefused | Undecided:
        """Return a payment's money, all of what is left or a part, once for each idempotency key."""
        ...

    def find_refund(self, request: RefundRequest) -> RefundOutcome:
        """Ask what became of an earlier :meth:`refund`; changes nothing.

        Other refunds of the payment say nothing of it, also those of the same amount.
        """
        ...
