"""What the worker runs, and how often."""

import structlog

from order_service.application.expire_orders import BATCH_SIZE, ExpireOrders
from order_service.application.measure_payments import MeasurePayments
from order_service.application.settle_unsettled_payments import SettleUnsettledPayments
from servicekit.backoff import Backoff
from servicekit.db.errors import may_pass
from servicekit.lifecycle import StopSignal

INTERVAL_SECONDS = 2.0
BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)

_log = structlog.get_logger(__name__)


def run_until_stopped(
    settle: SettleUnsettledPayments, expire: ExpireOrders, measure: MeasurePayments, stop: StopSignal
) -> None:
    """Settle, expire and measure at each interval, and at once again while more is due.

    An unavailable or busy database delays the work. Raises any other error, which is a bug.
    """
    failures = 0
    while not stop.is_set():
        try:
            done = settle()
            expired = expire()
            measure()
        except Exception as error:
            if not may_pass(error):
                raise
            failures += 1
            _log.warning("payments_postponed", reason=type(error).__name__, attempt=failures)
            stop.wait(BACKOFF.seconds(failures))
            continue
        failures = 0
        if done.looked_up:
            _log.info("payments_looked_up", looked_up=done.looked_up, settled=done.settled)
        if not done.looked_up and expired < BATCH_SIZE:
            stop.wait(INTERVAL_SECONDS)
