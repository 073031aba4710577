"""What the environment says apart from settings."""

import os


def prometheus_multiprocess_directory() -> str | None:
    """Where the workers of one gunicorn share their metrics; None in a process that is alone."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def share_prometheus_metrics_in(directory: str) -> None:
    """Let all processes that will be forked count together; before prometheus_client is imported."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
