"""How fast the worker looks payments up, and that it goes on doing so."""

from typing import cast

import pytest

from order_service.application.report_postponed import ReportPostponed
from order_service.application.settle_unsettled_payments import LookUps, SettleUnsettledPayments
from order_service.schedule import INTERVAL_SECONDS, pause_seconds, run_until_stopped
from servicekit.lifecycle import StopSignal


@pytest.mark.parametrize(
    ("done", "past_seconds", "pause"),
    [
        (LookUps(), 0.1, INTERVAL_SECONDS),
        (LookUps(looked_up=1, is_gateway_away=True), 3.0, INTERVAL_SECONDS),
        (LookUps(looked_up=20, settled=20), 0.05, 0.15),
        (LookUps(looked_up=20, settled=1), 0.5, 0.0),
    ],
    ids=["nothing is due", "no answer", "faster than allowed", "slower than allowed"],
)
def test_the_pause_keeps_to_the_rate(done: LookUps, past_seconds: float, pause: float) -> None:
    assert pause_seconds(done, past_seconds, per_second=100) == pytest.approx(pause)


def test_an_error_ends_no_worker() -> None:
    stop, counted = StopSignal(), list[str]()

    def fail() -> LookUps:
        if counted:
            stop.set()
        raise KeyError("status")

    run_until_stopped(
        cast("SettleUnsettledPayments", fail),
        stop,
        ReportPostponed(lambda error: False, counted.append),
        per_second=100,
    )

    assert counted == ["payments_postponed"] * 2
