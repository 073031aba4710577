"""Prometheus beside a stack of processes, with the operators' alerts as they are."""

import json
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from devstack.free_ports import find_free_ports
from devstack.info import StackInfo
from devstack.repository import ROOT
from tests.support.waiting import wait_until

_ALERTS = ROOT / "deploy" / "monitoring" / "alerts.yml"
_NUMBER = re.compile(r"-\d+$")


class Prometheus:
    """Remembers which alerts' conditions have been true."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", trust_env=False)
        self._begun = time.monotonic()

    def close(self) -> None:
        self._http.close()

    def true_conditions(self) -> set[str]:
        """The alerts whose condition has been true, whether or not for long enough to fire."""
        return self._alerts("")

    def fired(self) -> set[str]:
        return self._alerts('{alertstate="firing"}')

    def firing(self) -> set[str]:
        """At present."""
        found = self._query('count by (alertname) (ALERTS{alertstate="firing"})')
        return {sample["metric"]["alertname"] for sample in found}

    def details(self, alerts: Collection[str]) -> list[dict[str, str]]:
        """With which labels the conditions of these alerts were true, and what was answered with 5xx."""
        conditions = self._query(f'last_over_time(ALERTS{{alertname=~"{"|".join(alerts)}"}}[1h])')
        errors = self._query('last_over_time(http_requests_total{status=~"5.."}[1h])')
        return [{**sample["metric"], "value": sample["value"][1]} for sample in [*conditions, *errors]]

    def begin(self) -> None:
        """Forget what was before it had asked every process, twice: an increase needs two values."""

        def ready() -> bool:
            return bool(self._query("min(count_over_time(up[1h])) >= 2")) and not self._query("ALERTS")

        wait_until(ready, "every process to be asked, and no alert's condition to be true", 60)
        self._begun = time.monotonic()

    def _alerts(self, selector: str) -> set[str]:
        seconds = max(1, int(time.monotonic() - self._begun))
        found = self._query(f"count by (alertname) (last_over_time(ALERTS{selector}[{seconds}s]))")
        return {sample["metric"]["alertname"] for sample in found}

    def _query(self, query: str) -> list[dict[str, Any]]:
        answer = self._http.get("/query", params={"query": query}).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


@contextmanager
def a_prometheus(directory: Path, info: StackInfo) -> Iterator[Prometheus]:
    """One that has asked each process of the stack for its metrics."""
    found = subprocess.run([ROOT / ".ci" / "prometheus"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    directory.mkdir(parents=True)
    (port,) = find_free_ports(1)
    address = f"127.0.0.1:{port}"
    configuration, log = directory / "prometheus.yml", directory / "log"
    configuration.write_text(json.dumps(_configuration(info, address)))
    command = [
        f"{found.stdout.strip()}/prometheus", f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address={address}",
    ]  # fmt: skip
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        prometheus = Prometheus(f"http://{address}")
        try:
            wait_until(lambda: _answers(address), "Prometheus to answer", 60)
            prometheus.begin()
            yield prometheus
        finally:
            prometheus.close()
            process.kill()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _configuration(info: StackInfo, own_address: str) -> dict[str, Any]:
    """As in production, but asked more often. JSON is YAML."""
    targets = defaultdict[str, list[str]](list)
    for name, service in info.services.items():
        assert service.url is not None
        targets[_NUMBER.sub("", name)].append(service.url.removeprefix("http://"))
    # The sandbox stands for companies outside. A stack of processes has no load balancer; that it is there is
    # an alert's concern, so Prometheus takes its place.
    del targets["provider-sandbox"]
    targets["load-balancer"] = [own_address]
    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(_ALERTS)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": addresses}]}
            for job, addresses in targets.items()
        ],
    }
