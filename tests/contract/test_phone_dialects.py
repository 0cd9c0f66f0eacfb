"""Phone dialects: the signature vectors, each altered by one byte, and what each vendor event is in CSTA words."""

import base64
import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from ccc_router.channels.channel import Adapter, Parsed, Request, Unreadable
from ccc_router.channels.phone.csta import Csta
from ccc_router.channels.phone.freeswitch_cdr import FreeswitchCdr
from ccc_router.channels.phone.jambonz import Jambonz
from ccc_router.channels.phone.stringee import Stringee
from ccc_router.channels.phone.twilio import Twilio
from ccc_router.channels.registry import adapter_for
from ccc_router.events.facts import CallEvent, CallRecorded
from ccc_router.events.vocabulary import LegRole
from ccc_router.kernel import signing
from ccc_router.kernel.ids import derive
from ccc_router.routing import calls
from ccc_router.routing.rows import Call
from tests.contract.cases.phone import FIXTURES, PATH, fixture
from tests.support.channel_case import RECEIVED_AT, an_endpoint

SIGNED_AT = datetime.fromtimestamp(1_763_800_000, UTC)
LINE = an_endpoint("phone", "hotline", "csta")


@dataclass(frozen=True)
class Vector:
    """A delivery that a vendor's documented scheme signs, computed outside of this code."""

    adapter: Adapter
    secret: str
    body: bytes
    headers: dict[str, str]
    signed: str
    url: str = ""


JAMBONZ_BODY = (
    b'{"call_sid":"9d26a637-1679-471f-8da8-7150266e1254","direction":"inbound","from":"+84912345678","to":"19001234",'
    b'"call_id":"8cb0b1f7-1a2b@10.0.0.5","sip_status":200,"sip_reason":"OK","call_status":"in-progress",'
    b'"account_sid":"fef61e75-cec3-496c-a7bc-8368e4d02a04","trace_id":"0af7651916cd43dd8448eb211c80319c",'
    b'"application_sid":"0e0681b0-d49f-4fb8-b973-b5a3c6758de1","fs_sip_address":"10.0.0.6:5060"}'
)
STRINGEE_BODY = (
    b'{"type":"stringee_call","call_status":"answered","project_id":25,"request_from_user_id":"","account_sid":"AC_TEST",'
    b'"timestamp_ms":1763800000123,"from":{"number":"84912345678","alias":"84912345678","is_online":false,"type":"external"},'
    b'"to":{"number":"842473001234","alias":"842473001234","is_online":true,"type":"internal"},'
    b'"call_id":"call-vn-1-TESTTEST01-1763799990000"}'
)
TWILIO_FORM = {
    "AccountSid": "AC00000000000000000000000000000001", "ApiVersion": "2010-04-01", "CallDuration": "42",
    "CallSid": "CA00000000000000000000000000000001", "CallStatus": "completed", "CallbackSource": "call-progress-events",
    "Direction": "inbound", "From": "+84912345678", "SequenceNumber": "3", "Timestamp": "Sat, 22 Nov 2025 08:26:40 +0000",
    "To": "+842473001234",
}  # fmt: skip
WEBHOOK_BODY = (
    b'{"type":"ccc.escalation.opened","timestamp":"2026-11-22T08:26:40.000Z",'
    b'"data":{"escalation_id":"esc_01","contact_id":"ct_01"}}'
)
VECTORS = {
    "jambonz": Vector(
        Jambonz(), "jambonz_secret_test", JAMBONZ_BODY,
        {"jambonz-signature": "t=1763800000,v1=22004bc32595de758633e34d72defad26aadb8a96d87b5c1e04b7675e2c41370"},
        "jambonz-signature",
    ),
    "twilio": Vector(
        Twilio(), "twilio_auth_token_test", urlencode(TWILIO_FORM).encode(),
        {"x-twilio-signature": "5PURb+voEW6d6y0i/iZOqYNZjik="}, "x-twilio-signature",
        "https://cskh.example.gov.vn/hooks/twilio/voice",
    ),
    "stringee": Vector(
        Stringee(), "stringee_signing_secret_test", STRINGEE_BODY,
        {"x-stringee-signature": "SEUTOKW8kyao/WL3N3c8e0W8Cy8="}, "x-stringee-signature",
    ),
    "standard-webhooks": Vector(
        Csta(), "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", WEBHOOK_BODY,
        {"webhook-id": "msg_01", "webhook-timestamp": "1763800000",
         "webhook-signature": "v1,EfCzV7yGjVqIwKCY9Jp5d0wzMpKEgg5Uh1lQCZwQDFo="}, "webhook-signature",
    ),
}  # fmt: skip
every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)


def verdict(vector: Vector, body: bytes, headers: dict[str, str], url: str | None = None) -> int:
    request = Request(url=vector.url if url is None else url, headers=headers, body=body)
    refusal = vector.adapter.verify(request, LINE, (vector.secret,), SIGNED_AT)
    return 200 if refusal is None else refusal.status


@every_vector
def test_the_vector_is_believed(vector: Vector) -> None:
    assert verdict(vector, vector.body, vector.headers) == 200


@every_vector
def test_the_vector_altered_by_one_byte_anywhere_is_401(vector: Vector) -> None:
    for at in range(len(vector.body)):
        body = vector.body[:at] + bytes([vector.body[at] ^ 1]) + vector.body[at + 1 :]
        assert verdict(vector, body, vector.headers) == 401, at


@every_vector
def test_its_signature_altered_by_one_character_anywhere_is_401(vector: Vector) -> None:
    for name, value in vector.headers.items():
        for at in range(len(value)):
            altered = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
            assert verdict(vector, vector.body, {**vector.headers, name: altered}) == 401, (name, at)


def test_a_twilio_url_altered_by_one_character_is_401_and_its_standard_port_may_be_named() -> None:
    vector = VECTORS["twilio"]
    for at in range(len(vector.url)):
        altered = vector.url[:at] + chr(ord(vector.url[at]) ^ 1) + vector.url[at + 1 :]
        assert verdict(vector, vector.body, vector.headers, altered) == 401, altered
    named = vector.url.replace(".gov.vn/", ".gov.vn:443/")
    assert verdict(vector, vector.body, vector.headers, named) == 200


def test_a_repeated_twilio_field_is_signed_with_all_its_values() -> None:
    body = urlencode([*TWILIO_FORM.items(), ("SipHeader", "b"), ("SipHeader", "a")]).encode()
    signed = VECTORS["twilio"].url + "".join(
        name + value for name, value in sorted([*TWILIO_FORM.items(), ("SipHeader", "a"), ("SipHeader", "b")])
    )
    mac = base64.b64encode(signing.digest(b"twilio_auth_token_test", signed.encode(), "sha1")).decode()
    assert verdict(VECTORS["twilio"], body, {"x-twilio-signature": mac}) == 200


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_or_future_jambonz_signature_and_a_get_are_401(seconds: int) -> None:
    vector = VECTORS["jambonz"]
    request = Request(headers=vector.headers, body=vector.body)
    moved = datetime.fromtimestamp(1_763_800_000 + seconds, UTC)
    assert vector.adapter.verify(request, LINE, (vector.secret,), moved) is not None
    now = datetime.fromtimestamp(1_763_800_000, UTC)
    assert vector.adapter.verify(request, LINE, (vector.secret,), now) is None
    got = Request(method="GET", headers=vector.headers, body=vector.body)
    assert vector.adapter.verify(got, LINE, (vector.secret,), now) is not None
    asked = Request(method="GET", headers=vector.headers, body=vector.body)
    assert vector.adapter.verify(asked, LINE, (vector.secret,), SIGNED_AT) is not None


def parse(dialect: str, body: bytes, query: str = "", **options: str) -> Parsed | Unreadable:
    endpoint = an_endpoint("phone", "hotline", dialect, **options)
    adapter = adapter_for(endpoint)
    assert adapter is not None
    return adapter.parse(Request(path=PATH, query=query, body=body, received_at=RECEIVED_AT), endpoint, {})


def told(dialect: str, name: str, **options: str) -> str:
    """The facts of a fixture, one line each: event, call, leg, role and what else was said."""
    parsed = parse(dialect, fixture(f"{dialect}/told/{name}"), **options)
    assert isinstance(parsed, Parsed), parsed
    return "; ".join(_line(keyed.fact) for keyed in parsed.facts) + f" +{parsed.ignored}"


def _line(fact: object) -> str:
    assert isinstance(fact, CallEvent | CallRecorded)
    said = [
        fact.event if isinstance(fact, CallEvent) else "Recorded",
        fact.call_id[-4:],
        fact.leg_id[-4:],
        fact.role,
        fact.cause,
    ]
    if isinstance(fact, CallEvent):
        said += [fact.agent, fact.offer_id[:4], "out" if fact.outbound else "", fact.new_call_id, fact.transferred_to]
        said += [fact.private.address if fact.private else ""]
    return " ".join(str(one) for one in said if one)


TOLD = [
    ("csta", "offered.json", "Offered 7f31 31-a customer +84912345678 +0"),
    ("csta", "queued.json", "Queued 7f31 31-a customer +84912345678 +0"),
    ("csta", "delivered.json", "Delivered 7f31 31-b agent PJSIP/1001 of_0 +84912345678 +0"),
    ("csta", "established.json", "Established 7f31 31-b agent PJSIP/1001 of_0 +84912345678 +0"),
    ("csta", "held.json", "Held 7f31 31-b agent PJSIP/1001 of_0 +84912345678 +0"),
    ("csta", "retrieved.json", "Retrieved 7f31 31-b agent PJSIP/1001 of_0 +84912345678 +0"),
    ("csta", "call-back.json", "CallBack 7f31 31-a customer +842439361234 +0"),
    ("csta", "transferred.json", "Transferred 7f31 31-b agent PJSIP/1001 of_0 hn-7f99 PJSIP/1002 +84912345678 +0"),
    ("csta", "failed.json", "Failed 7f31 31-c agent no_answer PJSIP/1003 of_0 +84912345678 +0"),
    ("csta", "cleared.json", "ConnectionCleared 7f31 31-a customer normal +84912345678 +0"),
    ("csta", "outbound.json", "Offered 8000 00-a customer out +84912345678 +0"),
    ("csta", "batch.json", "Offered 9000 00-a customer +84912345678; ConnectionCleared 9000 00-a customer +84912345678 +1"),
    ("asterisk-ari", "stasis-start.json", "Offered 0.42 0.42 customer +84912345678 +0"),
    ("asterisk-ari", "stasis-start-anonymous.json", "Offered 1.50 1.50 customer +0"),
    ("asterisk-ari", "batch.json", "Offered 2.60 2.60 customer +84912345678 +1"),
    ("freeswitch-event", "create.json", "Offered a677 a677 customer +84912345678 +0"),
    ("freeswitch-event", "park.json", "Queued a677 a677 customer +84912345678 +0"),
    ("freeswitch-event", "queue-start.json", "Queued a677 a677 customer +84912345678 +0"),
    ("freeswitch-event", "progress.json", "Delivered a677 c111 agent 1001 of_1 +0"),
    ("freeswitch-event", "answer.json", "Established a677 c111 agent 1001 of_1 +0"),
    ("freeswitch-event", "hold.json", "Held a677 c111 agent 1001 +0"),
    ("freeswitch-event", "unhold.json", "Retrieved a677 c111 agent 1001 +0"),
    ("freeswitch-event", "hangup-busy.json", "Failed a677 busy agent busy 1001 +0"),
    ("freeswitch-event", "hangup-agent.json", "ConnectionCleared a677 c111 agent NORMAL_CLEARING 1001 +0"),
    ("freeswitch-event", "hangup.json", "ConnectionCleared a677 a677 customer NORMAL_CLEARING +84912345678 +0"),
    ("freeswitch-event", "batch.json", "Offered c-2 c-2 customer +84912345678 +1"),
    ("freeswitch-cdr", "json.json", "Recorded a677 a677 customer NORMAL_CLEARING +0"),
    ("freeswitch-cdr", "form.txt", "Recorded a677 c111 agent NORMAL_CLEARING +0"),
    ("freeswitch-cdr", "base64.txt", "Recorded a677 none agent no_answer +0"),
    ("jambonz", "trying.json", "Offered 1254 1254 customer +84912345678 +0"),
    ("jambonz", "queued.json", "Queued 1254 1254 customer +84912345678 +0"),
    ("jambonz", "child-ringing.json", "Delivered 1254 0002 agent 19001234 of_1 +0"),
    ("jambonz", "child-in-progress.json", "Established 1254 0002 agent 19001234 of_1 +0"),
    ("jambonz", "child-busy.json", "Failed 1254 0003 agent busy 19001234 +0"),
    ("jambonz", "child-no-answer.json", "Failed 1254 0004 agent no_answer 19001234 +0"),
    ("jambonz", "completed.json", "ConnectionCleared 1254 1254 customer 200 +84912345678 +0"),
    ("twilio", "initiated.txt", "Offered 0001 0001 customer +84912345678 +0"),
    ("twilio", "child-ringing.txt", "Delivered 0001 0002 agent +842473001234 +0"),
    ("twilio", "child-in-progress.txt", "Established 0001 0002 agent +842473001234 +0"),
    ("twilio", "child-no-answer.txt", "Failed 0001 0003 agent no_answer +842473001234 +0"),
    ("twilio", "child-busy.txt", "Failed 0001 0004 agent busy +842473001234 +0"),
    ("twilio", "completed.txt", "ConnectionCleared 0001 0001 customer +84912345678 +0"),
    ("stringee", "created.json", "Offered 0000 0000 customer +84912345678 +0"),
    ("stringee", "ringing.json", "Delivered 0000 gent agent agent_1001 +0"),
    ("stringee", "answered.json", "Established 0000 gent agent agent_1001 +0"),
    ("stringee", "agent-ended.json", "ConnectionCleared 0000 gent agent agent_1001 +0"),
    ("stringee", "ended.json", "ConnectionCleared 0000 0000 customer USER_END_CALL +84912345678 +0"),
    ("stringee", "ended-busy.json", "ConnectionCleared 0000 0000 customer busy +84912345678 +0"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "name", "line"), TOLD, ids=[f"{dialect}-{name}" for dialect, name, _ in TOLD])
def test_what_a_vendor_event_is_in_our_words(dialect: str, name: str, line: str) -> None:
    assert told(dialect, name) == line


def files(folder: str) -> list[Path]:
    return sorted(FIXTURES.glob(f"*/{folder}/*"))


@pytest.mark.parametrize("path", files("unsupported"), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_events_we_have_no_use_for_are_ignored(path: Path) -> None:
    parsed = parse(path.parts[-3], path.read_bytes())
    assert isinstance(parsed, Parsed)
    assert (parsed.facts, parsed.sightings, parsed.ignored) == ((), (), 1)


@pytest.mark.parametrize("path", files("missing-field"), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_event_without_its_ids_is_unreadable_and_the_reason_repeats_nothing_of_it(path: Path) -> None:
    parsed = parse(path.parts[-3], path.read_bytes())
    assert isinstance(parsed, Unreadable)
    assert "0912345678" not in parsed.reason


DIALECTS = sorted({dialect for dialect, *_ in TOLD} - {"asterisk-ari", "freeswitch-cdr"})


@pytest.mark.parametrize("dialect", DIALECTS)
def test_i3_every_permutation_of_a_calls_events_gives_the_same_call(dialect: str) -> None:
    """Up to five events in all their orders, each told twice (the recordings cover asterisk-ari)."""
    facts = []
    for path in sorted((FIXTURES / dialect / "told").iterdir()):
        parsed = parse(dialect, path.read_bytes())
        assert isinstance(parsed, Parsed)
        facts += [keyed.fact for keyed in parsed.facts if isinstance(keyed.fact, CallEvent)]
    chosen = facts[:: max(1, len(facts) // 5)][:5]
    assert len({_reduced(order) for order in itertools.permutations(chosen)}) == 1
    assert _reduced((*chosen, *chosen)) == _reduced(tuple(chosen))


def _reduced(events: tuple[CallEvent, ...]) -> bytes:
    legs: dict[str, bytes] = {}
    found: dict[str, Call] = {}
    for event in events:
        call = found.setdefault(event.call_id, Call(event.call_id, "hotline"))
        leg = calls.observe(call, event)
        call.legs = {**call.legs, leg.leg_id: leg}
        legs[f"{event.call_id}/{leg.leg_id}"] = msgspec.msgpack.encode(leg)
    return repr(sorted(legs.items())).encode()


def test_who_hides_his_number_and_gives_none_is_not_called_back() -> None:
    """Nobody is promised a call to no number (R-32); one he gives will do, and without it the one he calls from."""
    event = json.loads(fixture("csta/told/call-back.json"))
    hidden = event | {"calling": "anonymous"}
    given = [hidden | {"callback_number": ""}, hidden, event | {"callback_number": ""}]
    parsed = [parse("csta", json.dumps(one).encode()) for one in given]
    told = [one.facts[0].fact for one in parsed if isinstance(one, Parsed) and one.facts]
    assert [one.private.address for one in told if one.private] == ["+842439361234", "+84912345678"]
    assert isinstance(parsed[0], Parsed)
    assert (parsed[0].facts, parsed[0].ignored) == ((), 1)
    assert isinstance(told[0], CallEvent)
    assert told[0].not_before == 1_795_399_200_000


def test_an_event_of_a_call_we_made_for_a_contact_is_that_contacts() -> None:
    contact_id = derive("ct", "hotline", "call", "x")
    for call_id, expected in ((f"{contact_id}.12", contact_id), (f"{contact_id}.x", ""), ("hn-1.2", "")):
        event = json.loads(fixture("csta/told/offered.json")) | {"call_id": call_id}
        parsed = parse("csta", json.dumps(event).encode())
        assert isinstance(parsed, Parsed)
        [keyed] = parsed.facts
        assert isinstance(keyed.fact, CallEvent)
        assert keyed.fact.contact_id == (expected or derive("ct", "hotline", "call", call_id))


def test_a_call_by_csta_is_one_contact_and_its_recording_is_told() -> None:
    facts = []
    for name in ("offered", "established", "cleared"):
        parsed = parse("csta", fixture(f"csta/told/{name}.json"))
        assert isinstance(parsed, Parsed)
        facts += [keyed.fact for keyed in parsed.facts]
    assert all(isinstance(fact, CallEvent) for fact in facts)
    assert len({(fact.contact_id, fact.case_id) for fact in facts if isinstance(fact, CallEvent)}) == 1
    answered = facts[1]
    assert isinstance(answered, CallEvent)
    assert (answered.recording_state, answered.notice_played) == ("started", True)
    assert answered.at == 1_795_335_964_250


def test_a_key_of_the_menu_is_the_topic_the_endpoint_names_for_it() -> None:
    line = msgspec.structs.replace(LINE, topics={"1": "hi-benefits"})
    bodies = [{"event_id": "e", "event": "Offered", "call_id": "c", "topic": topic} for topic in ("1", "maternity")]
    parsed = [Csta().parse(Request(body=json.dumps(body).encode()), line, {}) for body in bodies]
    facts = [one.facts[0].fact for one in parsed if isinstance(one, Parsed)]
    assert [fact.topic for fact in facts if isinstance(fact, CallEvent)] == ["hi-benefits", "maternity"]


def test_cdr_values_are_decoded_once_and_only_where_the_module_encodes_them() -> None:
    def recording(body: bytes, **options: str) -> str:
        parsed = parse("freeswitch-cdr", body, **options)
        assert isinstance(parsed, Parsed)
        (keyed,) = parsed.facts
        assert isinstance(keyed.fact, CallRecorded)
        return keyed.fact.recording

    assert recording(fixture("freeswitch-cdr/told/json.json")) == "rec/hn/5e01.wav"
    assert recording(fixture("freeswitch-cdr/plain-values.json"), encode_values="false") == "rec/100%25/a.wav"
    encoded = json.dumps(
        {"core-uuid": "c", "variables": {"uuid": "u-100", "end_uepoch": "1795336065000000", "record_path": "a%2525b"}}
    )
    assert recording(encoded.encode()) == "a%25b", "decoded twice, a percent sign is lost"


def test_a_record_completes_the_call_that_the_events_of_the_same_switch_told_of() -> None:
    heard = parse("freeswitch-event", fixture("freeswitch-event/told/create.json"))
    endpoint = an_endpoint("phone", "hotline-cdr", "freeswitch-cdr", calls_of="hotline")
    record = FreeswitchCdr().parse(Request(body=fixture("freeswitch-cdr/told/json.json")), endpoint, {})
    assert isinstance(heard, Parsed)
    assert isinstance(record, Parsed)
    event, completed = heard.facts[0].fact, record.facts[0].fact
    assert isinstance(event, CallEvent)
    assert isinstance(completed, CallRecorded)
    assert (completed.contact_id, completed.leg_id, completed.endpoint) == (event.contact_id, event.leg_id, "hotline")


@pytest.mark.parametrize("query", ["uuid=a_5e012a75-121b", "site=hn?uuid=5e012a75-121b", "x=1&uuid=5e012a75-121b"])
def test_the_uuid_that_the_cdr_module_appends_to_any_url_names_the_leg(query: str) -> None:
    parsed = parse("freeswitch-cdr", fixture("freeswitch-cdr/no-uuid.json"), query)
    assert isinstance(parsed, Parsed)
    (keyed,) = parsed.facts
    assert isinstance(keyed.fact, CallRecorded)
    assert (keyed.fact.leg_id, keyed.fact.role) == ("5e012a75-121b", LegRole.CUSTOMER)


def test_the_same_record_in_all_encodings_and_under_any_content_type_is_one_record() -> None:
    record = fixture("freeswitch-cdr/told/json.json")
    escaped = "".join(f"%{byte:02X}" for byte in record).encode()
    bodies = [record, b"cdr=" + escaped, b"cdr=" + base64.b64encode(record), b"\r\n" + record]
    parsed = [parse("freeswitch-cdr", body) for body in bodies]
    assert all(one == parsed[0] for one in parsed)
    assert isinstance(parsed[0], Parsed)
    assert FreeswitchCdr().kept_headers == frozenset({"content-type"})
