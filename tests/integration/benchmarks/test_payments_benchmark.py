"""The benchmark of payments pays and recovers a few orders, from its servers to its file."""

import json
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.payments.__main__ import BENCHMARK
from tests.benchmarks.payments.plan import Measurement
from tests.benchmarks.results_file import write_json
from tests.benchmarks.verdicts import chosen_rows, measure, verdicts

ROWS = ("payments_per_second", "recovered_p99_seconds", "webhooks_per_second", "webhook_storm_slowdown")
MEASURED = (Measurement.FAST, Measurement.RECOVERY, Measurement.WEBHOOKS, Measurement.CALM, Measurement.STORM)
TINY = replace(
    BENCHMARK.quick, payments=20, unknown_payments=5, outage_seconds=1, webhooks=20, storm_seconds=1
)


def test_rows_are_measured_from_their_servers_to_their_file(tmp_path: Path) -> None:
    lines: list[str] = []

    results = measure(
        BENCHMARK.procedures, MEASURED, TINY, 1,
        lambda measurement, repeat: lines.append(f"{measurement.name} {repeat}"),
        lambda measurement, figures: None,
    )  # fmt: skip
    outcome = verdicts(chosen_rows(BENCHMARK.rows, ROWS), results, BENCHMARK.keep, is_complete=False)
    write_json(tmp_path / "payments.json", BENCHMARK.results({}, TINY, 1, outcome, results))

    rows = json.loads((tmp_path / "payments.json").read_text())["rows"]
    assert lines == [f"{measurement.name} 1" for measurement in MEASURED]
    assert all(rows[name]["value"] > 0 for name in ROWS)
    assert {rows[name]["met"] for name in ROWS} == {None}
