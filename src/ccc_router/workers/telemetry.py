"""Traces to a collector by OTLP over HTTP: the only file that knows OpenTelemetry, whose packages need not be there (extra ``otel``).

Spans go out from a thread of the exporter's, in batches. A collector that is away costs spans, never a request.
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes as GivenAttributes

from ccc_router.kernel.tracing import Attributes, Kind, Span, Tracer

_KINDS: Final[dict[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}


class _Sampling(Sampler):
    """A trace that came along is recorded if its sender records it; of those begun here a share; what links to a recorded one is."""

    def __init__(self, share: float) -> None:
        self._alone = ParentBased(TraceIdRatioBased(share))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: GivenAttributes = None,
        links: Sequence[Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        """See `Sampler.should_sample`."""
        chosen = ALWAYS_ON if links else self._alone
        return chosen.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        """See `Sampler.get_description`."""
        return "linked, else the parent's choice, else a share"


class _Span(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & 1:02x}"

    def call(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def end(self, failure: str = "") -> None:
        if failure:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._span.end()


class OtlpTracer(Tracer):
    """Records with the SDK and hands spans to ``processor``."""

    def __init__(self, processor: SpanProcessor, share: float, about: Attributes) -> None:
        """``share`` of the traces begun here are recorded (0 to 1); ``about`` names the process: service, pool, host."""
        self._provider = TracerProvider(
            sampler=_Sampling(share), resource=Resource(dict(about)), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("ccc_router")

    def begin(self, name: str, kind: Kind, parent: str, links: Sequence[str], attributes: Attributes) -> Span:
        """See `Tracer.begin`."""
        # Never the library's own idea of what is current: an empty context begins a trace.
        context = trace.set_span_in_context(NonRecordingSpan(_context_of(parent)), Context()) if parent else Context()
        return _Span(
            self._tracer.start_span(
                name, context, _KINDS[kind], attributes, [Link(_context_of(one)) for one in links],
                record_exception=False, set_status_on_exception=False,
            )
        )  # fmt: skip

    def close(self) -> None:
        """See `Tracer.close`."""
        self._provider.shutdown()


def to_collector(endpoint: str, share: float, about: Attributes) -> OtlpTracer:
    """A tracer that sends to the collector at ``endpoint`` (its base address: ``http://collector:4318``)."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=5)
    return OtlpTracer(BatchSpanProcessor(exporter), share, about)


def _context_of(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
