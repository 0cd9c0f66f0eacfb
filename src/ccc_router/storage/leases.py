"""Named leases with an epoch: who may write, and proof at every commit that he still may.

The database's clock decides. A holder renews well within the time; a taker waits until it is over, ends the old
holder's backend (so that a transaction it left open holds no lock and can never commit), and raises the epoch.

A lease belongs to the session it was taken in and ends with it: where the server says that the holder's backend is gone, a taker
need not wait (docs/adr/0045). Where it does not tell, because the backend is another role's, the time counts alone.
"""

from dataclasses import dataclass
from typing import Final

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Connection

DEFAULT_TTL_MS: Final = 3_000
LONGEST_TTL_MS: Final = 60_000
"""Nobody asks for more. A lease that is good for longer is from before the database's clock was set back, and is over."""
_END_WAIT_MS: Final = 1_000

# A backend that is gone never comes back, for its start is part of its name. One of another role is there without telling its
# start, unless we may read all statistics: that may be the holder, so it counts as him.
_GONE: Final = """
NOT EXISTS (SELECT 1 FROM pg_stat_get_activity(lease.backend_pid) a
            WHERE a.pid = lease.backend_pid AND (a.backend_start = lease.backend_start OR a.backend_start IS NULL))
"""
_HOLDING: Final = f"""
SELECT epoch, holder, (extract(epoch FROM until - clock_timestamp()) * 1000)::bigint AS remaining_ms, {_GONE} AS gone,
       backend_pid, backend_start
FROM lease WHERE name = $1
"""  # noqa: S608 - the fragment is ours
_END_BACKEND: Final = """
SELECT pg_terminate_backend(pid, $3) FROM pg_stat_activity
WHERE pid = $1 AND backend_start = $2 AND pid <> pg_backend_pid()
"""
_TAKE: Final = f"""
INSERT INTO lease AS l (name, epoch, holder, backend_pid, backend_start, taken_at, until)
SELECT $1, 1, $2, pg_backend_pid(), a.backend_start, clock_timestamp(),
       clock_timestamp() + $3 * interval '1 millisecond'
FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()
ON CONFLICT (name) DO UPDATE
SET epoch = l.epoch + 1, holder = excluded.holder, backend_pid = excluded.backend_pid,
    backend_start = excluded.backend_start, taken_at = excluded.taken_at, until = excluded.until
WHERE l.until <= clock_timestamp() OR l.until > clock_timestamp() + {LONGEST_TTL_MS} * interval '1 millisecond' OR l.epoch = $4
RETURNING epoch
"""  # noqa: S608 - the number is ours
_RENEW: Final = """
UPDATE lease SET until = clock_timestamp() + $3 * interval '1 millisecond' WHERE name = $1 AND epoch = $2
RETURNING true
"""
# NO KEY UPDATE, not a plain read: it waits for a taker's update and then sees the new epoch, so a zombie cannot commit.
_FENCE: Final = "SELECT true FROM lease WHERE name = $1 AND epoch = $2 FOR NO KEY UPDATE"
_BEGIN: Final = "BEGIN; SELECT true FROM lease WHERE name = '{name}' AND epoch = {epoch:d} FOR NO KEY UPDATE"
_HELD: Final = "SELECT 1"
_RELEASE: Final = "UPDATE lease SET until = clock_timestamp() WHERE name = $1 AND epoch = $2 RETURNING true"


class LeaseLost(Exception):  # never answers a caller: the holder's loop rebuilds or stops
    """Somebody else holds the lease by now."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write under `name`, good for this epoch only."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds a lease: `remaining_ms` is negative when its time is over; `gone`: the session it was taken in has ended."""

    name: str
    epoch: int
    holder: str
    remaining_ms: int
    gone: bool

    @property
    def free(self) -> bool:
        """Whether another may take it."""
        return self.gone or _over(self.remaining_ms)


async def take(connection: Connection, name: str, holder: str, *, ttl_ms: int = DEFAULT_TTL_MS) -> Lease | None:
    """Take the lease if it is free, on the connection that will write under it: it ends with it. None: somebody holds it.

    `holder` is for people (host and process). Call it outside a transaction.
    """
    row = await connection.fetchrow(_HOLDING, name)
    if row is not None and _over(row["remaining_ms"]):
        await connection.execute(_END_BACKEND, row["backend_pid"], row["backend_start"], _END_WAIT_MS)
    # Only of this tenure it was seen that it is gone: whoever was quicker is left alone, however old our sight is.
    gone = row["epoch"] if row is not None and row["gone"] else None
    crashing.before(Site.LEASE_TAKE)
    epoch = await connection.fetchval(_TAKE, name, holder, ttl_ms, gone)
    crashing.after(Site.LEASE_TAKE)
    return None if epoch is None else Lease(name, epoch)


async def renew(connection: Connection, lease: Lease, *, ttl_ms: int = DEFAULT_TTL_MS) -> None:
    """Extend the lease from now. Raises LeaseLost. A lease that ran out but that nobody took is renewed.

    The epoch alone counts: who comes back over another connection renews what everybody may still take, for his session is gone.
    """
    crashing.before(Site.LEASE_RENEW)
    if not await connection.fetchval(_RENEW, lease.name, lease.epoch, ttl_ms):
        raise LeaseLost(f"{lease.name}: epoch {lease.epoch} is over")
    crashing.after(Site.LEASE_RENEW)


async def fence(connection: Connection, lease: Lease) -> None:
    """First statement of every writing transaction: from here to the commit nobody else can take the lease.

    Raises LeaseLost.
    """
    if not await connection.fetchval(_FENCE, lease.name, lease.epoch):
        raise LeaseLost(f"{lease.name}: epoch {lease.epoch} is over")


async def begin(connection: Connection, lease: Lease) -> None:
    """BEGIN and `fence` in one round trip: the engine does it for every batch.

    Raises LeaseLost; whatever is raised, the transaction may be open: roll it back.
    """
    statement = _BEGIN.format(name=lease.name.replace("'", "''"), epoch=lease.epoch)
    if await connection.execute(statement) != _HELD:
        raise LeaseLost(f"{lease.name}: epoch {lease.epoch} is over")


async def release(connection: Connection, lease: Lease) -> bool:
    """Give the lease back so that another takes it at once. False when it was lost before."""
    crashing.before(Site.LEASE_RELEASE)
    released = bool(await connection.fetchval(_RELEASE, lease.name, lease.epoch))
    crashing.after(Site.LEASE_RELEASE)
    return released


async def holding(connection: Connection, name: str) -> Holding | None:
    """Who holds the lease now, or None when nobody ever did."""
    row = await connection.fetchrow(_HOLDING, name)
    return None if row is None else Holding(name, row["epoch"], row["holder"], row["remaining_ms"], row["gone"])


def _over(remaining_ms: int) -> bool:
    return not 0 < remaining_ms <= LONGEST_TTL_MS
