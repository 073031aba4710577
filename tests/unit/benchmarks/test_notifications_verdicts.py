"""What the benchmark of notifications makes of its figures."""

import pytest

from tests.benchmarks.notifications.effects import extra_messages
from tests.benchmarks.notifications.plan import ROWS, Measurement, kept
from tests.benchmarks.notifications.receiver import Received
from tests.benchmarks.verdicts import Figures, verdicts

RESULTS: dict[Measurement, list[Figures]] = {
    Measurement.EFFECTS: [
        {"per_second": 900.0, "extra_messages": 0.0},
        {"per_second": 1_200.0, "extra_messages": 1.0},
    ],
    Measurement.EFFECTS_WITHOUT_INBOX: [{"per_second": 1_600.0, "extra_messages": 0.0}],
    Measurement.PROVIDER_DOWN: [{"other_delay_p99_ms": 140.0, "extra_messages": 2.0}],
    Measurement.LIMIT: [{"error_percent": 6.0, "extra_messages": 0.0}],
}


def test_the_best_repeat_counts_and_every_message_too_many() -> None:
    found = verdicts(ROWS, RESULTS, kept, is_complete=True)
    outcome = {verdict.row.name: verdict for verdict in found}

    assert {name: (verdict.value, verdict.met) for name, verdict in outcome.items()} == {
        "effects_per_second": (1_200.0, True),
        "provider_down_delay_p99_ms": (140.0, True),
        "inbox_overhead": (0.75, False),
        "limit_error_percent": (6.0, False),
        "doubled": (3.0, False),
    }


def test_a_small_run_says_nothing_about_the_goals() -> None:
    assert {verdict.met for verdict in verdicts(ROWS, RESULTS, kept, is_complete=False)} == {None}


def received(**changes: int) -> Received:
    return Received(
        **{"messages": 5, "extra_messages": 0, "notices": 5, "throttled": 0, **changes}, sent_at=[]
    )


def test_messages_that_came_twice_are_counted_and_notices_are_not() -> None:
    assert extra_messages(received(messages=7, extra_messages=2, notices=6), 5, events=5) == 2


@pytest.mark.parametrize(
    ("seen", "counted"),
    [(received(messages=4), 5), (received(messages=6, extra_messages=2), 5), (received(notices=4), 5),
     (received(), 4), (received(), 6)],
)  # fmt: skip
def test_a_missing_effect_is_an_error(seen: Received, counted: int) -> None:
    with pytest.raises(ValueError, match="5 events had"):
        extra_messages(seen, counted, events=5)
