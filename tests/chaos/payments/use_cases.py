"""What a process of the service does: the run that dies, and the recovery by a later one."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import text

from order_service.application.end_cancellation import EndCancellation
from order_service.application.expire_orders import ExpireOrders
from order_service.application.note_payment_hint import NotePaymentHint, NotePaymentHintCommand
from order_service.application.pay_order import PayOrder, PayOrderCommand
from order_service.application.place_order import PlaceOrder, PlaceOrderCommand
from order_service.application.refund_due_payments import RefundDuePayments
from order_service.application.refund_payment import RefundPayment
from order_service.application.send_payment import SendPayment
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from order_service.domain.errors import OrderError
from order_service.domain.order import Order, Recipient
from order_service.domain.payment import Payment
from order_service.domain.payment_hint import PaymentHint, ReportedChange
from order_service.domain.payment_request import PaymentMethod
from order_service.domain.product import RequestedItem
from order_service.gateways import configured
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.payment_settings import PaymentSettings
from order_service.persistence import payment_hints
from order_service.persistence.unit_of_work import OrderUnitOfWork
from provider_sandbox.gateways.portone.account import API_SECRET, STORE_ID
from provider_sandbox.gateways.toss.account import SECRET_KEY
from servicekit.config import DatabaseSettings
from servicekit.db import breaker
from servicekit.db.engine import create_engine
from servicekit.db.errors import may_pass
from servicekit.idempotency.key import IdempotencyKey
from servicekit.lifecycle import StopSignal
from tests.chaos.payments.behaviours import Behaviour
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.world import APPLICATION, PATIENCE_SECONDS, PIECES, PRODUCT_ID, World

# The first is of the catalogue.
_ITEMS = (RequestedItem(PRODUCT_ID, PIECES, 15_000), RequestedItem("P-2", 1, 3_500))
_PLACE = PlaceOrderCommand(
    7, "KRW", _ITEMS, Recipient("김하늘", "010-1234-5678"), IdempotencyKey("crash-matrix", "place", "same")
)
_IN_PROGRESS_LIMIT = timedelta(seconds=60)
_EXPIRY = timedelta(seconds=60)
_A_WHILE_SECONDS = 75
# Until an authorisation has lapsed at Toss, then at PortOne, and at last a deposit is overdue. The rest is
# for refunds that become due then.
_PAUSES_SECONDS = (_A_WHILE_SECONDS, 900, 2400, 8 * 24 * 3600, _A_WHILE_SECONDS, 900, 900, 900)
_UNPAID = "SELECT 1 FROM orders WHERE status = 'PENDING_PAYMENT' AND expired_at IS NULL"
_HINTED = "SELECT 1 FROM payment_hint"
_UNSETTLED = "SELECT 1 FROM payment WHERE status IN ('REQUESTED', 'UNKNOWN')"
_REFUNDS_DUE = "SELECT 1 FROM payment WHERE status = 'REFUND_DUE' AND refunded_at IS NULL"


class Service:
    """The use cases on ``world``, made in a process that was just forked: nothing is shared with its parent.

    Its own patience is longer than a starved machine's pauses.
    """

    def __init__(self, world: World, gateway: str, behaviour: Behaviour, boundaries: Boundaries) -> None:
        self._world, self._gateway, self._behaviour, self._boundaries = world, gateway, behaviour, boundaries
        breaker.SILENCE_SECONDS = PATIENCE_SECONDS
        vars(configured)["_LOOK_UP_TIMEOUT_SECONDS"] = behaviour.timeout_seconds
        vars(payment_hints)["_WITHIN"] = text(f"SET LOCAL statement_timeout = '{PATIENCE_SECONDS}s'")
        database = DatabaseSettings(
            database_url=world.database_url,
            database_connect_timeout_seconds=PATIENCE_SECONDS,
            database_idle_in_transaction_timeout_ms=PATIENCE_SECONDS * 1000,
        )
        engine = create_engine(database, APPLICATION)
        boundaries.watch_statements(engine)
        boundaries.watch_http()
        settings = _payment_settings(world.sandbox.url, gateway, behaviour.timeout_seconds)
        gateways = configured.configured_gateways(settings, connections=1)
        unit_of_work = partial(OrderUnitOfWork, engine)
        settle = SettlePayment(unit_of_work, order_completed)
        send = SendPayment(gateways, timedelta(seconds=PATIENCE_SECONDS))
        self._place = PlaceOrder(unit_of_work, requires_catalogue=False)
        self._pay = PayOrder(unit_of_work, gateways, send, settle, _IN_PROGRESS_LIMIT)
        self._note = NotePaymentHint(unit_of_work)
        self._hinted = SettleHintedPayments(
            unit_of_work, gateways, gateway, settle, _IN_PROGRESS_LIMIT, _no_report, StopSignal(), _no_time
        )
        self._unsettled = SettleUnsettledPayments(
            unit_of_work, gateways, settle, _IN_PROGRESS_LIMIT, StopSignal(), may_pass, _no_time
        )
        self._expire = ExpireOrders(unit_of_work, _EXPIRY)
        refund = RefundPayment(unit_of_work, gateways, EndCancellation(order_cancelled), _no_time)
        self._due = RefundDuePayments(unit_of_work, gateways, refund, settings.refund_lease, StopSignal())

    def run(self) -> None:
        """An order, from its placing to the end of its payments; each step is one use case."""
        order = self._as("place", self._place, _PLACE).result
        payment_key = self._authorised(order)
        if self._behaviour.pays_after_seconds:
            self._world.pass_time(self._behaviour.pays_after_seconds)
            self._let_expire()
        self._try_to_pay(order, payment_key, "first")
        if self._behaviour.comes_back != "never":
            self._world.pass_time(_A_WHILE_SECONDS)
            self._let_expire()
            self._come_back(order, payment_key)
        if self._behaviour.is_deposited:
            [payment] = self._world.sandbox.payments()
            self._world.sandbox.http.post(f"/payments/{payment['paymentKey']}/deposit").raise_for_status()
        self.recover()

    def recover(self) -> None:
        """What the worker does, without a client and without an operator, until nothing is left to do."""
        if self._behaviour.sells_out:
            self._world.sell_out()
        if self._behaviour.is_reported:
            self._report()
        is_left = [_HINTED, _UNSETTLED, _REFUNDS_DUE, *([_UNPAID] if self._behaviour.expires else [])]
        for seconds in _PAUSES_SECONDS:
            if not any(map(self._world.query, is_left)):
                return
            self._world.pass_time(seconds)
            self._work()

    def _work(self) -> None:
        """What is left; a use case that has nothing to do changes nothing, wherever it dies."""
        self._let_expire()
        # Once a pause: what was looked up just now can't be again within a second.
        is_followed = self._world.query(_HINTED) and self._as("hints", self._hinted).looked_up
        if not is_followed and self._world.query(_UNSETTLED):
            self._as("worker", self._unsettled)
        if self._world.query(_REFUNDS_DUE):
            self._as("refund", self._due)

    def _let_expire(self) -> None:
        if self._behaviour.expires and self._world.query(_UNPAID):
            self._as("expiry", self._expire)

    def _report(self) -> None:
        """The gateway's webhooks arrive: again, where the process died that had got them."""
        for payment in self._world.sandbox.payments():
            change = ReportedChange.PAID if payment["chargedAmount"] else ReportedChange.OTHER
            hint = PaymentHint(UUID(payment["orderId"]), payment["paymentKey"], change)
            self._as("webhook", self._note, NotePaymentHintCommand(self._gateway, hint))
        if self._world.query(_HINTED):
            self._as("hints", self._hinted)

    def _come_back(self, order: Order, payment_key: str) -> None:
        match self._behaviour.comes_back:
            case "with its key":
                self._try_to_pay(order, payment_key, "first")
            case "with another key":
                self._try_to_pay(order, payment_key, "second")
            case "with another card":
                self._try_to_pay(order, self._authorised(order), "second")

    def _try_to_pay(self, order: Order, payment_key: str, key: str) -> None:
        idempotency_key = IdempotencyKey("crash-matrix", key, "same")
        method, total = PaymentMethod.CARD, order.total_amount
        with suppress(OrderError):
            command = PayOrderCommand(order.order_id, method, payment_key, total, idempotency_key)
            self._as("pay", self._pay, command)

    def _authorised(self, order: Order) -> str:
        purchase = {"amount": order.total_amount, **self._behaviour.purchase}
        payment = self._world.sandbox.authenticated(self._gateway, str(order.order_id), **purchase)
        return ":".join(filter(None, (payment["paymentKey"], payment["paymentToken"])))

    def _as(self, name: str, use_case: Callable[..., Any], *command: object) -> Any:
        self._boundaries.begin(name)
        return use_case(*command)


def _no_time() -> float:
    """A lease's clock that a starved machine doesn't put ahead."""
    return 0.0


def _no_report(payment: Payment) -> None:
    """Operators aren't needed."""


def _payment_settings(sandbox_url: str, gateway: str, timeout_seconds: float) -> PaymentSettings:
    settings = {
        "payment_gateway": gateway,
        f"{gateway}_url": f"{sandbox_url}/gateways/{gateway}",
        f"{gateway}_timeout_seconds": timeout_seconds,
        "toss_secret_key": SECRET_KEY if gateway == "toss" else None,
        "portone_api_secret": API_SECRET if gateway == "portone" else None,
        "portone_store_id": STORE_ID,
        "portone_test": True,
    }
    return PaymentSettings.model_validate(settings)
