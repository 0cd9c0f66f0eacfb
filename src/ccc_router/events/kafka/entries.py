"""An entry of the journal as the topic has it: a CloudEvent in structured mode. Kafka's library is not needed to read or write one."""

from typing import Final, Literal, NamedTuple

import msgspec

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.kernel.clock import format_utc

TOPIC: Final = "ccc.journal.v1"
HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


class Data(msgspec.Struct, frozen=True):
    """The entry. ``at`` is engine time (ms), ``body`` what the journal's hash covers, byte for byte."""

    pool: str
    position: int
    at: int
    form: Literal["input", "decision"]
    kind: str
    cause: int
    core_version: int
    body: msgspec.Raw


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """The CloudEvent. ``subject`` is the contact that the entry is about, if it is about one; ``partitionkey`` the record's key."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    partitionkey: str
    datacontenttype: Literal["application/json"]
    data: Data
    subject: str = ""


class Record(NamedTuple):
    """What is sent of an entry. Its timestamp is when it is sent: retention counts from it, and what is told late is to stay as long."""

    key: bytes
    value: bytes


class _About(msgspec.Struct, frozen=True):
    contact_id: str = ""


class _Body(msgspec.Struct, frozen=True):
    contact_id: str = ""
    resolved: _About = _About()
    body: _About = _About()


_BODY: Final = msgspec.json.Decoder(_Body)


def contact_of(entry: Entry) -> str:
    """The contact that an entry is about: a decision's, or that which an input was found to belong to; "" for none."""
    said = _BODY.decode(entry.body)
    return said.contact_id or said.resolved.contact_id or said.body.contact_id


def data_of(entry: Entry) -> Data:
    """The entry as a document around its body as stored."""
    return Data(
        entry.pool,
        entry.position,
        entry.at,
        entry.form,
        entry.kind,
        entry.cause,
        entry.core_version,
        msgspec.Raw(entry.body),
    )


def record_of(entry: Entry) -> Record:
    """The record of an entry."""
    contact_id = contact_of(entry)
    key = contact_id or entry.pool
    event = Event(
        specversion="1.0",
        id=f"{entry.pool}/{entry.position}",
        source=f"/pools/{entry.pool}/journal",
        type=f"ccc.entry.{entry.kind}.v1",
        time=format_utc(entry.at),
        partitionkey=key,
        datacontenttype="application/json",
        data=data_of(entry),
        subject=contact_id,
    )
    return Record(key.encode(), canonical(event))
