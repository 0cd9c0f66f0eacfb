"""I14: who reads too slowly, or not at all, costs a bounded memory and is dropped; he comes again and gets the whole picture."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope

from ccc_router.agents.store.records import Entry
from ccc_router.agents.waiting.follower import MOST_UNTOLD, Follower
from ccc_router.rest.streams import EventStream
from tests.support.fake_clock import FakeClock


class Journal:
    """A journal in which every entry is about another contact."""

    def __init__(self) -> None:
        self.last = 0

    async def head(self) -> int:
        return 0

    async def journal(self, *, after: int, limit: int) -> list[Entry]:
        numbers = range(after + 1, min(self.last, after + limit) + 1)
        return [
            Entry(number, 0, number, 2, "ContactOpened", json.dumps({"contact_id": f"ct_{number}"}).encode())
            for number in numbers
        ]


async def nothing() -> dict[str, object]:
    return {}


async def caught_up(follower: Follower) -> None:
    while await follower.loop.run_once():
        pass


async def test_i14_a_stream_that_is_not_read_is_dropped_at_a_bound() -> None:
    journal = Journal()
    follower = Follower(journal, FakeClock())  # type: ignore[arg-type]
    slow = await follower.stream("an", 5, nothing, lambda _touched, _parts: True)
    assert b"snapshot" in await anext(slow)
    journal.last = MOST_UNTOLD
    await caught_up(follower)
    [news] = follower._streams
    assert (len(news.touched), news.over) == (MOST_UNTOLD, False)
    journal.last += 1
    await caught_up(follower)
    assert (news.touched, news.over) == (set(), True)
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    assert follower.listeners == 0


async def test_i14_a_client_that_leaves_what_was_sent_unread_is_cut_off() -> None:
    """The server's buffer is full, so sending waits: after its time the answer ends, and with it what it holds."""
    ended = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b": more\n\n"
        finally:
            ended.set()

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 3:
            await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    scope: Scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "method": "GET", "path": "/"}
    with pytest.raises(ClientDisconnect):
        await EventStream(events(), stalled_s=0.01)(scope, receive, send)
    assert len(sent) == 4
