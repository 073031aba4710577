"""Being a client of a Kafka cluster: how to reach it, whether it answers, and which topics it has."""

from importlib.metadata import version

TESTED_RELEASE = "3.0.12"
"""The release of kafka-python whose internals ``cluster`` uses."""


def check_release(installed: str) -> None:
    """Raise ImportError if this isn't the release of kafka-python that was tested."""
    if installed != TESTED_RELEASE:
        raise ImportError(
            f"kafka-python {installed} is installed, but servicekit was tested with {TESTED_RELEASE} "
            f"and uses its internals: run pip install kafka-python=={TESTED_RELEASE}"
        )


check_release(version("kafka-python"))
