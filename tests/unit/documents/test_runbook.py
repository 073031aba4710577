"""Each alert has its section in the runbook."""

import re

import yaml

from devstack.repository import ROOT

ALERTS = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yml").read_text())
RUNBOOK = (ROOT / "deploy/RUNBOOK.md").read_text()


def test_each_alert_has_a_section() -> None:
    alerts = {rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]}
    sections = set(re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE))
    assert alerts - sections == set()
