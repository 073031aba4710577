"""Is this process alive, and could it do its work now?"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from servicekit.config import prometheus_multiprocess_directory
from servicekit.http.replies import json_reply

LIVENESS_PATH = "/healthz"

HealthCheck = Callable[[], None]
"""Returns when a dependency can be used; raises an exception whose message says why it can't."""


def register_health(app: Flask, checks: Mapping[str, HealthCheck]) -> None:
    """Add ``/healthz`` (alive), ``/readyz`` (each dependency by name; 503 if one fails) and ``/metrics``."""

    def healthz() -> Response:
        return json_reply({"status": "alive"})

    def readyz() -> Response:
        results = {name: _run(check) for name, check in checks.items()}
        ready = all(result["status"] == "ok" for result in results.values())
        body = {"status": "ready" if ready else "unready", "checks": results}
        return json_reply(body, 200 if ready else 503, headers={"Cache-Control": "no-store"})

    app.add_url_rule(LIVENESS_PATH, "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", _metrics)


def _run(check: HealthCheck) -> dict[str, Any]:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - any failure of a check is a reason
        first_line = (str(error).strip().splitlines() or [""])[0]
        return {"status": "failed", "reason": f"{type(error).__name__}: {first_line}"[:500]}
    return {"status": "ok"}


def _metrics() -> Response:
    registry: CollectorRegistry = REGISTRY
    directory = prometheus_multiprocess_directory()
    if directory is not None:
        # Several gunicorn workers: add up what each of them has written to its file.
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
