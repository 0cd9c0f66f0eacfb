"""Phone switches: the events of ours in ``fixtures/phone/<dialect>``, signed as each vendor signs."""

import base64
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from ccc_router.channels.channel import Request
from ccc_router.kernel import signing
from tests.support.channel_case import BASE_URL, RECEIVED_AT, TEXT_MARK, ChannelCase, a_request, an_endpoint

FIXTURES: Final = Path(__file__).parents[2] / "fixtures" / "phone"
PATH: Final = "/v1/channels/phone/hotline/events"
WHSEC: Final = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
VENDOR: Final = "vendor_signing_secret_test"
LOGIN: Final = "switch:s3cret-pass"
BASIC: Final = {"authorization": "Basic " + base64.b64encode(LOGIN.encode()).decode()}


def fixture(path: str) -> bytes:
    return (FIXTURES / path).read_bytes()


def told(dialect: str) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted((FIXTURES / dialect / "told").iterdir())}


def marked(path: str, words: str) -> bytes:
    body = fixture(path)
    assert words.encode() in body
    return body.replace(words.encode(), TEXT_MARK.encode())


def webhooks(body: bytes) -> Request:
    keys = signing.keys_of((WHSEC,))
    return a_request(PATH, body, signing.sign(keys, "msg_1", RECEIVED_AT // 1000, body))


def basic(body: bytes) -> Request:
    return a_request(PATH, body, BASIC)


def jambonz(body: bytes) -> Request:
    stamp = RECEIVED_AT // 1000
    mac = signing.hex_digest(VENDOR.encode(), f"{stamp}.".encode() + body)
    return a_request(PATH, body, {"jambonz-signature": f"t={stamp},v1={mac}"})


def stringee(body: bytes) -> Request:
    mac = base64.b64encode(signing.digest(VENDOR.encode(), body, "sha1")).decode()
    return a_request(PATH, body, {"x-stringee-signature": mac})


def twilio(body: bytes) -> Request:
    fields = "".join(name + value for name, value in sorted(parse_qsl(body.decode(), keep_blank_values=True)))
    mac = base64.b64encode(signing.digest(VENDOR.encode(), (BASE_URL + PATH + fields).encode(), "sha1")).decode()
    return a_request(PATH, body, {"x-twilio-signature": mac, "content-type": "application/x-www-form-urlencoded"})


CASES = [
    ChannelCase(
        name="phone-csta",
        endpoint=an_endpoint("phone", "hotline", "csta"),
        secrets=(WHSEC,),
        deliver=webhooks,
        samples=told("csta"),
        unknown=fixture("csta/unsupported/network-reached.json"),
        unreadable=fixture("csta/missing-field/call-id.json"),
        signature_headers=("webhook-signature", "webhook-timestamp", "webhook-id"),
        texts={"name": marked("csta/told/offered.json", "Nguyễn Thị Bình"), "topic": marked("csta/told/offered.json", "bhyt-card")},
    ),
    ChannelCase(
        name="phone-asterisk-ari",
        endpoint=an_endpoint("phone", "hotline", "asterisk-ari"),
        secrets=(LOGIN,),
        deliver=basic,
        samples=told("asterisk-ari"),
        unknown=fixture("asterisk-ari/unsupported/varset.json"),
        unreadable=fixture("asterisk-ari/missing-field/channel.json"),
        signature_headers=("authorization",),
        texts={"name": marked("asterisk-ari/told/stasis-start.json", "Trần Văn Cường")},
        signs_body=False,
    ),
    ChannelCase(
        name="phone-freeswitch-event",
        endpoint=an_endpoint("phone", "hotline", "freeswitch-event"),
        secrets=(LOGIN,),
        deliver=basic,
        samples=told("freeswitch-event"),
        unknown=fixture("freeswitch-event/unsupported/heartbeat.json"),
        unreadable=fixture("freeswitch-event/missing-field/event-name.json"),
        signature_headers=("authorization",),
        texts={"name": marked("freeswitch-event/told/create.json", "Lê Thị Dung")},
        signs_body=False,
    ),
    ChannelCase(
        name="phone-freeswitch-cdr",
        endpoint=an_endpoint("phone", "hotline", "freeswitch-cdr"),
        secrets=(LOGIN,),
        deliver=basic,
        samples={**told("freeswitch-cdr")},
        unknown=fixture("freeswitch-cdr/unsupported/no-times.json"),
        unreadable=fixture("freeswitch-cdr/missing-field/uuid.json"),
        signature_headers=("authorization",),
        signs_body=False,
    ),
    ChannelCase(
        name="phone-jambonz",
        endpoint=an_endpoint("phone", "hotline", "jambonz"),
        secrets=(VENDOR,),
        deliver=jambonz,
        samples=told("jambonz"),
        unknown=fixture("jambonz/unsupported/status.json"),
        unreadable=fixture("jambonz/missing-field/call-sid.json"),
        signature_headers=("jambonz-signature",),
        texts={"name": marked("jambonz/told/trying.json", "Phạm Thị Lan")},
    ),
    ChannelCase(
        name="phone-twilio",
        endpoint=an_endpoint("phone", "hotline", "twilio"),
        secrets=(VENDOR,),
        deliver=twilio,
        samples=told("twilio"),
        unknown=fixture("twilio/unsupported/status.txt"),
        unreadable=fixture("twilio/missing-field/call-sid.txt"),
        signature_headers=("x-twilio-signature",),
    ),
    ChannelCase(
        name="phone-stringee",
        endpoint=an_endpoint("phone", "hotline", "stringee"),
        secrets=(VENDOR,),
        deliver=stringee,
        samples=told("stringee"),
        unknown=fixture("stringee/unsupported/status.json"),
        unreadable=fixture("stringee/missing-field/call-id.json"),
        signature_headers=("x-stringee-signature",),
    ),
]  # fmt: skip
