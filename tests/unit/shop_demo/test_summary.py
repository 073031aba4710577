import json
from pathlib import Path

import pytest
from rich.console import Console

from shop_demo.report import print_report
from tests.unit.shop_demo.builders import a_summary

pytestmark = pytest.mark.unit


def test_the_file_has_the_documented_keys(tmp_path: Path) -> None:
    path = tmp_path / "build" / "summary.json"
    a_summary().write(path)
    summary = json.loads(path.read_text())
    assert summary["ok"] is True
    assert summary["stack"] == {"kind": "embedded", "postgresql": "18.1", "kafka": "4.3.1"}
    assert {
        "couponId", "stock", "requests", "accepted", "refused", "issued", "rejected", "undecided", "oversold",
        "duplicateIssues", "orderViolations", "clickToDecisionMs",
    } <= summary["coupons"].keys()  # fmt: skip
    assert {
        "source", "orders", "paid", "eventsPublished", "effects", "alimtalk", "lost", "duplicated",
        "money", "payments", "paymentToEffectsMs",
    } <= summary["orders"].keys()  # fmt: skip
    assert summary["orders"]["effects"] == {"alimtalk": 3, "analytics": 3, "monitoring": 3}
    assert summary["orders"]["alimtalk"] == {
        "byProvider": {"solapi": 2, "nhn": 1}, "repliesLost": 1, "delivered": 3, "byWebhook": 2, "byQuery": 1,
    }  # fmt: skip
    assert summary["orders"]["money"]["analytics"] == {"KRW": 90_000}
    assert summary["coupons"]["clickToDecisionMs"].keys() == {"p50", "p99"}


def test_the_table_counts_results_by_webhook_and_by_query() -> None:
    console = Console(record=True, width=120)
    with console.capture() as shown:
        print_report(console, a_summary())
    rows = [row.strip("│ ").split("│") for row in shown.get().splitlines()]
    figures = {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}
    assert figures["… by webhook"] == "2"
    assert figures["… by query"] == "1"


def test_the_table_ends_with_what_does_not_add_up() -> None:
    console = Console(record=True, width=120, soft_wrap=True)
    with console.capture() as shown:
        print_report(console, a_summary(problems=("coupons issued: expected 3, found 2",)))
    assert "- coupons issued: expected 3, found 2" in shown.get()
    with console.capture() as shown:
        print_report(console, a_summary())
    assert "Everything adds up." in shown.get()
