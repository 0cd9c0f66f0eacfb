"""A mail relay that keeps what it is given and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG = "hang"
DROP = "drop"


@dataclass
class Taken:
    """A mail as it came over the wire (dots unstuffed)."""

    sender: str
    recipients: list[str]
    raw: bytes


@dataclass
class FakeRelay:
    """``answers`` overrides what is said to EHLO, MAIL, RCPT, DATA and at the end of the body (``END``): a line, HANG or DROP."""

    answers: dict[str, str] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    bodies: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._open.add(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mail = Taken("", [], b"")
        if not await self._say(writer, "HELLO", "220 relay.example ESMTP"):
            return
        while line := (await reader.readline()).decode("latin-1").strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    ok = await self._say(writer, "EHLO", "250-relay.example\r\n250-8BITMIME\r\n250 SIZE 50000000")
                case "MAIL":
                    mail = Taken(_address(rest), [], b"")
                    ok = await self._say(writer, "MAIL", "250 OK")
                case "RCPT":
                    mail.recipients.append(_address(rest))
                    ok = await self._say(writer, "RCPT", "250 OK")
                case "DATA":
                    ok = await self._say(writer, "DATA", "354 go on")
                    if ok and "DATA" not in self.answers:
                        mail.raw = await self._body(reader)
                        ok = await self._end(writer, mail)
                case "QUIT":
                    await self._say(writer, "QUIT", "221 bye")
                    return
                case _:
                    ok = await self._say(writer, verb, "250 OK")
            if not ok:
                return

    async def _body(self, reader: asyncio.StreamReader) -> bytes:
        lines = []
        while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        self.bodies += 1
        return b"".join(lines)

    async def _end(self, writer: asyncio.StreamWriter, mail: Taken) -> bool:
        if self.answers.get("END", "2").startswith("2"):
            self.taken.append(mail)
            self.arrived.set()
        return await self._say(writer, "END", "250 taken")

    async def _say(self, writer: asyncio.StreamWriter, phase: str, usual: str) -> bool:
        answer = self.answers.get(phase, usual)
        if answer == HANG:
            await asyncio.Event().wait()
        if answer == DROP:
            return False
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        return True

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._open:
            writer.close()


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


@asynccontextmanager
async def relay(**answers: str) -> AsyncIterator[FakeRelay]:
    """A relay that listens on loopback as long as the block runs."""
    fake = FakeRelay(answers)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, limit=2**20)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        fake.cut()
