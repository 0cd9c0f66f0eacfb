"""The proxy does to a connection what it says, so that what is proved behind it is proved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg
import pytest

from tests.support.fault_proxy import BOTH, FaultProxy, Faults, Way, a_proxy, address_of
from tests.support.waiting import until

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def an_echo() -> AsyncIterator[FaultProxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with a_proxy(server.sockets[0].getsockname()[:2]) as proxy:
        yield proxy
    server.close()


async def connect(proxy: FaultProxy) -> Ends:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def say(ends: Ends, text: bytes) -> None:
    ends[1].write(text)
    await ends[1].drain()


async def test_it_passes_everything_both_ways_and_the_end() -> None:
    async with an_echo() as proxy:
        reader, writer = ends = await connect(proxy)
        await say(ends, b"x" * 200_000)
        assert await reader.readexactly(200_000) == b"x" * 200_000
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()


async def test_it_delays_and_slows_down() -> None:
    async with an_echo() as proxy:
        ends = await connect(proxy)
        proxy.faults = Faults(delay_s=0.05)
        began = monotonic()
        await say(ends, b"hello")
        await ends[0].readexactly(5)
        assert monotonic() - began >= 0.1, "there and back"
        proxy.faults = Faults(bytes_per_s=10_000)
        began = monotonic()
        await say(ends, b"x" * 1_000)
        await ends[0].readexactly(1_000)
        assert monotonic() - began >= 0.09
        ends[1].close()


@pytest.mark.parametrize("swallow", [BOTH, frozenset({"there"}), frozenset({"back"})])
async def test_half_open_is_accepted_and_never_heard_of_again(swallow: frozenset[Way]) -> None:
    async with an_echo() as proxy:
        old = await connect(proxy)
        await say(old, b"a")
        assert await old[0].readexactly(1) == b"a"
        proxy.faults = Faults(swallow=swallow)
        new = await connect(proxy)
        for ends in (old, new):
            await say(ends, b"b")
        await until(lambda: proxy.swallowed >= 2, what="both to be swallowed")
        proxy.faults = Faults()
        well = await connect(proxy)
        await say(well, b"c")
        assert await well[0].readexactly(1) == b"c"
        await say(old, b"d")
        await until(lambda: proxy.swallowed >= 3, what="the hole to stay")
        for ends in (old, new, well):
            ends[1].close()


async def test_it_cuts_and_refuses_and_listens_again() -> None:
    async with an_echo() as proxy:
        ends = await connect(proxy)
        await say(ends, b"a")
        await ends[0].readexactly(1)
        proxy.cut()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await ends[0].readexactly(1)
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await connect(proxy)
        await proxy.listen()
        ends = await connect(proxy)
        await say(ends, b"b")
        assert await ends[0].readexactly(1) == b"b"
        ends[1].close()


async def test_it_resets_after_so_many_bytes() -> None:
    async with an_echo() as proxy:
        proxy.faults = Faults(reset_after=10)
        ends = await connect(proxy)
        await say(ends, b"12345678")
        assert len(await ends[0].read(8)) == 2, "8 there and 2 back"
        with pytest.raises(ConnectionResetError):
            await ends[0].read(8)
        ends[1].close()


async def test_a_database_is_reached_through_it(dsn: str) -> None:
    async with a_proxy(address_of(dsn)) as proxy:
        connection = await asyncpg.connect(proxy.dsn(dsn))
        assert await connection.fetchval("SELECT current_database()") in dsn
        proxy.cut()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await connection.fetchval("SELECT 1")
