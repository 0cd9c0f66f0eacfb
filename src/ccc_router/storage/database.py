"""The way into PostgreSQL: a pool of asyncpg connections, and connections of one's own, under the same limits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import asyncpg

from ccc_router.storage.failures import classify

if TYPE_CHECKING:  # asyncpg's classes take type arguments in the stubs only
    from asyncpg import Record
    from asyncpg.pool import PoolAcquireContext, PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[Record] | PoolConnectionProxy[Record]"
"""A connection, one's own or a pooled one: what statements are run on."""

_SCHEMES = {"postgresql+asyncpg": "postgresql", "postgres": "postgresql", "postgresql": "postgresql"}

BY_KEYS: Final = {"synchronous_commit": "on", "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""For connections whose statements all go by keys: planning anew for another number of rows costs more than it could ever save, and a
plan made while a table was empty must not read it whole when it is full."""

ASIDE: Final = {"max_parallel_workers_per_gather": "0", "jit": "off", "default_transaction_read_only": "on"}
"""For what nobody's call waits for (reports, exports, a look back at a day): one core of the server a statement, and no right to write
or to lock a row, so that what routes never waits for it."""

_MARGIN_MS: Final = 1_000
_ACQUIRE_S: Final = 5.0
# A server whose client is gone without a word ends the session, and its locks, by itself. On a Unix socket they do nothing.
_KEEPALIVE: Final = {
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "client_connection_check_interval": "2000",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, and after how many milliseconds the server gives up on us, or we on it.

    A server may be there and never answer (a connection half open): what it is given for a statement, and a second more, we wait at most.
    ``statement_ms`` 0 is no limit on either side.
    """

    pool_size: int = 20
    statement_ms: int = 5_000
    lock_ms: int = 4_000
    idle_in_transaction_ms: int = 10_000
    connect_ms: int = 5_000

    @property
    def answer_s(self) -> float | None:
        """How long to wait for the answer to a statement (seconds); None: for ever."""
        return (self.statement_ms + _MARGIN_MS) / 1000 if self.statement_ms else None


def normal_dsn(address: str) -> str:
    """The address as asyncpg takes it; `postgres://` and SQLAlchemy's form are accepted.

    Raises ValueError, without repeating the address, when it is none of PostgreSQL.
    """
    scheme, separator, rest = address.partition("://")
    if not separator or scheme not in _SCHEMES:
        raise ValueError("a database address begins with postgresql://")
    return f"{_SCHEMES[scheme]}://{rest}"


def session_settings(limits: Limits, name: str) -> dict[str, str]:
    """What every connection is told when it begins; `name` is what pg_stat_activity shows."""
    return {
        "application_name": f"ccc-router {name}",
        "timezone": "UTC",
        "statement_timeout": str(limits.statement_ms),
        "lock_timeout": str(limits.lock_ms),
        "idle_in_transaction_session_timeout": str(limits.idle_in_transaction_ms),
        **_KEEPALIVE,
    }


async def connect(
    dsn: str, name: str, limits: Limits | None = None, extra: Mapping[str, str] | None = None
) -> "asyncpg.Connection[Record]":
    """A connection of one's own: for a listener, an engine, a migration. The caller closes it."""
    limits = limits or Limits()
    return await asyncpg.connect(
        normal_dsn(dsn),
        timeout=limits.connect_ms / 1000,
        command_timeout=limits.answer_s,
        server_settings=session_settings(limits, name) | dict(extra or {}),
    )


async def _as_it_is(_connection: "PoolConnectionProxy[Record] | asyncpg.Connection[Record]") -> None:
    """What is given back needs no round trip that undoes what was set: nobody sets anything (`tests/architecture/test_habits.py`)."""


class Pool:
    """Connections to borrow, where nobody waits for ever: neither for one that is free nor for what it answers.

    Every method raises what asyncpg raises, and TimeoutError.
    """

    def __init__(self, connections: "asyncpg.Pool[Record]") -> None:
        self._connections = connections

    def acquire(self, *, timeout: float = _ACQUIRE_S) -> "PoolAcquireContext[Record]":
        """Borrow a connection; wait at most ``timeout`` seconds for one."""
        return self._connections.acquire(timeout=timeout)

    async def execute(self, query: str, *args: object, timeout: float | None = None) -> str:
        """One statement on a connection of the pool; its status."""
        async with self.acquire() as connection:
            return await connection.execute(query, *args, timeout=timeout)

    async def fetch(self, query: str, *args: object, timeout: float | None = None) -> "list[Record]":
        """The rows of one statement."""
        async with self.acquire() as connection:
            return await connection.fetch(query, *args, timeout=timeout)

    async def fetchrow(self, query: str, *args: object, timeout: float | None = None) -> "Record | None":
        """Its first row."""
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *args, timeout=timeout)

    async def fetchval(self, query: str, *args: object, timeout: float | None = None) -> Any:
        """The first value of its first row."""
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args, timeout=timeout)

    async def renew(self) -> None:
        """Take every connection for lost: who asks next gets a new one."""
        await self._connections.expire_connections()

    async def close(self, patience_s: float = 2.0) -> None:
        """Give back every connection; those still in use after `patience_s` seconds are cut."""
        try:
            async with asyncio.timeout(patience_s):
                await self._connections.close()
        except TimeoutError:
            self._connections.terminate()


class Database:
    """Open it once in bootstrap and pass it on. `pool` for statements, `dsn` for connections of one's own."""

    def __init__(self, dsn: str, limits: Limits, pool: Pool) -> None:
        self.dsn = dsn
        self.limits = limits
        self.pool = pool

    @classmethod
    async def open(
        cls,
        dsn: str,
        limits: Limits | None = None,
        *,
        name: str = "service",
        extra: Mapping[str, str] | None = None,
        kept: int = 2,
    ) -> Self:
        """Connect, with ``kept`` connections at once. Raises what asyncpg raises when the server cannot be reached or refuses us."""
        dsn = normal_dsn(dsn)
        limits = limits or Limits()

        pool = await asyncpg.create_pool(
            dsn,
            min_size=min(kept, limits.pool_size),
            max_size=limits.pool_size,
            timeout=limits.connect_ms / 1000,
            command_timeout=limits.answer_s,
            max_inactive_connection_lifetime=300,
            reset=_as_it_is,
            server_settings=session_settings(limits, name) | dict(extra or {}),
        )
        return cls(dsn, limits, Pool(pool))

    @contextlib.asynccontextmanager
    async def transaction(self) -> "AsyncIterator[PoolConnectionProxy[Record]]":
        """A pooled connection in a transaction: committed at the end, rolled back when anything is raised."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def answers(self) -> bool:
        """Whether a query is answered within two seconds."""
        try:
            async with self.pool.acquire(timeout=2) as connection:
                return bool(await connection.fetchval("SELECT true", timeout=2))
        except Exception as error:
            if classify(error) is None:
                raise
            return False

    async def close(self, patience_s: float = 2.0) -> None:
        """Give back every connection; those still in use after `patience_s` seconds are cut. Safe to call again."""
        await self.pool.close(patience_s)
