"""The SMTP listener: our mail server hands mails over, and is told 250 only when they are durable.

Meant for the loopback side of a real mail server, which keeps a queue, offers TLS to the world and checks SPF, DKIM and DMARC.
Whatever goes wrong here is 451: the mail then stays in that server's queue and comes again. A mail is let in before any of it is read, by
the size that its sender says (RFC 1870); one for which there is no room in memory is 452, a connection too many 421 (I14).
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import AnyStr, Final, Self

import msgspec
from aiosmtpd.smtp import SMTP, Envelope, Session

from ccc_router.channels.channel import Adapter, Request
from ccc_router.channels.email.inbound.facts import ENVELOPE_FROM, ENVELOPE_TO, HOP
from ccc_router.channels.email.mailbox import mailbox_of
from ccc_router.channels.email.mime.headers import valid_address
from ccc_router.channels.email.rooms import Rooms
from ccc_router.channels.intake import Intake
from ccc_router.kernel import crashing
from ccc_router.kernel.admission import Gate
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import CccError, TooMany, Unavailable
from ccc_router.kernel.log import get_logger
from ccc_router.routing.policy import Endpoint

_log = get_logger("channels.email")

LATER: Final = "451 4.3.0 Cannot take mail now, try again later"
_UNKNOWN: Final = "550 5.1.1 No such mailbox here"
_NO_ROOM: Final = "452 4.3.1 No room for a mail of that size now, try again later"
_BUSY: Final = "421 4.3.2 Too many connections, try again later"
_TAKEN: Final = "250 2.0.0 Taken"
_LONGEST_LINE: Final = 256 * 1024
_MOST_RECIPIENTS: Final = 50
_ON_THE_WIRE: Final = 1.45
_CROWD: Final = 5
"""So many times the connections that are served are answered at all; more are told so and closed."""
_SLACK: Final = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """What a connection may do. ``bytes`` is the size of one mail on the wire; ``networks`` are those of our own mail servers."""

    bytes: int = 36 * 1024 * 1024
    connections: int = 20
    idle_s: float = 60.0
    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    @classmethod
    def of_files(cls, size: int) -> Self:
        """For mails with up to ``size`` bytes of files: on the wire base 64 and its line ends come on top."""
        return cls(bytes=int(size * _ON_THE_WIRE))


class _Protocol(SMTP):
    """One connection. Lines may be longer than the standard's 1000 octets: real senders write such."""

    line_length_limit = _LONGEST_LINE

    def __init__(self, desk: "_Desk", limits: Limits, hostname: str) -> None:
        super().__init__(
            desk,
            data_size_limit=limits.bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="ESMTP",
            timeout=limits.idle_s,
            command_call_limit={"DATA": 1000, "RCPT": 10_000, "MAIL": 1000, "RSET": 1000, "*": 100},
            loop=asyncio.get_running_loop(),
        )
        self._desk = desk
        self._unanswered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._desk.open.add(self)
        if self._desk.crowded and isinstance(transport, asyncio.Transport):
            transport.write(f"{_BUSY}\r\n".encode())
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._desk.open.discard(self)
        self._desk.rooms.give(self)
        super().connection_lost(error)

    def _set_post_data_state(self) -> None:
        """However a mail ended (taken, refused, RSET, another EHLO), its room is free. The library's name."""
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._desk.rooms.give(self)

    def data_received(self, data: bytes) -> None:
        """The library collects a line without end for ever; here it ends with the connection, as does a mail of twice the size it said."""
        self._unanswered += len(data)
        if self._unanswered > 2 * self._desk.rooms.of(self) + _SLACK and isinstance(self.transport, asyncio.Transport):
            self.transport.abort()
            return
        super().data_received(data)

    async def push(self, status: AnyStr) -> None:
        self._unanswered = 0
        taken = status == _TAKEN
        if taken:
            crashing.before(Site.MAIL_TAKEN)
        await super().push(status)
        if taken:
            crashing.after(Site.MAIL_TAKEN)


class _Desk:
    """What the library asks at each step."""

    def __init__(
        self,
        intake: Intake,
        adapter: Adapter,
        endpoints: Callable[[], Iterable[Endpoint]],
        clock: Clock,
        limits: Limits,
        rooms: Rooms,
    ) -> None:
        self._intake = intake
        self._adapter = adapter
        self._endpoints = endpoints
        self._clock = clock
        self._networks = tuple(map(ipaddress.ip_network, limits.networks))
        self._most = limits.connections
        self.rooms = rooms
        self.open: set[_Protocol] = set()
        self.taking: set[_Protocol] = set()
        self.idle = asyncio.Event()
        self.closing = False

    @property
    def crowded(self) -> bool:
        """Whether there are so many connections that one more is not even heard."""
        return len(self.open) > _CROWD * self._most

    async def handle_MAIL(  # noqa: N802 - the library's names and arguments, here and below
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """Take the sender; ``<>`` is fine, a bounce has it."""
        if self.closing or len(self.open) > self._most:
            return _BUSY
        try:
            self.rooms.take(server, str(session.peer[0]) if session.peer else "", options)
        except (TooMany, Unavailable) as error:
            _log.warning("smtp_later", code=error.code)
            return _NO_ROOM
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        """Take a recipient that is one of our mailboxes, with or without a plus-part."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        try:
            endpoints = list(self._endpoints())
        except CccError:
            return LATER
        if not endpoints:
            return LATER  # the catalogue is not read yet
        if self._endpoint_of(address, endpoints) is None:
            return _UNKNOWN
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail once for each mailbox it is for. 250 when all of it is durable, else the whole mail comes again."""
        if not isinstance(server, _Protocol):
            return LATER
        self.taking.add(server)
        try:
            return await self._take(session, envelope)
        finally:
            self.taking.discard(server)
            self.idle.set()

    async def handle_exception(self, error: Exception) -> str:
        """A fault of ours is no fault of the mail: it comes again."""
        _log.error("smtp_failed", error=type(error).__name__)
        return LATER

    async def _take(self, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        if not isinstance(content, bytes) or not content.strip():
            return "554 5.6.0 Empty mail"
        by_endpoint: dict[str, tuple[Endpoint, list[str]]] = {}
        endpoints = list(self._endpoints())
        for address in envelope.rcpt_tos:
            endpoint = self._endpoint_of(address, endpoints)
            if endpoint is None:
                return LATER  # it went away since RCPT; the next try is told so
            by_endpoint.setdefault(endpoint.id, (endpoint, []))[1].append(address)
        try:
            for endpoint, recipients in by_endpoint.values():
                request = self._request(session, envelope, endpoint, recipients, content)
                await self._intake.accept(endpoint, request, self._adapter)
        except (Unavailable, TooMany) as error:
            _log.warning("smtp_later", code=error.code)
            return LATER
        return _TAKEN

    def _request(
        self, session: Session, envelope: Envelope, endpoint: Endpoint, recipients: list[str], content: bytes
    ) -> Request:
        sender = (envelope.mail_from or "").strip("<>")  # the library gives the null sender with its brackets
        headers = {
            ENVELOPE_FROM: f"<{sender}>" if not sender or valid_address(sender) else "<invalid>",
            ENVELOPE_TO: ",".join(filter(valid_address, recipients)),
        }
        if not self._is_ours(session):
            headers[HOP] = "untrusted"
        return Request(
            method="SMTP", path=f"/{endpoint.id}", headers=headers, body=content, received_at=self._clock.now_ms()
        )

    def _is_ours(self, session: Session) -> bool:
        try:
            peer = ipaddress.ip_address(session.peer[0] if session.peer else "")
        except (ValueError, IndexError):
            return False
        return any(peer in network for network in self._networks)

    @staticmethod
    def _endpoint_of(address: str, endpoints: Iterable[Endpoint]) -> Endpoint | None:
        return next((one for one in endpoints if one.channel == "email" and mailbox_of(one).owns(address)), None)


class SmtpListener:
    """Listens until closed. ``endpoints`` gives those of the catalogue in force; ``port`` 0 takes any free one."""

    def __init__(
        self,
        intake: Intake,
        adapter: Adapter,
        endpoints: Callable[[], Iterable[Endpoint]],
        clock: Clock,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        hostname: str = "localhost",
        limits: Limits | None = None,
        memory: Gate | None = None,
    ) -> None:
        """``memory`` counts the bytes of mails under way by who brings them; none: as many as the connections may bring."""
        self._limits = limits or Limits()
        memory = memory or Gate(2 * self._limits.connections * self._limits.bytes)
        rooms = Rooms(memory, self._limits.bytes)
        self._desk = _Desk(intake, adapter, endpoints, clock, self._limits, rooms)
        self._clock = clock
        self._host = host
        self._port = port
        self._hostname = hostname
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 when it does not."""
        sockets = self._server.sockets if self._server is not None else ()
        return int(sockets[0].getsockname()[1]) if sockets else 0

    async def start(self) -> None:
        """Begin to listen. Raises OSError when the address is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Protocol(self._desk, self._limits, self._hostname), self._host, self._port
        )

    async def close(self, drain_s: float = 5.0) -> None:
        """Stop listening, let mails that are being taken end within ``drain_s`` seconds, cut the rest (they come again)."""
        if self._server is None:
            return
        self._desk.closing = True
        self._server.close()
        for connection in self._desk.open - self._desk.taking:
            _cut(connection)
        deadline = self._clock.monotonic() + drain_s
        while self._desk.taking and (left := deadline - self._clock.monotonic()) > 0:
            self._desk.idle.clear()
            await self._clock.wait(self._desk.idle, left)
        for connection in set(self._desk.open):
            _cut(connection)
        await self._server.wait_closed()
        self._server = None


def _cut(connection: SMTP) -> None:
    if connection.transport is not None:
        connection.transport.close()
