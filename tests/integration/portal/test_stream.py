"""The conversation as events: nothing missed across a break, nothing told twice."""

import asyncio
import contextlib

import httpx
import pytest

from ccc_router.channels.portal.stream import read_last_id
from ccc_router.events.facts import Attachment
from ccc_router.queues.deliveries.port import Failed, Sent
from ccc_router.queues.waits.estimate import Expected
from tests.support.portal_site import PortalSite, bearer, stream
from tests.support.waiting import until


async def test_a_reply_reaches_an_open_stream(site: PortalSite) -> None:
    ticket = await site.open("Một")
    async with site.listening() as client, stream(client, ticket) as events:
        await site.process()
        assert (await events.message())["text"] == "Một"
        assert await site.reply(ticket, "Hai") == Sent(f"{ticket['reference']}#2")
        said = await events.message()
        assert (said["number"], said["author"], said["text"]) == (2, "centre", "Hai")


async def test_a_stream_resumes_after_the_number_it_names(site: PortalSite) -> None:
    """By number, never by time: what was said while nobody listened is replayed, and only that."""
    ticket = await site.open("1")
    await site.process()
    async with site.listening() as client:
        async with stream(client, ticket) as events:
            assert (await events.message())["number"] == 1
        for text in ("2", "3", "4"):
            await site.reply(ticket, text)
        async with stream(client, ticket, after="1") as events:
            assert [(await events.message())["text"] for _ in range(3)] == ["2", "3", "4"]
        async with stream(client, ticket, after="3") as events:
            assert (await events.message())["text"] == "4"


async def test_replies_while_a_stream_is_being_opened_are_not_lost(site: PortalSite) -> None:
    ticket = await site.open("1")
    await site.process()
    async with site.listening() as client:
        sending = asyncio.gather(*(site.reply(ticket, f"reply {number}") for number in range(20)))
        async with stream(client, ticket, after="0") as events:
            said = [await events.message() for _ in range(21)]
        await sending
    assert [message["number"] for message in said] == list(range(1, 22)), "dense, in order, each once"


@pytest.mark.parametrize("after", ["", "x", "-1", "1e3", "9" * 40, "²"])
def test_a_strange_last_event_id_replays_all(after: str) -> None:
    assert read_last_id(after) == 0


async def test_a_number_from_the_future_does_not_hide_what_comes(site: PortalSite) -> None:
    ticket = await site.open("1")
    await site.process()
    async with site.listening() as client, stream(client, ticket, after="999") as events:
        assert (await events.next())["event"] == "state"
        await site.reply(ticket, "2")
        assert (await events.message())["number"] == 2


async def test_a_message_on_its_way_holds_back_those_behind_it(site: PortalSite) -> None:
    """Else a client would name a number beyond a message it never saw."""
    ticket = await site.open("1")
    await site.process()
    path = f"/portal/contacts/{ticket['reference']}/messages"
    assert (await site.http.post(path, json={"text": "2"}, headers=bearer(ticket))).json()["number"] == 2
    assert await site.reply(ticket, "3") == Sent(f"{ticket['reference']}#3")
    async with site.listening() as client, stream(client, ticket, after="1") as events:
        assert (await events.next())["data"] == {"state": "open"}, "and not message 3"
        await site.process()
        assert [(await events.message())["text"] for _ in range(2)] == ["2", "3"]


async def test_a_reply_sent_twice_has_one_place(site: PortalSite) -> None:
    ticket = await site.open("1")
    await site.process()
    assert await site.reply(ticket, "2") == await site.reply(ticket, "2") == Sent(f"{ticket['reference']}#2")
    answer = await site.http.get(f"/portal/contacts/{ticket['reference']}", headers=bearer(ticket))
    assert [message["text"] for message in answer.json()["messages"]] == ["1", "2"]


async def test_a_reply_to_nobody_fails(site: PortalSite) -> None:
    ticket = await site.open("1")
    assert await site.reply(ticket, "2") == Failed("message_gone"), "no address row yet: nothing to send to"


async def test_the_state_of_the_case_is_told_when_it_changes(site: PortalSite) -> None:
    ticket = await site.open("1")
    async with site.listening() as client, stream(client, ticket) as events:
        assert (await events.next())["data"] == {"state": "received"}
        await site.process()
        site.streams.hear("")
        await events.message()
        assert (await events.next())["data"] == {"state": "open"}
        assert (await events.next())["event"] == "waiting"
        await site.database.pool.execute("UPDATE customer_case SET state = 'resolved'")
        site.streams.hear(f"portal/{ticket['reference']}")
        assert (await events.next())["data"] == {"state": "resolved"}


async def test_a_ticket_has_five_streams_at_most(site: PortalSite) -> None:
    ticket = await site.open("1")
    async with site.listening() as client:
        async with contextlib.AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(stream(client, ticket)) for _ in range(5)]
            for events in opened:
                await events.next()
            path = f"/portal/contacts/{ticket['reference']}/stream"
            assert (await client.get(path, headers=bearer(ticket))).status_code == 429
        await until(lambda: not site.streams._events, what="the streams are given up")


async def test_closing_ends_every_stream_at_once(site: PortalSite) -> None:
    """I17: nobody's stream holds up a stop."""
    ticket = await site.open("1")
    async with (
        site.listening() as client,
        client.stream("GET", f"/portal/contacts/{ticket['reference']}/stream", headers=bearer(ticket)) as response,
    ):
        chunks = response.aiter_bytes()
        await anext(chunks)
        site.streams.close()
        with pytest.raises(StopAsyncIteration):
            while True:
                await anext(chunks)


async def test_files_of_the_conversation_are_downloads(site: PortalSite) -> None:
    ticket = await site.open("1")
    await site.process()
    await site.database.pool.execute(
        "INSERT INTO blob (sha256, media_type, size, bytes) VALUES ('ab', 'image/png', 3, 'abc')"
    )
    file = Attachment("at_answer", "Kết quả.png", "image/png", 3, "ab")
    await site.reply(ticket, "2", (file,))
    here = f"/portal/contacts/{ticket['reference']}"
    answer = await site.http.get(f"{here}/files/at_answer", headers=bearer(ticket))
    assert (answer.status_code, answer.content) == (200, b"abc")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''K%E1%BA%BFt%20qu%E1%BA%A3.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await site.http.get(f"{here}/files/at_other", headers=bearer(ticket))).status_code == 404


async def test_hidden_and_erased_messages_are_not_shown(site: PortalSite) -> None:
    ticket = await site.open("1")
    await site.process()
    await site.reply(ticket, "2")
    await site.reply(ticket, "3")
    await site.database.pool.execute("UPDATE message SET erased = true WHERE text = '2'")
    here = f"/portal/contacts/{ticket['reference']}"
    said = (await site.http.get(here, headers=bearer(ticket))).json()["messages"]
    assert [message["text"] for message in said] == ["1", "3"]


async def test_a_stream_needs_the_token(site: PortalSite) -> None:
    ticket = await site.open("1")
    async with site.listening() as client:
        answer: httpx.Response = await client.get(f"/portal/contacts/{ticket['reference']}/stream")
    assert answer.status_code == 401


async def test_r26_the_visitor_is_told_his_place_and_how_long_he_still_waits(site: PortalSite) -> None:
    ticket = await site.open("1")
    assert (await site.http.get(f"/portal/contacts/{ticket['reference']}", headers=bearer(ticket))).json()[
        "waiting"
    ] is None
    await site.process()
    site.expected = Expected(3, 2.0, (61_000, 119_000, 200_000))
    shown = (await site.http.get(f"/portal/contacts/{ticket['reference']}", headers=bearer(ticket))).json()["waiting"]
    assert shown == {"position": 3, "p20_s": 70, "p50_s": 120, "p80_s": 240, "unknown": "", "opens_at": None}
    async with site.listening() as client, stream(client, ticket) as events:
        await events.message()
        assert (await events.next())["event"] == "state"
        assert await events.next() == {"event": "waiting", "data": shown}
        site.expected = Expected(2, 1.0, (61_000, 119_000, 200_000))
        site.streams.hear("")
        assert (await events.next())["data"]["position"] == 2
        site.expected = Expected(1, unknown="closed", opens_at=1_772_384_400_000)
        site.streams.hear("")
        closed = (await events.next())["data"]
        assert (closed["unknown"], closed["p50_s"], closed["opens_at"]) == ("closed", None, "2026-03-01T17:00:00.000Z")
        await site.database.pool.execute("UPDATE contact SET state = 'active', agent_id = 'an', due = 0")
        site.streams.hear("")
        assert await events.next() == {"event": "waiting", "data": None}
