"""The rules of the alerts, judged by Prometheus' own tool."""

import shutil
import subprocess
from pathlib import Path

from devstack.repository import ROOT


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    found = subprocess.run([ROOT / ".ci" / "prometheus"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    for file in (ROOT / "deploy/monitoring/alerts.yml", Path(__file__).with_name("alerts.test.yml")):
        shutil.copy(file, tmp_path)
    completed = subprocess.run(
        [f"{found.stdout.strip()}/promtool", "test", "rules", tmp_path / "alerts.test.yml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
