"""A trace goes through the inbox with its input, and the database holds nothing else in its place."""

import json

import asyncpg
import pytest

from ccc_router.events.codec import canonical
from ccc_router.events.envelope import Entry
from ccc_router.events.facts import MessageReceived
from ccc_router.events.inbox import Submission
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.journal import entries
from ccc_router.events.kafka import record
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from tests.support.spine import running
from tests.support.waiting import eventually

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b8-01"
NOT_RECORDED = GIVEN[:-1] + "0"


def a_fact(key: str) -> MessageReceived:
    return MessageReceived(
        channel=Channel.PORTAL, endpoint="portal", message_id=f"ms_{key}", contact_id=f"ct_{key}", case_id=f"cs_{key}"
    )


async def test_i2_a_copy_brings_no_trace_and_what_is_not_recorded_leaves_no_row(database: Database) -> None:
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    try:
        for key, trace in (("a", GIVEN), ("a", OTHER), ("b", NOT_RECORDED), ("c", "")):
            await inbox.append([Submission("portal", key, a_fact(key), trace)])
    finally:
        await inbox.close()
    rows = await database.pool.fetch("SELECT key, traceparent FROM inbox ORDER BY key")
    assert [tuple(row) for row in rows] == [("a", GIVEN), ("b", None), ("c", None)]


async def test_the_entry_of_an_input_names_its_trace_and_no_other_entry_does(database: Database) -> None:
    async with running(database) as spine:
        await spine.inbox.append([Submission("portal", "traced", a_fact("traced"), GIVEN)])
        await spine.tell(a_fact("plain"), "plain")

        async def decided() -> list[Entry] | None:
            async with database.pool.acquire() as connection:
                found = [one async for one in entries(connection, "main")]
            return found if sum(one.kind == "MessageReceived" for one in found) == 2 else None

        found = await eventually(decided, what="both to be decided")
    named = [one.body for one in found if b"traceparent" in one.body]
    assert len(named) == 1
    assert b"ct_traced" in named[0]
    assert GIVEN.encode() in named[0]


@pytest.mark.parametrize("table", ["inbox", "delivery"])
@pytest.mark.parametrize("wrong", ["le.thi.binh@example.vn", "0912345678", GIVEN.upper(), GIVEN + "-x", ""])
async def test_the_database_takes_no_text_for_a_trace(database: Database, table: str, wrong: str) -> None:
    row = {
        "inbox": "INSERT INTO inbox (pool, source, key, body, traceparent) VALUES ('main', 's', 'k', '', $1)",
        "delivery": "INSERT INTO delivery (pool, id, position, kind, lane, target, traceparent) "
        "VALUES ('main', 'd', 1, 'webhook', 'l', 't', $1)",
    }[table]
    with pytest.raises(asyncpg.CheckViolationError):
        await database.pool.execute(row, wrong)
    await database.pool.execute(row, GIVEN)


def test_a_record_of_kafka_brings_the_trace_as_cloudevents_has_it_and_none_that_is_none() -> None:
    one = Submission("portal", "k", a_fact("k"))
    plain = record.write(one, canonical(one.body), None, 1)
    assert b"traceparent" not in plain
    assert record.read(plain).traceparent == ""
    traced = record.write(one, canonical(one.body), None, 1, GIVEN)
    assert json.loads(traced)["traceparent"] == GIVEN
    assert record.read(traced).traceparent == GIVEN
    for wrong in ("0912345678", NOT_RECORDED):
        told = record.read(traced.replace(GIVEN.encode(), wrong.encode()))
        assert (told.traceparent, told.key) == ("", "k"), "a trace that is none keeps no fact away"
