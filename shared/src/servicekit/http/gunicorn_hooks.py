"""gunicorn's configuration as a module: what its command line can't say."""

import shutil
from importlib import import_module
from typing import Any

from gunicorn.glogging import Logger
from prometheus_client import multiprocess

from servicekit.config import ProcessSettings, prometheus_multiprocess_directory, read_settings
from servicekit.observability.logging import configure_logging


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn has no type information
    """Sends gunicorn's own lines the way of all others."""

    def setup(self, cfg: Any) -> None:
        settings = read_settings(ProcessSettings)
        configure_logging(settings.log_level, settings.log_format, cfg.proc_name)
        self.error_log.propagate = True
        self.error_log.handlers[:] = []
        self.access_log.propagate = False
        self.access_log.handlers[:] = []

    def reopen_files(self) -> None:
        """Nothing to reopen: everything goes to stderr."""


logger_class = StructuredLogger


def on_starting(server: Any) -> None:
    """Import the application once, for all workers that will be forked; each makes its own instance of it."""
    module, _, _ = server.app.app_uri.partition(":")
    import_module(module)


def child_exit(server: Any, worker: Any) -> None:
    """Drop a dead worker's gauges; its counters go on counting."""
    directory = prometheus_multiprocess_directory()
    if directory is not None:
        multiprocess.mark_process_dead(worker.pid, directory)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    directory = prometheus_multiprocess_directory()
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
