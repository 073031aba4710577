"""Trace context from an HTTP request through an outbox row into a Kafka header and on (W3C Trace Context).

Spans are made by OpenTelemetry; without an exporter they cost little and still carry the identifiers, so a
trace begun by a caller isn't cut here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def configure_tracing(service: str) -> None:
    """Make this process create real span identifiers. A second call has no effect."""
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=Resource.create({SERVICE_NAME: service})))


def current_traceparent() -> str | None:
    """The ``traceparent`` header that continues the current span; None outside of one."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(name: str, kind: SpanKind, carrier: Mapping[str, str]) -> Iterator[None]:
    """Run the block in a span that continues what ``carrier`` (lower-case header names) says, if anything."""
    context = _propagator.extract(dict(carrier))
    with trace.get_tracer("servicekit").start_as_current_span(name, context=context, kind=kind):
        yield
