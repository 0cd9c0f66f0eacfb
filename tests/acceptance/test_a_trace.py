"""A trace goes from the visitor's request through inbox, engine and journal to the department's webhook, and back to no person."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.acceptance.surroundings import a_centre, accepted, do, ready
from tests.support import restoring
from tests.support.fake_collector import FakeCollector, collecting
from tests.support.waiting import eventually, until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"
PERSON = ("Lê Thị Bình", "0912345678", "le.thi.binh@example.vn")


def _of(collector: FakeCollector, trace_id: str) -> list[Span]:
    return [span for span in collector.spans if span.trace_id.hex() == trace_id]


def _under(spans: list[Span], parent: bytes, name: str) -> Span:
    [found] = [span for span in spans if span.parent_span_id == parent and span.name == name]
    return found


def _kinds(span: Span) -> dict[str, str]:
    return {one.key: str(getattr(one.value, one.value.WhichOneof("value") or "")) for one in span.attributes}


@pytest.mark.timeout(120)
async def test_an_escalation_is_one_trace_from_the_agents_request_to_the_departments_hook() -> None:
    async with collecting() as collector, a_centre(CCC_OTLP_ENDPOINT=collector.url) as centre:
        an = await ready(centre.agent("an"))
        form = {"text": f"Thẻ của {PERSON[0]} hết hạn.", "name": PERSON[0], "phone": PERSON[1], "email": PERSON[2]}
        await do(centre.service.anybody(), "/v1/channels/portal/site/contacts", form, 201)
        contact = (await accepted(an))["contact_id"]
        raised = await an.post(
            f"/v1/contacts/{contact}/escalate",
            json={"department": "d_hi", "summary": f"{PERSON[0]}, {PERSON[1]}"},
            headers={"traceparent": GIVEN, "tracestate": f"vendor={PERSON[1]}"},
        )
        assert raised.status_code == 201
        await until(lambda: bool(centre.department.events), what="the webhook")
        [hook] = [one for one in centre.department.received if one.event is not None]
        lead, journal = centre.supervisor(), ""

        async def reported_to_the_engine() -> bool:
            nonlocal journal
            journal = (await lead.get("/v1/journal", params={"limit": 200})).text
            return "DeliveryReported" in journal

        await eventually(reported_to_the_engine, what="the end of the delivery in the journal")
        replayed = await restoring.command(centre.service, "replay")
        await centre.service.stop()  # what is not told yet is told at the end
        spans = _of(collector, TRACE)

    request = _under(spans, bytes.fromhex("00f067aa0ba902b7"), "POST /v1/contacts/{contact_id}/escalate")
    append = _under(spans, request.span_id, "append")
    decide = _under(spans, append.span_id, "decide")
    deliver = _under(spans, decide.span_id, "deliver")
    reported = _under(spans, deliver.span_id, "decide")
    assert len(spans) == 5
    assert _kinds(reported)["ccc.kind"] == "DeliveryReported"
    assert _kinds(decide)["ccc.kind"] == "RaiseEscalation"
    assert _kinds(deliver) | {"ccc.delivery": ""} == {
        "ccc.pool": "main", "ccc.delivery": "", "ccc.kind": "webhook", "ccc.attempt": "1", "ccc.outcome": "sent", "ccc.reason": "",
    }  # fmt: skip
    turns = [span for span in collector.named("turn") if append.span_id in {link.span_id for link in span.links}]
    assert len(turns) == 1, "the turn that took the input is linked to it"

    assert hook.headers["traceparent"] == f"00-{TRACE}-{deliver.span_id.hex()}-01"
    assert hook.event is not None
    assert hook.event["traceparent"] == f"00-{TRACE}-{decide.span_id.hex()}-01", "CloudEvents: what the event came from"
    assert "tracestate" not in hook.headers
    stored = f"00-{TRACE}-{append.span_id.hex()}-01"
    assert stored in journal, "a trace survives the journal"
    assert replayed.endswith("bit-equal\n"), "I13: and decides nothing"
    told = b"\n".join(collector.bodies)
    assert [marker for marker in (*PERSON, "hết hạn") if marker.encode() in told] == []
