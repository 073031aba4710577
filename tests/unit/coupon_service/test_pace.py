"""Repeated work leaves most of the time to others."""

import pytest

from coupon_service.domain.pace import SHARE, Pace


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> str:
        self.now += seconds
        return "done"


def test_work_is_not_repeated_too_early() -> None:
    clock = _Clock()
    pace = Pace(5.0, clock)
    assert pace.run(lambda: clock.work(0.1)) == "done"
    clock.now = 104.9
    assert pace.run(lambda: clock.work(0.1)) is None
    clock.now = 105.0
    assert pace.run(lambda: clock.work(0.1)) == "done"


def test_work_that_takes_long_gets_its_share_of_the_time() -> None:
    clock = _Clock()
    pace = Pace(5.0, clock)
    pace.run(lambda: clock.work(1.0))
    clock.now = 100.0 + 1.0 / SHARE - 0.1
    assert pace.run(lambda: clock.work(1.0)) is None
    clock.now += 0.2
    assert pace.run(lambda: clock.work(1.0)) == "done"


def test_work_that_fails_is_not_repeated_at_once() -> None:
    clock = _Clock()
    pace = Pace(5.0, clock)

    def time_out() -> str:
        clock.work(10.0)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        pace.run(time_out)
    clock.now += 4.9
    assert pace.run(lambda: clock.work(0.1)) is None
    clock.now += 0.1
    assert pace.run(lambda: clock.work(0.1)) == "done"
