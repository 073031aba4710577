"""How long an outbox is left alone between two polls, by a clock that the test holds."""

import pytest

from outbox_relay.running.poll_interval import PollInterval
from tests.support.clock import Clock

SHORTEST, LONGEST = 0.002, 0.05


@pytest.fixture
def interval(clock: Clock) -> PollInterval:
    return PollInterval(SHORTEST, LONGEST, clock)


def test_there_is_no_pause_while_there_is_more(interval: PollInterval) -> None:
    assert interval.after_events(more=True) == 0.0


def test_pause_after_events_is_the_shortest(interval: PollInterval) -> None:
    assert interval.after_events(more=False) == SHORTEST


def test_outbox_that_nothing_is_known_of_counts_as_idle(interval: PollInterval) -> None:
    assert interval.after_nothing() == pytest.approx(LONGEST)


@pytest.mark.parametrize(
    ("silence_seconds", "pause_seconds"),
    [(0.0, 0.002), (0.02, 0.002), (0.1, 0.01), (0.3, 0.03), (0.5, 0.05), (3_600.0, 0.05)],
)
@pytest.mark.parametrize("more", [False, True])
def test_pause_is_a_tenth_of_the_silence_within_limits(
    interval: PollInterval, clock: Clock, silence_seconds: float, pause_seconds: float, more: bool
) -> None:
    interval.after_events(more=more)
    clock.now += silence_seconds

    assert interval.after_nothing() == pytest.approx(pause_seconds)


def test_events_end_the_silence(interval: PollInterval, clock: Clock) -> None:
    clock.now += 60.0
    assert interval.after_nothing() == LONGEST

    interval.after_events(more=False)
    clock.now += 0.01

    assert interval.after_nothing() == SHORTEST


def test_shortest_pause_above_the_longest_is_cut(clock: Clock) -> None:
    interval = PollInterval(0.5, 0.1, clock)

    assert interval.after_events(more=False) == 0.1
    assert interval.after_nothing() == 0.1
