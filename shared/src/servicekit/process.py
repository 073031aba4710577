"""The beginning of a process that isn't gunicorn's."""

from servicekit.config import ProcessSettings
from servicekit.lifecycle import StopSignal
from servicekit.observability.logging import configure_logging
from servicekit.observability.tracing import configure_tracing


def begin_process(name: str, settings: ProcessSettings) -> StopSignal:
    """Configure this process's logs and traces, and return the signal that SIGTERM and SIGINT set.

    To be called once, from the main thread.
    """
    configure_logging(settings.log_level, settings.log_format, name)
    configure_tracing(name, settings.otel_exporter_otlp_endpoint)
    stop = StopSignal()
    stop.install()
    return stop
