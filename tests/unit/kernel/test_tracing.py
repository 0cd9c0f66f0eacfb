"""Traces: what is taken from outside, what is carried, and that nothing is when nobody traces."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import ccc_router
from ccc_router.kernel import tracing
from ccc_router.workers.telemetry import OtlpTracer

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_RECORDED = GIVEN[:-1] + "0"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.install(OtlpTracer(SimpleSpanProcessor(exporter), 1.0, {"service.name": "test"}))
    yield exporter
    tracing.close()


def test_a_traceparent_of_outside_is_read_as_the_standard_says() -> None:
    assert tracing.read(GIVEN) == GIVEN
    assert tracing.read(NOT_RECORDED) == NOT_RECORDED
    assert tracing.read("01" + GIVEN[2:] + "-what-a-later-version-adds") == GIVEN
    assert tracing.read(GIVEN[:-2] + "ff") == GIVEN, "flags that we do not know are dropped"
    for wrong in (
        "", GIVEN.upper(), GIVEN + "-00", "ff" + GIVEN[2:], GIVEN.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        GIVEN.replace("00f067aa0ba902b7", "0" * 16), GIVEN[:-1], f" {GIVEN}", "00-0912345678-le.thi.binh-01",
    ):  # fmt: skip
        assert tracing.read(wrong) == "", wrong


@given(st.text(max_size=80))
def test_nothing_but_a_traceparent_ever_comes_of_what_somebody_sends(text: str) -> None:
    assert tracing.read(text) in ("", f"00-{text[3:52]}-{tracing.read(text)[-2:]}")


def test_without_a_tracer_nothing_is_recorded_carried_or_sent() -> None:
    assert not tracing.on()
    with tracing.span("request", "server", GIVEN) as span, tracing.part("decide", "consumer", GIVEN) as inner:
        assert (span.traceparent, inner.traceparent, tracing.carried(), tracing.headers()) == ("", "", "", {})
    assert tracing.together("turn", [GIVEN]).traceparent == ""


def test_work_belongs_to_the_work_around_it_and_to_the_trace_that_came_along(spans: InMemorySpanExporter) -> None:
    with tracing.span("request", "server", GIVEN) as request:
        assert tracing.headers() == {"traceparent": request.traceparent}
        with tracing.span("append", "producer") as append:
            assert tracing.carried() == append.traceparent
        assert tracing.carried() == request.traceparent
        request.call("POST /v1/somewhere")
        request.note({"http.response.status_code": 200})
    assert tracing.carried() == ""
    inner, outer = spans.get_finished_spans()
    assert (outer.name, outer.kind, dict(outer.attributes or {})) == (
        "POST /v1/somewhere", SpanKind.SERVER, {"http.response.status_code": 200},
    )  # fmt: skip
    assert outer.parent is not None
    assert outer.parent.span_id == int(GIVEN.split("-")[2], 16)
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id
    assert inner.context.trace_id == outer.context.trace_id == int(GIVEN.split("-")[1], 16)


async def test_what_goes_on_at_the_same_time_is_kept_apart(spans: InMemorySpanExporter) -> None:
    both = asyncio.Barrier(2)

    async def one() -> tuple[str, str]:
        with tracing.span("request", "server") as span:
            await both.wait()
            return span.traceparent, tracing.carried()

    first, second = await asyncio.gather(one(), one())
    assert first[0] == first[1] != second[0] == second[1]


def test_a_trace_that_its_sender_does_not_record_is_carried_nowhere(spans: InMemorySpanExporter) -> None:
    with tracing.span("request", "server", NOT_RECORDED), tracing.span("append", "producer"):
        assert (tracing.carried(), tracing.headers()) == ("", {})
    assert spans.get_finished_spans() == ()


def test_what_begins_here_is_recorded_by_its_share() -> None:
    exporter = InMemorySpanExporter()
    tracing.install(OtlpTracer(SimpleSpanProcessor(exporter), 0.0, {}))
    try:
        with tracing.span("request", "server"):
            assert tracing.carried() == ""
        with tracing.span("request", "server", GIVEN):
            assert tracing.carried()
        tracing.together("turn", ["", GIVEN]).end()
    finally:
        tracing.close()
    assert [span.name for span in exporter.get_finished_spans()] == ["request", "turn"]


def test_a_turn_is_linked_to_the_traces_of_its_inputs_and_is_nothing_without_any(spans: InMemorySpanExporter) -> None:
    tracing.together("turn", ["", ""]).end()
    tracing.together("turn", ["", GIVEN]).end()
    [turn] = spans.get_finished_spans()
    assert [link.context.span_id for link in turn.links] == [int(GIVEN.split("-")[2], 16)]
    assert turn.parent is None


def test_what_fails_says_so_by_its_kind_and_never_by_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="0912345678"), tracing.span("append", "producer"):
        raise ValueError("0912345678 is no number")
    [span] = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, "ValueError", ())


_WITHOUT = """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.exporter"] = None  # the API comes with FastAPI
from ccc_router.cli import main
sys.argv = ["ccc-router", "check-config"]
main()
"""


@pytest.mark.parametrize(("endpoint", "status"), [("", 0), ("http://127.0.0.1:4318", 78)])
def test_the_service_needs_the_packages_of_traces_only_when_it_traces(
    tmp_path: Path, endpoint: str, status: int
) -> None:
    environment = {"CCC_OTLP_ENDPOINT": endpoint, "PYTHONPATH": str(Path(ccc_router.__file__).parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == status, ended.stderr
    assert ("CCC_OTLP_ENDPOINT: traces need the packages of the extra otel" in ended.stderr) == bool(endpoint)
