"""How fast the worker looks payments up."""

import pytest

from order_service.application.settle_unsettled_payments import LookUps
from order_service.schedule import INTERVAL_SECONDS, pause_seconds


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
