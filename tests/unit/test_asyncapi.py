"""What docs/asyncapi.yaml and its schemas say of the topics is what is written there."""

import asyncio
import json
import re
from typing import Any, Final

import jsonschema_rs
import msgspec
import pytest
import yaml

from ccc_router.events.codec import canonical, kind_of
from ccc_router.events.envelope import Entry
from ccc_router.events.facts import Attachment, CallEvent, Handle, MessageReceived, Private
from ccc_router.events.inbox import RawDelivery, Submission
from ccc_router.events.kafka import entries as journal
from ccc_router.events.kafka import record, topics
from ccc_router.events.vocabulary import CallEventName, Channel
from ccc_router.routing import CORE_VERSION
from ccc_router.routing.applying import APPLIERS
from ccc_router.simulation.replaying import open_file
from tests.support.inputs import a_message
from tests.support.topic_schemas import FOLDER, documents
from tests.support.tree import ROOT

TOLD: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8"))
INBOX, JOURNAL = "inbox-record.v1.json", "journal-entry.v1.json"


def strict(name: str) -> dict[str, Any]:
    """The schema as kept, refusing every field that it does not name."""
    schema: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    for part in (schema, *schema["$defs"].values()):
        if "properties" in part:
            part["additionalProperties"] = False
    return schema


def written() -> list[Entry]:
    """The golden journal: a day of a centre."""

    async def read() -> list[Entry]:
        _, links = open_file(ROOT / "tests" / "fixtures" / "journal" / f"core-{CORE_VERSION}.jsonl.gz")
        return [entry async for link in links for entry in link.entries]

    return asyncio.run(read())


@pytest.mark.parametrize("name", [INBOX, JOURNAL])
def test_the_schema_files_are_the_schemas(name: str) -> None:
    """`make schemas` writes them anew; a change there is a change of what others read."""
    assert json.loads((FOLDER / name).read_text(encoding="utf-8")) == documents()[name]


def test_every_entry_of_a_day_is_valid_and_keyed_by_its_contact() -> None:
    valid = jsonschema_rs.validator_for(strict(JOURNAL))
    entries = written()
    assert len(entries) > 500
    for entry in entries:
        key, value = journal.record_of(entry)
        event = json.loads(value)
        valid.validate(event)
        assert event["id"] == f"main/{entry.position}"
        assert event["type"] == f"ccc.entry.{entry.kind}.v1"
        assert event["partitionkey"].encode() == key
        assert event["data"]["body"] == json.loads(entry.body)
        assert event["data"]["at"] == entry.at
    keys = {journal.record_of(entry).key for entry in entries}
    assert b"main" in keys
    assert all(key == b"main" or re.fullmatch(rb"ct_[0-9a-z]{26}", key) for key in keys)


def test_i16_no_record_of_the_journal_holds_what_is_erasable() -> None:
    erasable = set(documents()[INBOX]["$defs"]["Private"]["properties"])
    assert "text" in erasable
    for entry in written():
        said = json.loads(journal.record_of(entry).value)["data"]["body"]
        assert not {"private", *erasable} & ({*said, *said.get("body", {})})
    assert "Private" not in documents()[JOURNAL]["$defs"]


def test_every_kind_of_decision_and_fact_is_published() -> None:
    published = documents()[JOURNAL]["$defs"]
    assert {kind.__name__ for kind in APPLIERS} <= set(published)
    assert {"InputParked"} == {published["Parked"]["properties"]["kind"]["enum"][0]}


_PRIVATE: Final = Private(
    handles=(Handle("email", "le.thi.binh@example.vn"),),
    name="Lê Thị Bình",
    subject="Thẻ BHYT",
    text="Tôi muốn hỏi",
    refs=("<a@example.vn>",),
    attachments=(Attachment("at_1", "anh.jpg", "image/jpeg", 3, "00"),),
)
_CALL: Final = CallEvent(
    endpoint="hotline", event=CallEventName.QUEUED, call_id="c1", leg_id="l1", contact_id="ct_1", case_id="cs_1"
)
_RAW: Final = RawDelivery(
    raw_id="rw_1",
    endpoint="mailbox",
    channel=Channel.EMAIL,
    received_at=1_790_000_000_000,
    method="POST",
    path="/v1/channels/email/mailbox/messages",
    query="",
    headers={"content-type": "message/rfc822"},
    body=b"\x00\xff",
    state="parsed",
)


@pytest.mark.parametrize("raw", [None, _RAW])
@pytest.mark.parametrize("fact", [a_message("m1"), msgspec.structs.replace(a_message("m2"), private=_PRIVATE), _CALL])
def test_every_record_of_the_inbox_is_valid(fact: MessageReceived | CallEvent, raw: RawDelivery | None) -> None:
    one = Submission("mailbox", "key-1", fact)
    value = record.write(one, canonical(fact), raw, 1_790_000_000_000)
    event = json.loads(value)
    jsonschema_rs.validator_for(strict(INBOX)).validate(event)
    assert event["type"] == f"ccc.fact.{kind_of(fact)}.v1"
    assert (event["source"], event["id"]) == ("mailbox", "key-1")
    key = record.partition_key(one)
    assert len(key) == 16
    assert b"binh" not in key


def test_a_delivery_without_a_fact_is_valid_and_a_broken_record_is_not() -> None:
    valid = jsonschema_rs.validator_for(strict(INBOX))
    event = json.loads(record.write_kept(_RAW, 1_790_000_000_000))
    valid.validate(event)
    assert event["type"] == record.KEPT
    assert event["data"]["body"] is None
    for name in event:
        assert not valid.is_valid({other: value for other, value in event.items() if other != name})
    assert not valid.is_valid({**event, "more": 1})


def test_the_document_names_the_topics_types_and_headers_of_the_code() -> None:
    assert TOLD["asyncapi"] == "3.0.0"
    channels = TOLD["channels"]
    assert channels["inbox"]["address"] == record.topic_of("{pool}")
    assert channels["journal"]["address"] == journal.TOPIC
    const = TOLD["components"]["schemas"]["Headers"]["properties"]["content-type"]["const"]
    assert [("content-type", const.encode())] == record.HEADERS == journal.HEADERS
    for channel in channels.values():
        assert channel["bindings"]["kafka"]["partitions"] == topics.PARTITIONS
    messages = TOLD["components"]["messages"]
    assert record.KEPT in messages["InboxRecord"]["summary"]
    assert {message["payload"]["schema"]["$ref"] for message in messages.values()} == {
        f"./schemas/{name}" for name in documents()
    }


def test_every_reference_in_the_document_leads_somewhere() -> None:
    found = list(_references(TOLD))
    assert len(found) > 10
    for reference in found:
        if reference.startswith("#"):
            place: Any = TOLD
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
        else:
            assert (ROOT / "docs" / reference).is_file()


def _references(part: Any) -> Any:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
