"""The benchmark of notifications works through a few events, from its servers to its file."""

import json
from pathlib import Path

from tests.benchmarks.notifications.measuring import measure
from tests.benchmarks.notifications.plan import Measurement, Scale, chosen_rows
from tests.benchmarks.notifications.report import results_as_json, verdicts
from tests.benchmarks.results_file import write_json

TINY = Scale(events=60)


def test_a_row_is_measured_from_its_servers_to_its_file(tmp_path: Path) -> None:
    told: list[str] = []

    results = measure(
        [Measurement.EFFECTS], TINY, 1,
        lambda measurement, repeat: told.append(f"{measurement.name} {repeat}"),
        lambda measurement, figures: told.append(f"{figures['events']:.0f} events"),
    )  # fmt: skip
    outcome = verdicts(chosen_rows(["effects_per_second"]), results, TINY)
    write_json(tmp_path / "notifications.json", results_as_json({}, TINY, 1, outcome, results))

    row = json.loads((tmp_path / "notifications.json").read_text())["rows"]["effects_per_second"]
    assert told == ["EFFECTS 1", "60 events"]
    assert row["value"] > 0
    assert row["met"] is None
