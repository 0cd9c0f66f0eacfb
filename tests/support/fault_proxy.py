"""A TCP proxy between two parts that spoils the connection as it is told, also while bytes are under way.

async with a_proxy(("127.0.0.1", 5432)) as proxy:
    proxy.faults = Faults(swallow=BOTH)   # half-open: accepted, and never heard of again
    proxy.faults = Faults()               # the network is well; what was swallowed stays lost
    proxy.cut()                           # every connection is reset now
    await proxy.refuse()                  # nobody listens
    await proxy.listen()                  # at the same port again
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ccc_router.kernel.tasks import Tasks

Way = Literal["there", "back"]
"""From the client to the target, and from the target to the client."""

BOTH: Final[frozenset[Way]] = frozenset({"there", "back"})
_CHUNK: Final = 16_384
_TICK_S: Final = 0.02
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: what is not sent is thrown away and the other side is told RST


@dataclass(frozen=True)
class Faults:
    """``delay_s`` before each piece; ``swallow`` what goes these ways; ``bytes_per_s`` each way, 0 is no limit, and so slowly it is read
    too; ``reset_after`` so many bytes of a connection, both ways counted."""

    delay_s: float = 0.0
    swallow: frozenset[Way] = frozenset()
    bytes_per_s: int = 0
    reset_after: int | None = None


@dataclass(eq=False)
class _Connection:
    """Two ends. ``lost`` are the ways on which something was swallowed: a stream with a hole never goes on."""

    client: asyncio.StreamWriter
    target: asyncio.StreamWriter
    passed: int = 0
    lost: set[Way] = field(default_factory=set)

    def reset(self) -> None:
        """Both ends are told that it is over."""
        for writer in (self.client, self.target):
            end = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                if end.family != socket.AF_UNIX:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()


class FaultProxy:
    """Listens on loopback, at ``port`` or any, for one target: host and port, or the path of a socket."""

    def __init__(self, target: tuple[str, int] | str, port: int = 0) -> None:
        self.target = target
        self.faults = Faults()
        self.port = port
        self.accepted = 0
        self.swallowed = 0
        self.resets = 0
        self._open: set[_Connection] = set()
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Take connections, at the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_CHUNK)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def refuse(self) -> None:
        """Nobody listens any more; connections that are there stay."""
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def cut(self) -> None:
        """Reset every connection."""
        for one in tuple(self._open):
            self.resets += 1
            one.reset()

    @property
    def spoilt(self) -> bool:
        """Whether it did any harm yet."""
        return self.resets + self.swallowed > 0

    async def close(self) -> None:
        """Stop for good."""
        await self.refuse()
        self.cut()
        await self._tasks.close(0)

    def dsn(self, dsn: str) -> str:
        """The same database, by way of this proxy."""
        parts = urlsplit(dsn)
        who, _, _ = parts.netloc.rpartition("@")
        query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name not in {"host", "port"}])
        return urlunsplit(parts._replace(netloc=f"{who}@127.0.0.1:{self.port}", query=query))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            if isinstance(self.target, str):
                behind, target = await asyncio.open_unix_connection(self.target, limit=_CHUNK)
            else:
                behind, target = await asyncio.open_connection(*self.target, limit=_CHUNK)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, target)
        self._open.add(connection)
        there = self._tasks.start(self._pump(connection, "there", reader, target), name="proxy-there")
        back = self._tasks.start(self._pump(connection, "back", behind, writer), name="proxy-back")
        try:
            await asyncio.wait({there, back})
        finally:
            self._open.discard(connection)
            writer.close()
            target.close()

    async def _pump(
        self, connection: _Connection, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            while data := await reader.read(self._piece()):
                await self._pass(connection, way, data, writer)
            if way not in connection.lost and way not in self.faults.swallow and writer.can_write_eof():
                writer.write_eof()

    def _piece(self) -> int:
        rate = self.faults.bytes_per_s
        return max(1, int(rate * _TICK_S)) if rate else _CHUNK

    async def _pass(self, connection: _Connection, way: Way, data: bytes, writer: asyncio.StreamWriter) -> None:
        faults = self.faults
        if way in connection.lost or way in faults.swallow:
            connection.lost.add(way)
            self.swallowed += len(data)
            return
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        if faults.bytes_per_s:
            await asyncio.sleep(len(data) / faults.bytes_per_s)
        left = len(data) if faults.reset_after is None else max(0, faults.reset_after - connection.passed)
        writer.write(data[:left])
        connection.passed += len(data)
        await writer.drain()
        if left < len(data):
            self.resets += 1
            connection.reset()


def address_of(dsn: str) -> tuple[str, int] | str:
    """Where a PostgreSQL listens: its socket's path, or host and port."""
    parts = urlsplit(dsn)
    given = dict(parse_qsl(parts.query))
    host, port = given.get("host", parts.hostname or "127.0.0.1"), int(given.get("port", parts.port or 5432))
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


@asynccontextmanager
async def a_proxy(target: tuple[str, int] | str, port: int = 0) -> AsyncIterator[FaultProxy]:
    """A proxy that listens as long as the block runs."""
    proxy = FaultProxy(target, port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
