"""What the relay's benchmark makes of its figures."""

import pytest

from tests.benchmarks.relay.measuring import Results
from tests.benchmarks.relay.plan import (
    GOAL_EVENTS,
    NAMES,
    Measurement,
    Scale,
    chosen_ratios,
    needed_measurements,
)
from tests.benchmarks.relay.verdict import Verdict, disturbed, verdicts

DRAINS: Results = {
    Measurement.OURS: [
        {"seconds": 10.0, "events_per_second": 20_000.0, "resident_mb": 100.0},
        {"seconds": 8.0, "events_per_second": 25_000.0, "resident_mb": 110.0},
    ],
    Measurement.DEBEZIUM: [
        {"seconds": 20.0, "events_per_second": 30_000.0, "resident_mb": 500.0},
        {"seconds": 18.0, "events_per_second": 35_000.0, "resident_mb": 400.0},
    ],
    Measurement.BARE_PRODUCER: [{"events_per_second": 40_000.0}, {"events_per_second": 50_000.0}],
}


def verdict(name: str, results: Results = DRAINS, events: int = GOAL_EVENTS) -> Verdict:
    (only,) = verdicts(chosen_ratios([name]), results, Scale(events))
    return only


def test_times_are_compared_by_the_shortest_of_each() -> None:
    outcome = verdict("drain_200k_vs_debezium")

    assert outcome.value == 18.0 / 8.0
    assert outcome.met is True


def test_rates_are_compared_by_the_highest_of_each() -> None:
    outcome = verdict("drain_vs_bare_producer")

    assert outcome.value == 25_000 / 50_000
    assert outcome.met is False


def test_a_goal_from_above_is_missed_by_what_is_larger() -> None:
    assert verdict("rss_vs_debezium").value == 0.25
    assert verdict("rss_vs_debezium").met is True
    smaller = DRAINS | {Measurement.DEBEZIUM: [{"resident_mb": 399.0}]}
    assert verdict("rss_vs_debezium", smaller).met is False


def test_the_less_steady_of_two_measurements_is_reported() -> None:
    assert verdict("drain_200k_vs_debezium").spread == 10.0 / 8.0


def test_what_was_measured_on_a_busy_machine_is_reported() -> None:
    results: Results = {
        Measurement.OURS: [{"others_cpu_percent": 3.0}, {"others_cpu_percent": 90.0}],
        Measurement.DEBEZIUM: [{"others_cpu_percent": 3.0}],
    }

    assert disturbed(results) == [Measurement.OURS]


def test_nothing_is_said_about_goals_at_another_size() -> None:
    assert verdict("drain_200k_vs_debezium", events=GOAL_EVENTS - 1).met is None


def test_only_what_a_ratio_needs_is_measured() -> None:
    assert needed_measurements(chosen_ratios(["flat_10m"])) == [Measurement.OURS, Measurement.OURS_KEPT_ROWS]
    assert needed_measurements(chosen_ratios([])) == list(Measurement)


@pytest.mark.parametrize("name", NAMES)
def test_every_ratio_compares_two_different_measurements(name: str) -> None:
    (ratio,) = chosen_ratios([name])

    assert ratio.dividend is not ratio.divisor
