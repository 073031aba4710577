"""Figures and tables that README quotes are those of their source."""

import re

import pytest
from rich.console import Console

from devstack.repository import ROOT
from shop_demo.report import print_report
from tests.unit.shop_demo.builders import a_summary

BENCHMARKS = (ROOT / "outbox-relay" / "BENCHMARKS.md").read_text()


@pytest.mark.parametrize(
    ("document", "quotation"),
    [("README.md", "{:.1f} to {:.1f} times"), ("README.ko.md", "{:.1f}~{:.1f}배")],
)
def test_readme_quotes_the_benchmark_and_its_date(document: str, quotation: str) -> None:
    text = (ROOT / document).read_text()
    ratios = re.findall(r"`drain_\w+_vs_debezium`.*\| ([\d.]+), ≥", BENCHMARKS)
    (date,) = re.findall(r"on (\d{4}-\d\d-\d\d);", BENCHMARKS)
    assert len(ratios) == 2
    assert quotation.format(*sorted(map(float, ratios))) in text
    assert date in text


@pytest.mark.parametrize("document", ["README.md", "README.ko.md"])
def test_rows_of_the_demos_table_are_those_that_it_prints(
    document: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(Console(width=120), a_summary())
    printed = capsys.readouterr().out
    rows = re.findall(r"^│ (.+?) +│", (ROOT / document).read_text(), re.MULTILINE)
    assert len(rows) >= 8
    assert [row for row in rows if f"│ {row} " not in printed] == []
