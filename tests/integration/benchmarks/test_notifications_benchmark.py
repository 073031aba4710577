"""The benchmark of notifications works through a few events, from its servers to its file."""

import json
from pathlib import Path

from tests.benchmarks.notifications.__main__ import BENCHMARK
from tests.benchmarks.notifications.plan import Measurement, Scale
from tests.benchmarks.results_file import write_json
from tests.benchmarks.verdicts import chosen_rows, measure, verdicts

TINY = Scale(events=60)


def test_a_row_is_measured_from_its_servers_to_its_file(tmp_path: Path) -> None:
    lines: list[str] = []

    results = measure(
        BENCHMARK.procedures, [Measurement.EFFECTS], TINY, 1,
        lambda measurement, repeat: lines.append(f"{measurement.name} {repeat}"),
        lambda measurement, figures: lines.append(f"{figures['events']:.0f} events"),
    )  # fmt: skip
    outcome = verdicts(
        chosen_rows(BENCHMARK.rows, ["effects_per_second"]), results, BENCHMARK.keep, is_complete=False
    )
    write_json(tmp_path / "notifications.json", BENCHMARK.results({}, TINY, 1, outcome, results))

    row = json.loads((tmp_path / "notifications.json").read_text())["rows"]["effects_per_second"]
    assert lines == ["EFFECTS 1", "60 events"]
    assert row["value"] > 0
    assert row["met"] is None
