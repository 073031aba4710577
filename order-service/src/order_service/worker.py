"""The worker's composition root."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from order_service.application.end_cancellation import EndCancellation
from order_service.application.expire_orders import ExpireOrders
from order_service.application.measure_coupon_releases import MeasureCouponReleases
from order_service.application.measure_payments import MeasurePayments
from order_service.application.refund_due_payments import RefundDuePayments
from order_service.application.refund_payment import RefundPayment
from order_service.application.release_coupons import ReleaseCoupons
from order_service.application.report_postponed import ReportPostponed
from order_service.application.seal_ledger import SealLedger
from order_service.application.settle_hinted_payments import SettleHintedPayments
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from order_service.application.warn_of_unreachable_payments import WarnOfUnreachablePayments
from order_service.config import LOOK_UPS_AT_ONCE, WorkerSettings
from order_service.coupons.http_coupons import HttpCoupons
from order_service.gateways.configured import configured_gateways
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.metrics import (
    count_failure,
    count_taken_back,
    count_taken_back_again,
    expect_figures,
    show_backlog,
    show_coupon_releases,
    show_unsealed,
)
from order_service.migrations import SCHEMA
from order_service.payment_settings import InProcessGatewaySettings
from order_service.persistence.retention import SqlRetention
from order_service.persistence.tables import payment
from order_service.persistence.unit_of_work import OrderUnitOfWork
from order_service.schedule import WorkThread, measure_each, run_until_stopped
from servicekit.db.engine import create_engine
from servicekit.db.errors import may_pass
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.lifecycle import StopSignal

PROCESS = "order-worker"
# Of two questions, each with its time-out. What isn't done by then is done again by the next process.
_WORK_ENDS_WITHIN_SECONDS = 7.0
# A webhook is followed as soon as its request would have had the gateway's answer itself.
_HINTS_INTERVAL_SECONDS = 0.5
_POSTPONED = ReportPostponed(may_pass, count_failure)


def run(settings: WorkerSettings, stop: StopSignal) -> None:
    """Settle, refund, expire orders, release coupons, seal the ledger, remove what is old until ``stop``."""
    engine = create_engine(settings, PROCESS)
    unit_of_work = partial(OrderUnitOfWork, engine)
    gateways = configured_gateways(settings, connections=LOOK_UPS_AT_ONCE)
    in_progress_limit = timedelta(seconds=settings.payment_in_progress_seconds)
    settle = SettleUnsettledPayments(
        unit_of_work,
        gateways,
        SettlePayment(unit_of_work, order_completed),
        in_progress_limit,
        stop,
        _POSTPONED,
        at_once=LOOK_UPS_AT_ONCE,
    )
    measures: list[Callable[[], None]] = [
        MeasurePayments(
            unit_of_work, gateways.accounts, in_progress_limit, show_backlog, WarnOfUnreachablePayments()
        ),
        # Also of earlier orders, if coupons are no longer taken.
        MeasureCouponReleases(unit_of_work, show_coupon_releases),
    ]
    expire = ExpireOrders(unit_of_work, timedelta(minutes=settings.order_expiry_minutes), _POSTPONED)
    threads = [
        *_refunds(settings, unit_of_work, stop),
        WorkThread("expiry", lambda: expire() > 0, stop, _POSTPONED),
        # Apart from the work: figures must not stand still when that fails.
        WorkThread("measurement", partial(measure_each, measures), stop, _POSTPONED),
        WorkThread("sealing", SealLedger(unit_of_work, show_unsealed), stop, _POSTPONED),
        *_hints(settings, unit_of_work, stop),
        *_coupons(settings, unit_of_work, stop),
    ]
    with ExitStack() as scope:
        scope.callback(engine.dispose)
        scope.enter_context(
            admin_server(PROCESS, settings, {"database": database_check(engine, SCHEMA, payment)})
        )
        RetentionThread(_retention(settings, engine), stop).start()
        expect_figures()
        scope.callback(_join, threads)
        # After an error, too, they end.
        scope.callback(stop.set)
        for thread in threads:
            thread.start()
        run_until_stopped(settle, stop, _POSTPONED, settings.payment_look_ups_per_second)


def _retention(settings: WorkerSettings, engine: Engine) -> Retention:
    kept = SqlRetention(
        idempotency_keys=timedelta(hours=settings.idempotency_key_retention_hours),
        recipients=timedelta(hours=settings.order_recipient_retention_hours),
    )
    return Retention(engine, kept.sweeps())


def _refunds(
    settings: WorkerSettings, unit_of_work: Callable[[], OrderUnitOfWork], stop: StopSignal
) -> Iterator[WorkThread]:
    """One thread for each gateway: a cancellation may hang for as long as a payment."""
    gateways = configured_gateways(settings, connections=1)
    for name in gateways.accounts:
        gateway = gateways.only(name)
        make = RefundPayment(unit_of_work, gateway, EndCancellation(order_cancelled))
        refund = RefundDuePayments(unit_of_work, gateway, make, settings.refund_lease, stop, _POSTPONED)
        yield WorkThread("refunds", partial(_refunds_any, refund), stop, _POSTPONED)


def _refunds_any(refund: RefundDuePayments) -> bool:
    return refund().steps > 0


def _hints(
    settings: WorkerSettings, unit_of_work: Callable[[], OrderUnitOfWork], stop: StopSignal
) -> Iterator[WorkThread]:
    """One thread for each gateway that sends webhooks: one that hangs holds up no other's."""
    for gateway in settings.gateways:
        if isinstance(gateway, InProcessGatewaySettings):
            continue
        settle = SettleHintedPayments(
            unit_of_work,
            configured_gateways(settings, connections=1),
            gateway.name,
            SettlePayment(unit_of_work, order_completed),
            timedelta(seconds=settings.payment_in_progress_seconds),
            count_taken_back,
            stop,
            _POSTPONED,
            report_again=count_taken_back_again,
        )
        name = f"{gateway.name}_hints"
        follow = partial(_follows, settle, stop, settings.payment_look_ups_per_second)
        yield WorkThread(name, follow, stop, _POSTPONED, _HINTS_INTERVAL_SECONDS)


def _follows(settle: SettleHintedPayments, stop: StopSignal, per_second: int) -> bool:
    began_seconds = time.monotonic()
    looked_up = settle().looked_up
    stop.wait(max(0.0, looked_up / per_second - (time.monotonic() - began_seconds)))
    return looked_up > 0


def _coupons(
    settings: WorkerSettings, unit_of_work: Callable[[], OrderUnitOfWork], stop: StopSignal
) -> Iterator[WorkThread]:
    if settings.coupon_service_url is not None:
        coupons = HttpCoupons(settings.coupon_service_url, 1)
        release = ReleaseCoupons(unit_of_work, coupons, stop, _POSTPONED)
        yield WorkThread("coupons", partial(_releases_any, release), stop, _POSTPONED)


def _releases_any(release: ReleaseCoupons) -> bool:
    done = release()
    return done.asked > 0 and not done.is_service_away


def _join(threads: Sequence[WorkThread]) -> None:
    deadline = time.monotonic() + _WORK_ENDS_WITHIN_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
