"""The workers of an API are one process for those who look at it from outside."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http_processes import an_http_process

REQUESTS = 40


def requests_counted(port: int) -> float:
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "http_requests_total" and sample.labels["method"] == "POST"
    )


def test_workers_count_together(tmp_path: Path) -> None:
    with an_http_process("api", tmp_path, HTTP_WORKERS="3") as (_, port):
        for _ in range(REQUESTS):
            # A connection each: any worker takes it.
            assert httpx.post(f"http://127.0.0.1:{port}/things", trust_env=False).status_code == 201

        assert {requests_counted(port) for _ in range(REQUESTS)} == {REQUESTS}
