"""Commands about what is kept: whether the journal holds, and the erasure of a customer. They need no engine."""

from typing import Final

from ccc_router.bootstrap.storage import open_storage
from ccc_router.events import journal
from ccc_router.events.appending import Group, write
from ccc_router.events.facts import CustomerErased
from ccc_router.events.inbox import Submission
from ccc_router.events.journal import Verdict
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.errors import Conflict, NotFound
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.store.erasing import erase_customer
from ccc_router.settings import Settings
from ccc_router.storage.database import Connection

_log = get_logger("bootstrap.records")

SOURCE: Final = "records"
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
