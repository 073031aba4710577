"""The page that documents quote says what was measured, and only a complete run writes it."""

from collections.abc import Sequence

import pytest

from tests.benchmarks.relay.document import benchmark_page
from tests.benchmarks.relay.measuring import Results
from tests.benchmarks.relay.plan import RATIOS, Measurement, Ratio, Scale, chosen_ratios, is_complete
from tests.benchmarks.relay.report import results_as_json
from tests.benchmarks.relay.verdict import verdicts

MACHINE = {
    "cores": 2, "processor": "Abacus 9", "postgresql": "postgres (PostgreSQL) 18.6", "kafka": "4.3.1",
    "kafka_python": "3.0.12", "python": "3.11.7", "debezium": "3.6.3.Final",
}  # fmt: skip
FIGURES = {
    "seconds": 4.0, "events_per_second": 50_000.0, "p50_ms": 6.0, "p99_ms": 18.0, "resident_mb": 100.0,
    "others_cpu_percent": 0.0,
}  # fmt: skip


def page() -> str:
    results: Results = {measurement: [FIGURES, FIGURES] for measurement in Measurement}
    results[Measurement.DEBEZIUM] = [FIGURES | {"seconds": 16.0}, FIGURES | {"seconds": 20.0}]
    outcome = verdicts(RATIOS, results, Scale())
    return benchmark_page(results_as_json(MACHINE, Scale(), 2, outcome, results))


def test_figures_ratio_and_goal_of_each_comparison_are_in_its_row() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]

    assert len(rows) == len(RATIOS)
    assert rows[0].startswith("| `drain_200k_vs_debezium`: ")
    assert rows[0].endswith("| 16.0 / 4.0 s | 4.00, ≥ 2.0 |")


def test_a_missed_goal_is_marked() -> None:
    assert "| 100.0 / 100.0 MB | 1.00, ≤ 0.25, **missed** |" in page()


def test_the_machine_its_versions_and_the_spread_are_named() -> None:
    for fact in ("2 cores of Abacus 9", "PostgreSQL 18.6", "Debezium 3.6.3.Final", "differ by up to 25%"):
        assert fact in page()


@pytest.mark.parametrize(
    ("ratios", "scale", "repeats"),
    [
        (chosen_ratios(["flat_10m"]), Scale(), 2),
        (RATIOS, Scale(events=1_000), 2),
        (RATIOS, Scale(), 1),
    ],
    ids=["some ratios", "another size", "one repeat"],
)
def test_a_run_that_is_not_complete_is_not_quoted(
    ratios: Sequence[Ratio], scale: Scale, repeats: int
) -> None:
    assert is_complete(RATIOS, Scale(), 2)
    assert not is_complete(ratios, scale, repeats)
