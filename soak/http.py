"""An HTTP/1.1 client that costs little: kept connections, one request at a time on each, and an honest account of what went wrong."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

_END: Final = b"\r\n\r\n"
_CONNECT_S: Final = 3.0


class Refused(Exception):
    """Nobody listens: the request was surely not taken."""


class Cut(Exception):
    """The connection broke after the request went out, or no answer came in time: it may have been taken."""


class Reply(NamedTuple):
    """An answer."""

    status: int
    retry_after_s: float
    body: bytes

    def json(self) -> Any:
        """The body; {} when there is none."""
        return msgspec.json.decode(self.body) if self.body else {}


class Client:
    """Asks servers on the loopback by their ports."""

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = defaultdict(list)

    async def ask(
        self, port: int, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> Reply:
        """One request. Raises Refused or Cut. A kept connection that the server had closed counts as cut: it might have read it."""
        reader, writer = await self._connection(port)
        whole = False
        try:
            async with asyncio.timeout(timeout_s):
                writer.write(_head(method, path, headers, len(body)) + body)
                reply, keep = await _read(reader)
                whole = True
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise Cut(type(error).__name__) from error
        finally:
            if not whole:
                writer.close()
        if keep:
            self._idle[port].append((reader, writer))
        else:
            writer.close()
        return reply

    def forget(self, port: int) -> None:
        """The process behind a port was ended: its connections are worth nothing."""
        for _, writer in self._idle.pop(port, []):
            writer.close()

    def close(self) -> None:
        """Close what is kept."""
        for port in list(self._idle):
            self.forget(port)

    async def _connection(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        kept = self._idle[port]
        while kept:
            reader, writer = kept.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await asyncio.open_connection("127.0.0.1", port)
        except (OSError, TimeoutError) as error:
            raise Refused(type(error).__name__) from error


def _head(method: str, path: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + _END


async def _read(reader: asyncio.StreamReader) -> tuple[Reply, bool]:
    """An answer, and whether the connection may be kept."""
    head = (await reader.readuntil(_END)).lower()
    length = _number(head, b"\r\ncontent-length:")
    body = await reader.readexactly(int(length)) if length else b""
    keep = b"\r\nconnection: close" not in head and b"\r\ntransfer-encoding" not in head
    return Reply(int(head[9:12]), _number(head, b"\r\nretry-after:"), body), keep


def _number(head: bytes, name: bytes) -> float:
    at = head.find(name)
    with contextlib.suppress(ValueError):
        return float(head[at + len(name) : head.index(b"\r", at + len(name))]) if at >= 0 else 0.0
    return 0.0
