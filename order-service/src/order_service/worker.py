"""The worker's composition root."""

from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from order_service.application.expire_orders import ExpireOrders
from order_service.application.measure_payments import MeasurePayments
from order_service.application.settle_payment import SettlePayment
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from order_service.application.warn_of_unreachable_payments import WarnOfUnreachablePayments
from order_service.config import WorkerSettings
from order_service.gateways.configured import configured_gateways
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.metrics import show_backlog
from order_service.migrations import SCHEMA
from order_service.persistence.retention import SqlRetention
from order_service.persistence.tables import payment
from order_service.persistence.unit_of_work import OrderUnitOfWork
from order_service.schedule import run_until_stopped
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.retention import Retention, RetentionThread
from servicekit.http.admin import admin_server
from servicekit.lifecycle import StopSignal

PROCESS = "order-worker"


def run(settings: WorkerSettings, stop: StopSignal) -> None:
    """Settle payments, expire orders and remove old rows until ``stop`` is set.

    Raises like :func:`order_service.schedule.run_until_stopped`.
    """
    engine = create_engine(settings, PROCESS)
    unit_of_work = partial(OrderUnitOfWork, engine)
    gateways = configured_gateways(settings, connections=1)
    in_progress_limit = timedelta(seconds=settings.payment_in_progress_seconds)
    settle = SettleUnsettledPayments(
        unit_of_work, gateways, SettlePayment(unit_of_work, order_completed), in_progress_limit, stop
    )
    expire = ExpireOrders(unit_of_work, timedelta(minutes=settings.order_expiry_minutes))
    measure = MeasurePayments(
        unit_of_work, gateways.accounts, in_progress_limit, show_backlog, WarnOfUnreachablePayments()
    )
    keys = timedelta(hours=settings.idempotency_key_retention_hours)
    with ExitStack() as scope:
        scope.callback(engine.dispose)
        scope.enter_context(
            admin_server(PROCESS, settings, {"database": database_check(engine, SCHEMA, payment)})
        )
        RetentionThread(Retention(engine, SqlRetention(idempotency_keys=keys).sweeps()), stop).start()
        run_until_stopped(settle, expire, measure, stop)
