"""Is this process alive, and could it do its work now?"""

import re
from collections.abc import Callable, Mapping

import structlog
from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from servicekit.config import prometheus_multiprocess_directory
from servicekit.http.replies import json_reply

LIVENESS_PATH = "/healthz"

_log = structlog.get_logger(__name__)

# As libpq, kafka-python and Python's TLS write them.
_HOSTS = [
    (re.compile(r"connection to server (?:at|on socket) .*? failed: "), "connection failed: "),
    (re.compile(r"""(certificate for|host name|not valid for) (?:"[^"]*"|'[^']*')"""), r"\1 [removed]"),
    (re.compile(r"(?:\[[0-9a-fA-F:]+\]|[\w.-]+):[0-9]{1,5}\b"), "[removed]"),
    (re.compile(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b"), "[removed]"),
]

HealthCheck = Callable[[], None]
"""Returns when a dependency can be used; raises an exception whose message says why it can't."""


def register_health(app: Flask, checks: Mapping[str, HealthCheck]) -> None:
    """Add ``/healthz`` (alive), ``/readyz`` (each dependency by name; 503 if one fails) and ``/metrics``."""

    def healthz() -> Response:
        return json_reply({"status": "alive"})

    last_reasons: dict[str, str | None] = {}

    def readyz() -> Response:
        results: dict[str, dict[str, str]] = {}
        for name, check in checks.items():
            reason = _failure(check)
            # Once, and not with every probe; the log has what is no client's business.
            if reason is not None and reason != last_reasons.get(name):
                _log.warning("check_failed", check=name, reason=reason)
            last_reasons[name] = reason
            results[name] = (
                {"status": "ok"} if reason is None else {"status": "failed", "reason": _without_hosts(reason)}
            )
        ready = all(result["status"] == "ok" for result in results.values())
        body = {"status": "ready" if ready else "unready", "checks": results}
        return json_reply(body, 200 if ready else 503, headers={"Cache-Control": "no-store"})

    app.add_url_rule(LIVENESS_PATH, "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", _metrics)


def _failure(check: HealthCheck) -> str | None:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - any failure of a check is a reason
        first_line = (str(error).strip().splitlines() or [""])[0]
        return f"{type(error).__name__}: {first_line}"[:500]
    return None


def _without_hosts(reason: str) -> str:
    """Clients of an API can read ``/readyz``, and where its servers stand is not for them."""
    for pattern, replacement in _HOSTS:
        reason = pattern.sub(replacement, reason)
    return reason


def _metrics() -> Response:
    registry: CollectorRegistry = REGISTRY
    directory = prometheus_multiprocess_directory()
    if directory is not None:
        # Several gunicorn workers: add up what each of them has written to its file.
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
