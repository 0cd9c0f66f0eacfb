"""What a record of the Kafka inbox says: a CloudEvent in structured mode, around a fact as the codec writes it.

One record a fact. The raw delivery travels with the first record of its call; a delivery without facts is a record of its own.
"""

import hashlib
from typing import Final, Literal

import msgspec

from ccc_router.events.codec import canonical, decode_fact, kind_of
from ccc_router.events.envelope import AnyInput
from ccc_router.events.facts import AnyFact, CallEvent, CallRecorded
from ccc_router.events.inbox import LONGEST_KEY, RawDelivery, Submission
from ccc_router.kernel.clock import format_utc

HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
KEPT: Final = "ccc.delivery.kept.v1"
_LONGEST_SOURCE: Final = 400
_ABSENT: Final = msgspec.Raw(b"null")


class Data(msgspec.Struct, frozen=True):
    """``body`` is the fact's JSON, or null."""

    body: msgspec.Raw
    raw: RawDelivery | None


class Event(msgspec.Struct, frozen=True):
    """The CloudEvent: ``id`` is the dedup key, ``source`` the endpoint. Together they are what is taken once."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    datacontenttype: Literal["application/json"]
    data: Data


class Unreadable(ValueError):
    """Bytes that are no event of ours."""


class Told(msgspec.Struct, frozen=True):
    """What a record says. ``body`` is None when it brings only a raw delivery."""

    source: str
    key: str
    body: AnyFact | None
    raw: RawDelivery | None


_EVENTS: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)


def topic_of(pool: str) -> str:
    """The topic that a pool's facts come by."""
    return f"ccc.inbox.v1.{pool}"


def write(one: Submission, encoded: bytes, raw: RawDelivery | None, now_ms: int) -> bytes:
    """The record of a fact; ``encoded`` is its canonical JSON."""
    return _event(one.key, one.source, f"ccc.fact.{kind_of(one.body)}.v1", now_ms, Data(msgspec.Raw(encoded), raw))


def write_kept(raw: RawDelivery, now_ms: int) -> bytes:
    """The record of a delivery that told no fact."""
    return _event(raw.raw_id, raw.endpoint, KEPT, now_ms, Data(_ABSENT, raw))


def _event(key: str, source: str, kind: str, now_ms: int, data: Data) -> bytes:
    return canonical(Event("1.0", key, source, kind, format_utc(now_ms), "application/json", data))


def read(value: bytes) -> Told:
    """What a record says. Raises Unreadable for everything that could not be taken: what is taken must fit the tables."""
    try:
        event = _EVENTS.decode(value)
        body = None if bytes(event.data.body) == b"null" else decode_fact(bytes(event.data.body))
    except ValueError as error:
        raise Unreadable(str(error)) from error
    if not 0 < len(event.id) <= LONGEST_KEY or not 0 < len(event.source) <= _LONGEST_SOURCE:
        raise Unreadable("id and source have 1 to 400 characters")
    if "\0" in event.id or "\0" in event.source:
        raise Unreadable("id and source hold no NUL")
    if body is None and event.data.raw is None:
        raise Unreadable("neither a fact nor a delivery")
    return Told(event.source, event.id, body, event.data.raw)


def partition_key(one: Submission) -> bytes:
    """What keeps the order of one call and of one customer's messages (I3); a digest, for topics' keys are read by many."""
    return _digest(_conversation(one.source, one.body))


def kept_key(raw: RawDelivery) -> bytes:
    """The same for a delivery without facts, which has no order to keep."""
    return _digest(f"raw:{raw.raw_id}")


def mark_of(value: bytes) -> bytes:
    """By which a record is known again."""
    return hashlib.blake2b(value, digest_size=8).digest()


def _conversation(source: str, body: AnyInput) -> str:
    if isinstance(body, CallEvent | CallRecorded):
        return f"call:{body.contact_id}"
    private = body.private
    if private is not None and private.handles:
        handle = private.handles[0]
        return f"handle:{handle.kind}:{handle.value}"
    refs = () if private is None else (*private.own_refs, *private.refs)
    if refs:
        return f"ref:{refs[0]}"
    return f"contact:{getattr(body, 'contact_id', '')}" if getattr(body, "contact_id", "") else f"source:{source}"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
