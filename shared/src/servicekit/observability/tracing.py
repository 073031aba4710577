"""Trace context from an HTTP request through an outbox row into a Kafka header and on (W3C Trace Context).

Spans are made by OpenTelemetry; without an exporter they cost little and still carry the identifiers, so a
trace begun by a caller isn't cut here.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_ids = RandomIdGenerator()
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
# Less than a process has for stopping: what isn't exported by then is lost, and nothing waits for it.
_EXPORT_TIMEOUT_SECONDS = 2


class _Exporting:
    """Where the spans of this process go, if anywhere."""

    to: str | None = None


def configure_tracing(service: str, otlp_endpoint: str | None = None) -> None:
    """Make this process create real span identifiers, and send its spans to an OpenTelemetry collector.

    ``otlp_endpoint`` is the collector's base URL (OTLP over HTTP); it needs the extra ``otlp``. Call it after
    a fork, never before: a thread sends the spans. A second call changes nothing but a missing endpoint.
    """
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=Resource.create({SERVICE_NAME: service})))
    if otlp_endpoint is not None and _Exporting.to is None:
        _export_to(otlp_endpoint)


def _export_to(endpoint: str) -> None:
    # Imported only where traces are collected: it takes as long as all the rest.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_TIMEOUT_SECONDS)
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.add_span_processor(BatchSpanProcessor(exporter))
        _Exporting.to = endpoint


def current_traceparent() -> str | None:
    """The ``traceparent`` header that continues the current span; None outside of one."""
    return traceparent_of(trace.get_current_span())


def traceparent_of(current: trace.Span) -> str | None:
    """The ``traceparent`` header that continues a span; None for an invalid one."""
    context = current.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


@contextmanager
def span(name: str, kind: SpanKind, carrier: Mapping[str, str]) -> Iterator[None]:
    """Run the block in a span that continues what ``carrier`` (lower-case header names) says, if anything."""
    context = _propagator.extract(dict(carrier)) if carrier else None
    if not _is_recording():
        token = attach(trace.set_span_in_context(_unrecorded(context), context))
        try:
            yield
        finally:
            detach(token)
        return
    with trace.get_tracer("servicekit").start_as_current_span(name, context=context, kind=kind):
        yield


def begin_span(name: str, kind: SpanKind, carrier: Mapping[str, str], began_at_ns: int) -> trace.Span:
    """A span like that of :func:`span`, current nowhere; any thread may call its ``end()``.

    It has begun at ``began_at_ns``, by :func:`time.time_ns`.
    """
    context = _propagator.extract(dict(carrier)) if carrier else None
    if not _is_recording():
        return _unrecorded(context)
    return trace.get_tracer("servicekit").start_span(name, context=context, kind=kind, start_time=began_at_ns)


def _is_recording() -> bool:
    return _Exporting.to is not None or not isinstance(trace.get_tracer_provider(), TracerProvider)


def _unrecorded(context: Context | None) -> trace.Span:
    """The identifiers that a span would have, without its cost: nobody collects what it records."""
    parent = trace.get_current_span(context).get_span_context()
    return trace.NonRecordingSpan(
        trace.SpanContext(
            parent.trace_id if parent.is_valid else _ids.generate_trace_id(),
            _ids.generate_span_id(),
            is_remote=False,
            trace_flags=parent.trace_flags if parent.is_valid else _SAMPLED,
            trace_state=parent.trace_state if parent.is_valid else None,
        )
    )


@contextmanager
def consumer_spans(topic: str, carriers: Iterable[Mapping[str, str]]) -> Iterator[None]:
    """Run the block, which handles records of ``topic`` together, in one span for each of their traces.

    Each continues what its record's headers say and lasts as long as the block. None is made while spans
    are not collected: a poll has hundreds.
    """
    with ExitStack() as spans:
        if _Exporting.to is not None:
            for carrier in carriers:
                if "traceparent" in carrier:
                    spans.enter_context(span(f"process {topic}", SpanKind.CONSUMER, carrier))
        yield
