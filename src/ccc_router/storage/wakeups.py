"""Hints: told at once to whoever listens in this process, and to the others by NOTIFY, once for many.

So a part of the service need not know whether those it tells live in its own process. A hint may be lost; whoever waits also
looks by itself every now and then. NOTIFY inside a data transaction would cost two thirds of the commits, so it is sent
afterwards, on a connection of its own; what comes back from there is passed over.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import asyncpg

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.storage import database

if TYPE_CHECKING:
    from asyncpg import Record

_log = get_logger("storage.wakeups")

CHECK_INTERVAL_S: Final = 1.0
_MOST_PENDING: Final = 1_000
_LONGEST_PAYLOAD: Final = 7_900  # the server refuses 8,000 bytes and more

Listener = Callable[[str], None]


class _OwnConnection:
    """A connection that is opened when needed and opened again after it broke."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn = dsn
        self._name = name
        self._connection: asyncpg.Connection[Record] | None = None

    async def get(self) -> "tuple[asyncpg.Connection[Record], bool]":
        """The connection, and whether it is a new one."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection, False
        self._connection = await database.connect(self._dsn, self._name)
        return self._connection, True

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                await self._connection.close(timeout=1)
            self._connection = None


class Wakeups:
    """Hears hints for everybody in this process. Run its loop under the supervisor."""

    def __init__(self, dsn: str) -> None:
        self._own = _OwnConnection(dsn, "listen")
        self._listeners: dict[str, list[Listener]] = {}
        self._heard: set[str] = set()  # channels that the connection listens to
        self._own_sender = 0  # the backend that sends what was told here already
        self.lost: list[Callable[[], Awaitable[None]]] = []
        self.loop = Loop("wakeups", self._check, CHECK_INTERVAL_S)

    def on(self, channel: str, listener: Listener) -> Callable[[], None]:
        """Call `listener(payload)` at every hint on `channel`; returns what ends that. It must be quick.

        After a lost connection every listener is called once with an empty payload: something may have been missed.
        """
        self._listeners.setdefault(channel, []).append(listener)
        self.loop.wake()
        return lambda: self._listeners[channel].remove(listener)

    def wake(self, loop: Loop, channel: str, about: str) -> None:
        """Wake a loop at every hint on `channel` whose payload is `about`, and when hints may have been lost."""
        self.on(channel, lambda payload: loop.wake() if payload in {"", about} else None)

    def event(self, channel: str) -> asyncio.Event:
        """An event that is set at every hint on `channel`; the waiter clears it."""
        event = asyncio.Event()
        self.on(channel, lambda _payload: event.set())
        return event

    async def close(self) -> None:
        """Stop listening."""
        await self._own.close()

    async def _check(self) -> None:
        try:
            connection, fresh = await self._own.get()
            if fresh:
                self._heard = set()
            for channel in self._listeners.keys() - self._heard:
                await connection.add_listener(channel, self._hear)
                self._heard.add(channel)
                self.tell(channel, "")
            await connection.fetchval("SELECT true", timeout=CHECK_INTERVAL_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _log.warning("listen_lost", error=type(error).__name__)
            await self._own.close()
            for lost in (
                self.lost
            ):  # this one is looked at every second; others that are lost with it find out when they are used
                await lost()

    def tell(self, channel: str, payload: str) -> None:
        """Call the listeners of this process."""
        for listener in tuple(self._listeners.get(channel, ())):
            listener(payload)

    def pass_over(self, pid: int) -> None:
        """What this backend sends was told here when it was handed in."""
        self._own_sender = pid

    def _hear(self, _connection: object, pid: int, channel: str, payload: object) -> None:
        if pid != self._own_sender:
            self.tell(channel, str(payload))


class Notifier:
    """Sends hints. Many for one channel and payload before the next sending are one. Run its loop under the supervisor."""

    def __init__(self, dsn: str, here: Wakeups | None = None) -> None:
        """``here`` are the listeners of this process, who are told without the detour."""
        self._own = _OwnConnection(dsn, "notify")
        self._here = here
        self._kept: dict[tuple[str, str], Callable[[], bool]] = {}
        self._pending: dict[tuple[str, str], None] = {}
        self.loop = Loop("notify", self._send, CHECK_INTERVAL_S)

    def notify(self, channel: str, payload: str = "", *, here: bool = True) -> None:
        """Tell who listens here, and the others soon; never waits, never fails. Ids only: everybody in the database can listen.

        ``here``: False when those of this process know it already.

        Raises ValueError for a payload that PostgreSQL would not take.
        """
        if len(payload.encode()) > _LONGEST_PAYLOAD:
            raise ValueError("a hint is short: send an id, or nothing")
        if here and self._here is not None:
            self._here.tell(channel, payload)
        if (kept := self._kept.get((channel, payload))) is not None and kept():
            return
        if len(self._pending) >= _MOST_PENDING:  # nobody sends them now: "something may have been missed" says as much
            self._pending = {(name, ""): None for name, _ in self._pending}
        self._pending[channel, payload] = None
        self.loop.wake()

    def keep(self, channel: str, payload: str, when: Callable[[], bool]) -> None:
        """Such a hint does not leave the process while `when()` holds: nobody elsewhere has to hear it, and each costs a round trip."""
        self._kept[channel, payload] = when

    async def close(self) -> None:
        """Send what is pending, then close."""
        await self._send()
        await self._own.close()

    async def _send(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, {}
        try:
            connection, fresh = await self._own.get()
            if fresh and self._here is not None:
                self._here.pass_over(connection.get_server_pid())
            crashing.before(Site.NOTIFY)
            await connection.execute(
                "SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS hint (channel, payload)",
                [channel for channel, _ in batch],
                [payload for _, payload in batch],
                timeout=CHECK_INTERVAL_S,
            )
            crashing.after(Site.NOTIFY)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # A hint only: those who wait will look by themselves.
            _log.warning("notify_lost", error=type(error).__name__, hints=len(batch))
            await self._own.close()
