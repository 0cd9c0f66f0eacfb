"""A small IMAP server: one account, folders of mails with UIDs, and counters of what clients asked."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Folder:
    """Mails by UID. ``seen`` are those a client marked as read."""

    validity: int = 1
    mails: dict[int, bytes] = field(default_factory=dict)
    following: int = 1
    seen: set[int] = field(default_factory=set)
    old: set[int] = field(default_factory=set)

    def add(self, raw: bytes, *, old: bool = False) -> int:
        """A new mail; ``old`` ones are not found by SINCE."""
        uid = self.following
        self.mails[uid] = raw
        self.following += 1
        if old:
            self.old.add(uid)
        return uid

    def renumber(self) -> None:
        """What a server does that lost its index."""
        self.validity += 1
        mails = list(self.mails.values())
        self.mails = dict(enumerate(mails, 1))
        self.following = len(mails) + 1
        self.old = set()


@dataclass
class FakeImap:
    """``password`` is what LOGIN must give."""

    password: str = "imap-password"
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})
    fetched: list[int] = field(default_factory=list)
    port: int = 0
    vanish_after: int = -1
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def inbox(self) -> Folder:
        """The usual folder."""
        return self.folders["INBOX"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._open.add(writer)
        session = _Session(self, writer)
        writer.write(b"* OK fake IMAP\r\n")
        try:
            while line := await reader.readline():
                if not await session.answer(line.decode().strip()):
                    break
        except ConnectionError:
            return
        finally:
            self._open.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Close every connection."""
        for writer in self._open:
            writer.close()


class _Session:
    def __init__(self, server: FakeImap, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._writer = writer
        self._folder: Folder | None = None

    async def answer(self, line: str) -> bool:
        tag, _, rest = line.partition(" ")
        verb, _, arguments = rest.partition(" ")
        if verb.upper() == "UID":
            verb, _, arguments = arguments.partition(" ")
        done = getattr(self, f"_{verb.lower()}", self._unknown)(arguments)
        if done is None:
            return False
        self._writer.write(f"{tag} {done}\r\n".encode())
        await self._writer.drain()
        return verb.upper() != "LOGOUT"

    def _unknown(self, _: str) -> str:
        return "BAD what"

    def _capability(self, _: str) -> str:
        self._writer.write(b"* CAPABILITY IMAP4rev1\r\n")
        return "OK done"

    def _login(self, arguments: str) -> str:
        return "OK done" if arguments.endswith(f'"{self._server.password}"') else "NO wrong password"

    def _logout(self, _: str) -> str:
        self._writer.write(b"* BYE\r\n")
        return "OK done"

    def _noop(self, _: str) -> str:
        return "OK done"

    def _status(self, arguments: str) -> str:
        name = arguments.split()[0].strip('"')
        folder = self._server.folders[name]
        self._writer.write(f'* STATUS "{name}" (UIDVALIDITY {folder.validity} UIDNEXT {folder.following})\r\n'.encode())
        return "OK done"

    def _examine(self, arguments: str) -> str:
        self._folder = self._server.folders[arguments.strip('"')]
        self._writer.write(f"* {len(self._folder.mails)} EXISTS\r\n".encode())
        return "OK [READ-ONLY] done"

    def _select(self, arguments: str) -> str:
        self._examine(arguments)
        return "OK [READ-WRITE] done"

    def _search(self, arguments: str) -> str:
        """``n:*`` names the last mail even when its UID is below n, as the standard says."""
        folder = self._folder or Folder()
        first = int(re.findall(r"UID (\d+):\*", arguments)[0])
        found = {uid for uid in folder.mails if uid >= first} | ({max(folder.mails)} if folder.mails else set())
        if "SINCE" in arguments:
            found -= folder.old
        self._writer.write(f"* SEARCH {' '.join(map(str, sorted(found)))}\r\n".encode())
        return "OK done"

    def _fetch(self, arguments: str) -> str | None:
        folder = self._folder or Folder()
        uid = int(arguments.split()[0])
        raw = folder.mails.get(uid)
        if raw is None:
            return "OK done"
        if "RFC822.SIZE" in arguments:
            self._writer.write(f"* 1 FETCH (UID {uid} RFC822.SIZE {len(raw)})\r\n".encode())
            return "OK done"
        if self._server.vanish_after == len(self._server.fetched):
            return None
        self._server.fetched.append(uid)
        if "BODY[" in arguments:
            folder.seen.add(uid)
        self._writer.write(f"* 1 FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        return "OK done"


@asynccontextmanager
async def imap_server() -> AsyncIterator[FakeImap]:
    """A server that listens on loopback as long as the block runs."""
    fake = FakeImap()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        fake.cut()
