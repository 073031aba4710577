"""The benchmark of coupons decides a small backlog, and notices what is decided wrongly."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.coupon import decide
from tests.benchmarks.coupon.measuring import measure
from tests.benchmarks.coupon.our_services import create_coupon
from tests.benchmarks.coupon.plan import Measurement, Scale, chosen_rows
from tests.benchmarks.coupon.report import results_as_json, verdicts
from tests.benchmarks.results_file import write_json

TINY = Scale(decided_requests=300, decided_stock=30)


def test_a_row_is_measured_from_its_servers_to_its_file(tmp_path: Path) -> None:
    lines: list[str] = []

    results = measure(
        [Measurement.DECIDE], TINY, 1,
        lambda measurement, repeat: lines.append(f"{measurement.name} {repeat}"),
        lambda measurement, figures: lines.append(f"{figures['requests']:.0f} decided"),
    )  # fmt: skip
    outcome = verdicts(chosen_rows(["decide_per_second"]), results, TINY)
    write_json(tmp_path / "coupon.json", results_as_json({}, TINY, 1, outcome, results))

    row = json.loads((tmp_path / "coupon.json").read_text())["rows"]["decide_per_second"]
    assert lines == ["DECIDE 1", "300 decided"]
    assert row["value"] > 0
    assert row["met"] is None


def test_wrong_decisions_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the stock had been larger than what was sold.
    monkeypatch.setattr(decide, "create_coupon", lambda url, stock: create_coupon(url, stock=stock - 1))

    with pytest.raises(ValueError, match="decided wrongly"):
        decide.decide(requests=50, stock=10)
