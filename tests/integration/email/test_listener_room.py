"""What mails under way may take of our memory, and connections of our attention (I14)."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator

import pytest

from ccc_router.channels.email.listener import Limits, SmtpListener
from ccc_router.kernel.admission import Gate, Refusal
from tests.integration.email.test_listener import a_site, hand_over, listening, with_client
from tests.support import mails
from tests.support.waiting import until


@contextlib.asynccontextmanager
async def connected(listener: SmtpListener) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that speaks for itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_i14_a_mail_without_room_is_452_before_it_is_read_and_taken_once_there_is_some() -> None:
    refused: list[Refusal] = []
    memory = Gate(170_000, refused=refused.append)
    site = a_site()
    async with (
        listening(site, limits=Limits(bytes=70_000), memory=memory) as listener,
        connected(listener) as (reader, writer),
    ):

        async def say(line: str, *, answers: str) -> None:
            writer.write(f"{line}\r\n".encode())
            while not (answer := await reader.readline()).startswith(answers.encode()):
                assert answer[3:4] == b"-" or answer.startswith(b"220"), answer

        await say("EHLO mx.bhxh.example.vn", answers="250 ")
        await say("MAIL FROM:<khach@example.com>", answers="250 ")
        assert memory.under_way == 70_000, "it said no size"

        def too_large(client: smtplib.SMTP) -> int:
            client.ehlo()
            return client.mail("a@b.vn", ["size=40000"])[0]

        assert await with_client(listener, too_large) == 452
        assert refused == [Refusal.PARTY]
        assert (await with_client(listener, lambda one: (one.ehlo(), one.mail("a@b.vn", ["size=9000"]))[1]))[0] == 250
        await until(lambda: memory.under_way == 70_000, what="a connection that is gone to give back its room")
        await say("RSET", answers="250 ")
        assert memory.under_way == 0
        await say("MAIL FROM:<> SIZE=50000", answers="250 ")
        await say("EHLO mx.bhxh.example.vn", answers="250 ")
        assert memory.under_way == 0
        assert (await with_client(listener, hand_over(mails.a_mail())))[0] == 250
    assert memory.under_way == 0
    assert len(site.inbox.inputs) == 1


async def test_i14_a_mail_of_twice_the_size_it_said_ends_its_connection() -> None:
    """Whoever says little to be let in with much."""
    async with (
        listening(a_site(), limits=Limits(bytes=30_000_000)) as listener,
        connected(listener) as (reader, writer),
    ):
        await reader.readline()
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.vn> SIZE=1000\r\nRCPT TO:<cskh@bhxh.example.vn>\r\nDATA\r\n")
        sent = 0
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            while sent < 20_000_000:
                writer.write(b"x" * 998 + b"\r\n")
                sent += 1000
                await writer.drain()
            await reader.readuntil(b"never")
        assert sent < 20_000_000


async def test_i14_a_crowd_of_connections_is_told_so_and_closed() -> None:
    async with contextlib.AsyncExitStack() as stack:
        listener = await stack.enter_async_context(listening(a_site(), limits=Limits(connections=1)))
        for _ in range(5):
            reader, _writer = await stack.enter_async_context(connected(listener))
            assert (await reader.readline()).startswith(b"220 ")
        late, _writer = await stack.enter_async_context(connected(listener))
        assert (await late.readline()).startswith(b"421 ")
        assert await late.read() == b"", "closed, and not greeted as well"
