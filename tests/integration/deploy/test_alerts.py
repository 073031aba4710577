"""The rules of the alerts, and where they go, judged by the tools of Prometheus and Alertmanager."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml

from devstack.repository import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
CASES = Path(__file__).with_name("alerts.test.yml")


def tool(package: str, name: str, *arguments: str | Path) -> str:
    """What a program of Debian's package prints; it must end well."""
    found = subprocess.run(
        [ROOT / ".ci" / "prometheus", package], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    completed = subprocess.run(
        [f"{found.stdout.strip()}/{name}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    for file in (MONITORING / "alerts.yml", CASES):
        shutil.copy(file, tmp_path)
    tool("prometheus", "promtool", "test", "rules", tmp_path / "alerts.test.yml")


def test_each_alert_is_seen_firing_and_silent() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    tests = yaml.safe_load(CASES.read_text())["tests"]
    cases = Counter(
        (case["alertname"], bool(case.get("exp_alerts")))
        for test in tests
        for case in test["alert_rule_test"]
    )
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    assert {
        "ConsumerLagging",
        "DeadLettersWritten",
        "DeliveriesOverdue",
        "AlimtalkBreakerOpen",
        "AlimtalkProviderSuspended",
        "PaymentsUnsettled",
    } <= alerts
    for alert in alerts:
        assert cases[alert, True], alert
        assert cases[alert, False], alert


def test_prometheus_takes_its_configuration() -> None:
    tool("prometheus", "promtool", "check", "config", MONITORING / "prometheus.yml")


def test_alertmanager_takes_its_configuration() -> None:
    tool("prometheus-alertmanager", "amtool", "check-config", MONITORING / "alertmanager.yml")


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "pager"), ("warning", "operators"), ("info", "operators")]
)
def test_an_alert_goes_to_those_it_concerns(severity: str, receiver: str) -> None:
    routed = tool(
        "prometheus-alertmanager", "amtool", "config", "routes", "test",
        f"--config.file={MONITORING / 'alertmanager.yml'}", f"severity={severity}", "alertname=Any",
    )  # fmt: skip
    assert routed.strip() == receiver


def test_a_suspended_provider_hides_no_alert_on_other_effects() -> None:
    inhibiting = yaml.safe_load((MONITORING / "alertmanager.yml").read_text())["inhibit_rules"]
    targets = [
        rule["target_matchers"]
        for rule in inhibiting
        if rule["source_matchers"] == ["alertname = AlimtalkProviderSuspended"]
    ]
    assert targets == [["alertname = AlimtalkFailing"]]


def test_alerts_on_orders_can_be_switched_off_beside_prometheus() -> None:
    override = yaml.safe_load((ROOT / "deploy" / "compose" / "observability.yml").read_text())
    variables = override["services"]["notification-consumer"]["environment"]
    # "-" and not ":-", so that what is set empty stays so.
    assert variables["ALERT_RECEIVER"] == "${ALERT_RECEIVER-alertmanager}"
    assert variables["ALERT_URL"] == "${ALERT_URL-http://alertmanager:9093}"
