"""A gateway for development and tests: no money, no network, no memory."""

from collections.abc import Mapping
from datetime import datetime

from order_service.domain.payment_outcome import Approved, Declined, NeverHappened, Outcome, Undecided
from order_service.domain.payment_request import PaymentRequest
from order_service.domain.refund_outcome import Refunded
from order_service.domain.refund_request import RefundRequest


class InProcessGateway:
    """Does what the payment key asks for, so that every process answers alike:

    ========================  ===========  ==============
    payment key begins with   approve      look-up
    ========================  ===========  ==============
    ``decline-``              declined     declined
    ``timeout-approved-``     no answer    approved
    ``timeout-lost-``         no answer    never happened
    anything else             approved     approved
    ========================  ===========  ==============

    Being without memory, it also takes a payment for approved that it was never asked to approve, and returns
    any amount.
    """

    name = "in-process"
    accounts: Mapping[str, str] = {"in-process": "in-process"}

    def approve(self, request: PaymentRequest) -> Approved | Declined | Undecided:
        if request.payment_key.startswith("timeout-"):
            return Undecided()
        return self._settled(request)

    def find(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        if request.payment_key.startswith("timeout-lost-"):
            return NeverHappened()
        return self._settled(request)

    def void(self, request: PaymentRequest, asked_at: datetime) -> Outcome:
        return self.find(request, asked_at)

    def refund(self, request: RefundRequest) -> Refunded:
        return Refunded(request.payment.requested_at)

    find_refund = refund

    def _settled(self, request: PaymentRequest) -> Approved | Declined:
        if request.payment_key.startswith("decline-"):
            return Declined("DECLINED_ON_DEMAND")
        # The one time that approve and find can agree on without remembering it.
        return Approved(request.requested_at)
