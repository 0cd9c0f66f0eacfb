"""Commands about what is kept: whether the journal holds, what it says now, and the erasure of a customer. They need no engine."""

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from ccc_router.bootstrap.storage import looking, open_storage
from ccc_router.events import journal
from ccc_router.events.appending import Group, write
from ccc_router.events.envelope import Entry
from ccc_router.events.facts import CustomerErased
from ccc_router.events.following import follow
from ccc_router.events.inbox import Submission
from ccc_router.events.journal import Verdict
from ccc_router.events.since import position_before
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import Conflict, NotFound
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Supervisor, Tasks, stop_quietly
from ccc_router.queues.store.erasing import erase_customer
from ccc_router.settings import Settings
from ccc_router.simulation.replaying import Bound
from ccc_router.storage.database import Connection, Database

_log = get_logger("bootstrap.records")

SOURCE: Final = "records"
_LAST: Final = 20
"""How many of the entries that are there are told to who names no beginning."""
_KNOWN: Final = "SELECT true FROM customer WHERE pool = $1 AND id = $2 FOR UPDATE"
_OPEN: Final = "SELECT id FROM contact WHERE pool = $1 AND customer_id = $2 AND open ORDER BY id LIMIT 1"


async def verify_journal(settings: Settings, pool: str) -> Verdict:
    """Go over the whole chain of a pool (I16). Raises Misconfigured, and NotFound for a pool without entries."""
    clock = SystemClock()
    async with (
        open_storage(settings, Supervisor(clock), clock) as storage,
        storage.database.pool.acquire() as connection,
    ):
        if not (await journal.head(connection, pool)).position:
            raise NotFound
        return await journal.verify(connection, pool)


async def tail_journal(
    settings: Settings, pool: str, begins: Bound | None, tell: Callable[[Entry], None], *, once: bool
) -> None:
    """Tell every entry from ``begins`` on (None: the last twenty), then each that comes, until SIGINT or SIGTERM.

    ``once``: only to the end as it is now. The database may go away and come back meanwhile. Raises Misconfigured, and what ``tell`` raises.
    """
    clock = SystemClock()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with looking(settings, clock) as database:
        telling = Tasks().start(_tell(database, pool, begins, tell, once=once), name="tail")
        telling.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if telling.done():
            telling.result()
        await stop_quietly(telling)


async def _tell(
    database: Database, pool: str, begins: Bound | None, tell: Callable[[Entry], None], *, once: bool
) -> None:
    async with database.pool.acquire() as connection:
        end = (await journal.head(connection, pool)).position
        if begins is None:
            after = max(0, end - _LAST)
        elif begins.position is None:
            after = await position_before(connection, pool, begins.at)
        else:
            after = begins.position - 1
    if once and after >= end:
        return
    async for entries in follow(database, pool, SystemClock(), asyncio.Event(), after=after):
        for entry in entries:
            if once and entry.position > end:
                return
            tell(entry)
        if once and entries[-1].position >= end:
            return


async def erase(settings: Settings, customer_id: str, *, by: str, reason: str) -> int:
    """Erase a customer of the pool; who did it and why goes into the journal (I16). Returns how many messages were erased.

    Raises Misconfigured, and what `erase_and_tell` raises.
    """
    clock = SystemClock()
    async with (
        open_storage(settings, Supervisor(clock), clock) as storage,
        storage.database.transaction() as connection,
    ):
        erased = await erase_and_tell(connection, settings.pool, customer_id, by=by, reason=reason, at=clock.now_ms())
        crashing.before(Site.ERASE)
    crashing.after(Site.ERASE)
    return erased


async def erase_and_tell(connection: Connection, pool: str, customer_id: str, *, by: str, reason: str, at: int) -> int:
    """Erase in the caller's transaction and put the fact into the inbox with it: one is never without the other.

    Raises NotFound for a customer nobody knows, and Conflict (``contact_open``) while he waits for an answer.
    """
    if not await connection.fetchval(_KNOWN, pool, customer_id):
        raise NotFound
    if open_contact := await connection.fetchval(_OPEN, pool, customer_id):
        raise Conflict("A contact of this customer is open.", code="contact_open", contact_id=open_contact)
    messages = await erase_customer(connection, pool, customer_id)
    fact = CustomerErased(at=at, customer_id=customer_id, actor=by, reason=reason, messages=messages)
    await write(connection, pool, [Group.of([Submission(SOURCE, fresh("er"), fact)], None)])
    _log.info("customer_erased", customer=customer_id, messages=messages)
    return messages
