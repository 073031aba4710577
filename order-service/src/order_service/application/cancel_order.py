"""Cancelling pieces of a paid order, or all that is left of it, and returning their money once.

1. In one transaction the cancellation is stored with its refund, under the client's idempotency key.
2. The gateway is asked to return the money, outside of any transaction.
3. In one transaction the answer is recorded; once the money is returned, the cancellation ends with it
   (:mod:`order_service.application.end_cancellation`).

If anything fails in between, the worker finds the refund due, and goes on as with any other one.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from order_service.application.end_cancellation import EndCancellation, report_ended
from order_service.application.ports import ClaimedRefund, UnitOfWork, UnitOfWorkFactory
from order_service.application.refund_payment import RefundPayment, RefundPaymentCommand
from order_service.domain.cancellation import Cancellation, CancelledLine, CancelledOrder
from order_service.domain.errors import GatewayMisconfigured, OrderNotCompleted, OrderNotFound
from order_service.domain.refund import Refund
from servicekit.idempotency.key import Answer, IdempotencyKey
from servicekit.identifiers import uuid7
from servicekit.outbound.turns import Turns

CLIENT = "order-api"
"""In place of an operator's name."""
# After which the worker goes on.
_PAUSE = timedelta(seconds=4)


@dataclass(frozen=True, slots=True)
class CancelOrderCommand:
    """What the client wants to cancel; all that is left where ``lines`` is None."""

    order_id: UUID
    lines: Sequence[CancelledLine] | None
    reason: str
    idempotency_key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class _Opened:
    """``claimed`` is the refund to make now, at most."""

    cancellation: Cancellation
    claimed: ClaimedRefund | None = None
    is_replay: bool = False


class CancelOrder:
    """Stores a cancellation, and makes its refund at once where the gateway answers.

    ``lease`` is longer than any exchange with a gateway takes. ``turns`` are for these: without one the
    refund is left to the worker.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        refund: RefundPayment,
        end_cancellation: EndCancellation,
        lease: timedelta,
        turns: Turns,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._refund = refund
        self._end_cancellation = end_cancellation
        self._lease = lease
        self._turns = turns

    def __call__(self, command: CancelOrderCommand) -> Answer[Cancellation]:
        """The cancellation as it is now; of an earlier request with the same key that one's.

        Raises OrderNotFound, and like :meth:`~order_service.domain.cancellation.CancelledOrder.cancel`.
        """
        # Before the transaction, which must not last as long as the wait for a turn.
        with self._turns.one() as may_ask:
            return self._cancel(command, may_ask=may_ask)

    def _cancel(self, command: CancelOrderCommand, *, may_ask: bool) -> Answer[Cancellation]:
        # Read before the claim: its lease can only end later than this clock says.
        claimed_at_seconds = self._refund.clock_seconds()
        opened = self._open(command, may_ask=may_ask)
        if opened.claimed is None:
            return Answer(opened.cancellation, opened.is_replay)
        # Logged where it is known what is wrong. Once that is corrected, the worker makes the refund.
        with suppress(GatewayMisconfigured), self._turns.calling():
            self._refund(RefundPaymentCommand(opened.claimed, claimed_at_seconds, CLIENT, _PAUSE))
        return Answer(self._stored(opened.cancellation.cancellation_id))

    def _open(self, command: CancelOrderCommand, *, may_ask: bool) -> _Opened:
        cancellation_id = uuid7()
        with self._unit_of_work() as unit_of_work:
            # Before the checks: a repeated request gets its cancellation even if nothing is left by now.
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"cancellationId": str(cancellation_id)}
                )
                if earlier is not None:
                    return _Opened(_get(unit_of_work, UUID(earlier["cancellationId"])), is_replay=True)
            opened = self._begin(unit_of_work, command, cancellation_id, may_ask=may_ask)
            # Before the gateway is asked: after a crash, only this shows that it may have returned the money.
            unit_of_work.commit()
        if opened.cancellation.cancelled_at is not None:
            report_ended(opened.cancellation)
        return opened

    def _begin(
        self, unit_of_work: UnitOfWork, command: CancelOrderCommand, cancellation_id: UUID, *, may_ask: bool
    ) -> _Opened:
        order = unit_of_work.orders.lock(command.order_id)
        if order is None:
            # Raising rolls the key back too: nothing was stored, and the client may send it again.
            raise OrderNotFound
        order.check_cancellable()
        payment = unit_of_work.payments.live(command.order_id)
        if payment is None:
            raise OrderNotCompleted
        before = CancelledOrder(
            order,
            unit_of_work.cancellations.of_order(command.order_id),
            unit_of_work.payments.is_taken_back(payment.payment_id),
        )
        at = unit_of_work.now()
        cancellation = before.cancel(cancellation_id, payment.payment_id, command.lines, command.reason, at)
        if cancellation.refund_id is None:
            unit_of_work.cancellations.add(cancellation)
            return _Opened(self._end_cancellation(unit_of_work, cancellation))
        at_gateway = before.left_amount + unit_of_work.refunds.returned_outside(payment.payment_id)
        refund = Refund.of_part(
            cancellation.refund_id, payment, cancellation.amount, at_gateway, cancellation.reason, at
        )
        if may_ask:
            claimed = unit_of_work.refunds.begin(refund, self._lease)
        else:
            claimed = None
            unit_of_work.refunds.add(refund)
        unit_of_work.cancellations.add(cancellation)
        return _Opened(cancellation, claimed)

    def _stored(self, cancellation_id: UUID) -> Cancellation:
        with self._unit_of_work() as unit_of_work:
            return _get(unit_of_work, cancellation_id)


def _get(unit_of_work: UnitOfWork, cancellation_id: UUID) -> Cancellation:
    cancellation = unit_of_work.cancellations.get(cancellation_id)
    if cancellation is None:
        raise OrderNotFound
    return cancellation
