"""An API as it runs in production: gunicorn with threads, replacing the present process."""

import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from servicekit.config import HttpSettings, environment_with

GRACEFUL_TIMEOUT_SECONDS = 7
"""What a request in flight gets after SIGTERM; the process is gone within 10 s."""


def serve(application: str, service: str, settings: HttpSettings) -> NoReturn:
    """Become gunicorn serving ``application`` (``module:factory()``); signals then reach it directly."""
    metrics_directory = tempfile.mkdtemp(prefix=f"{service}-metrics-")
    arguments = [
        sys.executable, "-m", "gunicorn", application,
        "--config", "python:servicekit.http.gunicorn_hooks",
        "--name", service,
        "--bind", f"{settings.http_host}:{settings.http_port}",
        "--worker-class", "servicekit.http.gunicorn_worker.LoopWorker",
        "--workers", str(settings.http_workers),
        "--threads", str(settings.http_threads),
        "--graceful-timeout", str(GRACEFUL_TIMEOUT_SECONDS),
        "--timeout", "60",
        "--backlog", "4096",
        "--limit-request-line", "8190",
        "--worker-tmp-dir", _memory_directory(),
        "--no-control-socket",
    ]  # fmt: skip
    os.execve(sys.executable, arguments, environment_with({"PROMETHEUS_MULTIPROC_DIR": metrics_directory}))  # noqa: S606 - our own arguments, no shell


def _memory_directory() -> str:
    # Workers touch a file to show that they live; on a disk that can block.
    shared_memory = Path("/dev/shm")  # noqa: S108 - only asked whether it can be used
    return str(shared_memory) if os.access(shared_memory, os.W_OK) else tempfile.gettempdir()
