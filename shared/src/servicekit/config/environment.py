"""What the environment says apart from settings."""

import os


def prometheus_multiprocess_directory() -> str | None:
    """Where the workers of one gunicorn share their metrics; None in a process that is alone."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def environment_with(variables: dict[str, str]) -> dict[str, str]:
    """This process's environment and ``variables``, for a program that replaces it."""
    return {**os.environ, **variables}
