"""order-service's use cases, made in a process that was just forked: nothing is shared with its parent."""

from datetime import timedelta
from functools import partial

from sqlalchemy import text

from order_service.application.cancel_order import CancelOrder
from order_service.application.end_cancellation import EndCancellation
from order_service.application.expire_orders import ExpireOrders
from order_service.application.note_payment_hint import NotePaymentHint
from order_service.application.pay_order import PayOrder
from order_service.application.place_order import PlaceOrder
from order_service.application.refund_due_payments import RefundDuePayments
from order_service.application.refund_payment import RefundPayment
from order_service.application.release_coupons import ReleaseCoupons
from order_service.application.report_postponed import ReportPostponed
from order_service.application.reserve_coupon import ReserveCoupon
from order_service.application.send_payment import SendPayment
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from order_service.coupons import http_coupons
from order_service.coupons.http_coupons import HttpCoupons
from order_service.domain.payment import Payment
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
from servicekit.lifecycle import StopSignal
from servicekit.outbound.turns import Turns
from tests.chaos.payments.behaviour import Behaviour
from tests.chaos.payments.boundaries import Boundaries
from tests.chaos.payments.database import APPLICATION, PATIENCE_SECONDS
from tests.chaos.payments.world import World

_IN_PROGRESS_LIMIT = timedelta(seconds=60)
_EXPIRY = timedelta(seconds=60)


class UseCases:
    """On ``world``. Its own patience is longer than a starved machine's pauses."""

    def __init__(self, world: World, gateway: str, behaviour: Behaviour, boundaries: Boundaries) -> None:
        breaker.SILENCE_SECONDS = PATIENCE_SECONDS
        vars(configured)["_LOOK_UP_TIMEOUT_SECONDS"] = behaviour.timeout_seconds
        vars(http_coupons)["TIMEOUT_SECONDS"] = PATIENCE_SECONDS
        vars(payment_hints)["_WITHIN"] = text(f"SET LOCAL statement_timeout = '{PATIENCE_SECONDS}s'")
        database = DatabaseSettings(
            database_url=world.orders.url,
            database_connect_timeout_seconds=PATIENCE_SECONDS,
            database_idle_in_transaction_timeout_ms=PATIENCE_SECONDS * 1000,
        )
        engine = create_engine(database, APPLICATION)
        boundaries.watch_statements(engine)
        boundaries.watch_http()
        settings = _payment_settings(world.sandbox.url, gateway, behaviour)
        gateways = configured.configured_gateways(settings, connections=1)
        unit_of_work, stop, turns = partial(OrderUnitOfWork, engine), StopSignal(), Turns(1)
        postponed = ReportPostponed(may_pass, _fail)
        settle = SettlePayment(unit_of_work, order_completed)
        send = SendPayment(gateways, timedelta(seconds=PATIENCE_SECONDS))
        coupons = HttpCoupons(world.coupons_url, 1)
        hold = timedelta(seconds=behaviour.holds_coupon_seconds)
        reserve = ReserveCoupon(unit_of_work, coupons, Turns(1), hold, "KRW", _no_time)
        self.place = PlaceOrder(unit_of_work, reserve, requires_catalogue=False)
        self.pay = PayOrder(unit_of_work, gateways, send, settle, _IN_PROGRESS_LIMIT, turns)
        self.note = NotePaymentHint(unit_of_work)
        self.hinted = SettleHintedPayments(
            unit_of_work, gateways, gateway, settle, _IN_PROGRESS_LIMIT, _no_report, stop, postponed, _no_time
        )
        self.unsettled = SettleUnsettledPayments(
            unit_of_work, gateways, settle, _IN_PROGRESS_LIMIT, stop, postponed, _no_time
        )
        end_cancellation = EndCancellation(order_cancelled)
        refund = RefundPayment(unit_of_work, gateways, end_cancellation, _no_time)
        self.cancel = CancelOrder(unit_of_work, refund, end_cancellation, settings.refund_lease, turns)
        self.due = RefundDuePayments(unit_of_work, gateways, refund, settings.refund_lease, stop, postponed)
        self.expire = ExpireOrders(unit_of_work, _EXPIRY, postponed)
        self.release = ReleaseCoupons(unit_of_work, coupons, stop, postponed)


def _no_time() -> float:
    """A lease's clock that a starved machine doesn't put ahead."""
    return 0.0


def _fail(event: str) -> None:
    """A bug is no crash: it ends the cell."""
    raise AssertionError(event)


def _no_report(payment: Payment) -> None:
    """Operators aren't needed."""


def _payment_settings(sandbox_url: str, gateway: str, behaviour: Behaviour) -> PaymentSettings:
    settings = {
        "payment_gateway": gateway,
        f"{gateway}_url": f"{sandbox_url}/gateways/{gateway}",
        f"{gateway}_timeout_seconds": behaviour.timeout_seconds,
        "toss_secret_key": SECRET_KEY if gateway == "toss" else None,
        "portone_api_secret": API_SECRET if gateway == "portone" else None,
        "portone_store_id": STORE_ID,
        "portone_test": True,
        "sells_virtual_accounts": behaviour.sells_accounts,
    }
    return PaymentSettings.model_validate(settings)
