"""What happens in a run: the client's requests, which may die, and the recovery by a later process."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

from order_service.application.cancel_order import CancelOrderCommand
from order_service.application.note_payment_hint import NotePaymentHintCommand
from order_service.application.pay_order import PayOrderCommand
from order_service.application.place_order import PlaceOrderCommand
from order_service.domain.cancellation import CancelledLine
from order_service.domain.errors import OrderError
from order_service.domain.order import Order, Recipient
from order_service.domain.payment_hint import PaymentHint, ReportedChange
from order_service.domain.payment_request import PaymentMethod
from order_service.domain.product import RequestedItem
from servicekit.idempotency.key import IdempotencyKey
from tests.chaos.payments.behaviour import Behaviour, Pieces
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.use_cases import UseCases
from tests.chaos.payments.world import PIECES, PRODUCT_ID, USER_COUPON_ID, USER_ID, World

# The first is of the catalogue.
_ITEMS = (RequestedItem(PRODUCT_ID, PIECES, 15_000), RequestedItem("P-2", 1, 3_500))
_A_WHILE_SECONDS = 75
# Longer than look-ups lag.
_CANCELS_AFTER_SECONDS = 400
# Until an authorisation has lapsed at Toss, then at PortOne, and at last a deposit is overdue. The rest is
# for refunds that become due then.
_PAUSES_SECONDS = (_A_WHILE_SECONDS, 900, 2400, 8 * 24 * 3600, _A_WHILE_SECONDS, 900, 900, 900)
_UNPAID = "SELECT 1 FROM orders WHERE status = 'PENDING_PAYMENT' AND expired_at IS NULL"
_HINTED = "SELECT 1 FROM payment_hint"
_UNSETTLED = "SELECT 1 FROM payment WHERE status IN ('REQUESTED', 'UNKNOWN')"
_REFUNDS_DUE = """
SELECT 1 FROM payment LEFT JOIN refund USING (payment_id)
WHERE refund.status = 'DUE' OR (payment.status = 'REFUND_DUE' AND payment.refunded_at IS NULL)
"""
_RELEASES = "SELECT 1 FROM coupon_release"


class Scene:
    """Of one order, in the world and with the use cases of one process."""

    def __init__(
        self, world: World, cases: UseCases, gateway: str, behaviour: Behaviour, boundaries: Boundaries
    ) -> None:
        self._world, self._cases, self._gateway = world, cases, gateway
        self._behaviour, self._boundaries = behaviour, boundaries

    def run(self) -> None:
        """An order, from its placing to the end of its payments; each step is one use case."""
        order = self._placed()
        if order is not None:
            self._pay(order)
            self._cancel(order)
        self.recover()

    def recover(self) -> None:
        """What the workers do, without a client and without an operator, until nothing is left to do."""
        if self._behaviour.sells_out:
            self._world.sell_out()
        if self._behaviour.is_reported:
            self._report()
        if self._behaviour.another_order:
            self._world.pass_time(_A_WHILE_SECONDS)
            self._world.let_another_order_use_the_coupon()
        for seconds in _PAUSES_SECONDS:
            is_delivered = not self._behaviour.has_coupon or self._world.deliver()
            if is_delivered and not any(self._left()):
                return
            self._world.pass_time(seconds)
            self._work()

    def _left(self) -> Iterator[object]:
        for left in (_HINTED, _UNSETTLED, _REFUNDS_DUE):
            yield self._world.query(left)
        if self._behaviour.expires:
            yield self._world.query(_UNPAID)
        if self._behaviour.has_coupon:
            yield self._world.query(_RELEASES)

    def _work(self) -> None:
        """What is left; a use case that has nothing to do changes nothing, wherever it dies."""
        self._let_expire()
        # Once a pause: what was looked up just now can't be again within a second.
        is_followed = self._world.query(_HINTED) and self._as("hints", self._cases.hinted).looked_up
        if not is_followed and self._world.query(_UNSETTLED):
            self._as("worker", self._cases.unsettled)
        if self._world.query(_REFUNDS_DUE):
            self._as("refund", self._cases.due)
        if self._behaviour.has_coupon and self._world.query(_RELEASES):
            self._as("release", self._cases.release)

    def _placed(self) -> Order | None:
        coupon = {"user_coupon_id": USER_COUPON_ID} if self._behaviour.has_coupon else {}
        recipient = Recipient("김하늘", "010-1234-5678")
        command = PlaceOrderCommand(
            USER_ID, "KRW", _ITEMS, recipient, idempotency_key=_key("place"), **coupon
        )
        with suppress(OrderError):
            return self._placed_as(command)
        if self._behaviour.places_again:
            self._world.pass_time(_A_WHILE_SECONDS)
            self._work()
            with suppress(OrderError):
                return self._placed_as(command)
        return None

    def _placed_as(self, command: PlaceOrderCommand) -> Order:
        order: Order = self._as("place", self._cases.place, command).result
        return order

    def _pay(self, order: Order) -> None:
        payment_key = self._authorised(order)
        if self._behaviour.pays_after_seconds:
            self._world.pass_time(self._behaviour.pays_after_seconds)
            self._let_expire()
        self._try_to_pay(order, payment_key, "first")
        if self._behaviour.comes_back != "never" and not self._behaviour.cancels:
            self._world.pass_time(_A_WHILE_SECONDS)
            self._let_expire()
            self._come_back(order, payment_key)
        if self._behaviour.is_deposited:
            for payment in self._world.sandbox.payments():
                if payment["status"] == "WAITING_FOR_DEPOSIT":
                    self._world.sandbox.http.post(
                        f"/payments/{payment['paymentKey']}/deposit"
                    ).raise_for_status()

    def _cancel(self, order: Order) -> None:
        if not self._behaviour.cancels:
            return
        self._world.pass_time(_CANCELS_AFTER_SECONDS)
        self._world.sandbox.control(**{self._gateway: dict(self._behaviour.cancel_controls)})
        for number, pieces in enumerate(self._behaviour.cancels, start=1):
            self._try_to_cancel(order, pieces, number)
            if self._behaviour.comes_back == "with its key":
                self._world.pass_time(_A_WHILE_SECONDS)
                self._try_to_cancel(order, pieces, number)
            self.recover()

    def _try_to_cancel(self, order: Order, pieces: Pieces | None, number: int) -> None:
        lines = None if pieces is None else [CancelledLine(*each) for each in pieces.items()]
        with suppress(OrderError):
            command = CancelOrderCommand(order.order_id, lines, "단순 변심", _key(f"cancel {number}"))
            self._as("cancel", self._cases.cancel, command)

    def _let_expire(self) -> None:
        if self._behaviour.expires and self._world.query(_UNPAID):
            self._as("expiry", self._cases.expire)

    def _report(self) -> None:
        """The gateway's webhooks arrive: again, where the process died that had got them."""
        for payment in self._world.sandbox.payments():
            change = ReportedChange.PAID if payment["chargedAmount"] else ReportedChange.OTHER
            hint = PaymentHint(UUID(payment["orderId"]), payment["paymentKey"], change)
            self._as("webhook", self._cases.note, NotePaymentHintCommand(self._gateway, hint))
        if self._world.query(_HINTED):
            self._as("hints", self._cases.hinted)

    def _come_back(self, order: Order, payment_key: str) -> None:
        match self._behaviour.comes_back:
            case "with its key":
                self._try_to_pay(order, payment_key, "first")
            case "with another key":
                self._try_to_pay(order, payment_key, "second")
            case "with another card":
                self._try_to_pay(order, self._authorised(order), "second")

    def _try_to_pay(self, order: Order, payment_key: str, key: str) -> None:
        method, total = PaymentMethod.CARD, order.total_amount
        with suppress(OrderError):
            command = PayOrderCommand(order.order_id, method, payment_key, total, _key(key))
            self._as("pay", self._cases.pay, command)

    def _authorised(self, order: Order) -> str:
        purchase = {"amount": order.total_amount, **self._behaviour.purchase}
        payment = self._world.sandbox.authenticated(self._gateway, str(order.order_id), **purchase)
        return ":".join(filter(None, (payment["paymentKey"], payment["paymentToken"])))

    def _as(self, name: str, use_case: Callable[..., Any], *command: object) -> Any:
        self._boundaries.begin(name)
        return use_case(*command)


def _key(of_request: str) -> IdempotencyKey:
    return IdempotencyKey("crash-matrix", of_request, "same")
