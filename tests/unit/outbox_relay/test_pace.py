"""How long an outbox is left alone, by a clock that the test holds."""

import pytest

from outbox_relay.protocol.pace import Pace
from tests.support.clock import Clock

SHORTEST, LONGEST = 0.002, 0.05


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(SHORTEST, LONGEST, clock)


def test_there_is_no_pause_while_there_is_more(pace: Pace) -> None:
    assert pace.after_events(more=True) == 0.0


def test_pause_after_events_is_the_shortest(pace: Pace) -> None:
    assert pace.after_events(more=False) == SHORTEST


def test_outbox_that_nothing_is_known_of_counts_as_idle(pace: Pace) -> None:
    assert pace.after_nothing() == pytest.approx(LONGEST)


@pytest.mark.parametrize(
    ("silence_seconds", "pause_seconds"),
    [(0.0, 0.002), (0.02, 0.002), (0.1, 0.01), (0.3, 0.03), (0.5, 0.05), (3_600.0, 0.05)],
)
@pytest.mark.parametrize("more", [False, True])
def test_pause_is_a_tenth_of_the_silence_between_the_shortest_and_the_longest(
    pace: Pace, clock: Clock, silence_seconds: float, pause_seconds: float, more: bool
) -> None:
    pace.after_events(more=more)
    clock.now += silence_seconds

    assert pace.after_nothing() == pytest.approx(pause_seconds)


def test_events_end_the_silence(pace: Pace, clock: Clock) -> None:
    clock.now += 60.0
    assert pace.after_nothing() == LONGEST

    pace.after_events(more=False)
    clock.now += 0.01

    assert pace.after_nothing() == SHORTEST


def test_shortest_pause_above_the_longest_is_cut(clock: Clock) -> None:
    pace = Pace(0.5, 0.1, clock)

    assert pace.after_events(more=False) == 0.1
    assert pace.after_nothing() == 0.1
