"""An API as it runs in production: gunicorn with threads, in the present process."""

import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from gunicorn.app.wsgiapp import WSGIApplication

from servicekit.config import HttpSettings, share_prometheus_metrics_in

GRACEFUL_TIMEOUT_SECONDS = 7
"""What a request in flight gets after SIGTERM; the process is gone within 10 s."""


def serve(application: str, service: str, settings: HttpSettings, threads: int | None = None) -> NoReturn:
    """Serve ``application`` (``module:factory()``) until a signal ends the process.

    Each worker has ``threads``, or as many as the settings say.
    The workers count together only if prometheus_client is imported after this: else RuntimeError is raised.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was imported before the workers' directory was known")
    share_prometheus_metrics_in(tempfile.mkdtemp(prefix=f"{service}-metrics-"))
    sys.argv = [
        "gunicorn", application,
        "--config", "python:servicekit.http.gunicorn_hooks",
        "--name", service,
        "--bind", f"{settings.http_host}:{settings.http_port}",
        "--worker-class", "servicekit.http.gunicorn_worker.LoopWorker",
        "--workers", str(settings.http_workers),
        "--threads", str(threads or settings.http_threads),
        "--graceful-timeout", str(GRACEFUL_TIMEOUT_SECONDS),
        "--timeout", "60",
        "--backlog", "4096",
        "--limit-request-line", "8190",
        "--worker-tmp-dir", _memory_directory(),
        "--no-control-socket",
    ]  # fmt: skip
    WSGIApplication().run()
    sys.exit()


def _memory_directory() -> str:
    # Workers touch a file to show that they live; on a disk that can block.
    shared_memory = Path("/dev/shm")  # noqa: S108 - only asked whether it can be used
    return str(shared_memory) if os.access(shared_memory, os.W_OK) else tempfile.gettempdir()
