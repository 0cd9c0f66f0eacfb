"""A department's system for tests: a real HTTP server that checks signatures with the ``standardwebhooks`` library.

It behaves as it is told: answers, hangs, cuts the connection, redirects, lies about lengths or never stops talking.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()


@dataclass(frozen=True)
class Received:
    """A request as it came. ``event`` is set when its signature was good."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    event: dict[str, Any] | None

    @property
    def webhook_id(self) -> str:
        """The id of the delivery."""
        return self.headers["webhook-id"]


@dataclass(frozen=True)
class Behaviour:
    """What it does with a request: bytes to answer with, whether it then hangs, whether it reads at all."""

    answer: bytes = b""
    hang: bool = False


def answers(status: int, *headers: str, body: bytes = b"") -> Behaviour:
    """An ordinary answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return Behaviour("\r\n".join(lines).encode() + body)


OK = answers(204)
HANGS = Behaviour(hang=True)
CUTS_AT_ONCE = Behaviour()
CUTS_IN_THE_HEAD = Behaviour(b"HTTP/1.1 200 OK\r\nContent-Le")
CUTS_IN_THE_BODY = Behaviour(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
HANGS_IN_THE_BODY = Behaviour(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this", hang=True)
TALKS_TOO_MUCH = Behaviour(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
SPEAKS_NO_HTTP = Behaviour(b"220 mail.example.org ESMTP\r\n")
ENDLESS_HEADERS = Behaviour(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: yes\r\n" * 50_000)


@dataclass
class FakeDepartment:
    """The server. ``behave`` decides by the number of the request (1 is the first) and the request."""

    behave: Callable[[int, Received], Behaviour] = lambda _number, _request: OK
    secret: str = SECRET
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks/ccc"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What came with a good signature."""
        return [one.event for one in self.received if one.event is not None]

    @contextlib.asynccontextmanager
    async def running(self) -> "AsyncIterator[FakeDepartment]":
        """Listen on a free port of this machine."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)
        self.port = int(server.sockets[0].getsockname()[1])
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = self._read(await reader.readuntil(b"\r\n\r\n"))
            length = int(request.headers.get("content-length", "0"))
            request = self._checked(request, await reader.readexactly(length))
            self.received.append(request)
            behaviour = self.behave(len(self.received), request)
            writer.write(behaviour.answer)
            await writer.drain()
            if behaviour.hang:
                await reader.read()  # until the other side gives up
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    @staticmethod
    def _read(head: bytes) -> Received:
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Received(method, path, headers, b"", None)

    def _checked(self, request: Received, body: bytes) -> Received:
        try:
            Webhook(self.secret).verify(body, request.headers)
        except Exception:  # noqa: BLE001 - the library raises many kinds; here a bad signature is simply no event
            return Received(request.method, request.path, request.headers, body, None)
        return Received(request.method, request.path, request.headers, body, json.loads(body))
