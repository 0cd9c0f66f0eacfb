"""Which parts of a reply are sent already: a reply with files is several messages, and none may be sent twice."""

from typing import Final, Literal, Protocol

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Database

PartState = Literal["sending", "sent", "unknown"]

_READ: Final = "SELECT part, state FROM fanpage_part WHERE pool = $1 AND delivery_id = $2"
_SET: Final = """
INSERT INTO fanpage_part (pool, delivery_id, part, state) VALUES ($1, $2, $3, $4)
ON CONFLICT (pool, delivery_id, part) DO UPDATE SET state = excluded.state, at = clock_timestamp()
"""
_FORGET: Final = "DELETE FROM fanpage_part WHERE pool = $1 AND delivery_id = $2 AND part = $3"


class Parts(Protocol):
    """The ledger of a delivery's parts: written before the call goes out, so that a crash leaves a trace."""

    async def read(self, pool: str, delivery_id: str) -> dict[int, PartState]:
        """The state of each part that was ever begun."""
        ...

    async def set(self, pool: str, delivery_id: str, part: int, state: PartState) -> None:
        """Durable when it returns."""
        ...

    async def forget(self, pool: str, delivery_id: str, part: int) -> None:
        """The part surely did not arrive."""
        ...


class PostgresParts:
    """The ledger in a table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, pool: str, delivery_id: str) -> dict[int, PartState]:
        """See `Parts.read`."""
        return {row["part"]: row["state"] for row in await self._database.pool.fetch(_READ, pool, delivery_id)}

    async def set(self, pool: str, delivery_id: str, part: int, state: PartState) -> None:
        """See `Parts.set`."""
        crashing.before(Site.PART)
        await self._database.pool.execute(_SET, pool, delivery_id, part, state)
        crashing.after(Site.PART)

    async def forget(self, pool: str, delivery_id: str, part: int) -> None:
        """See `Parts.forget`."""
        crashing.before(Site.PART_FORGET)
        await self._database.pool.execute(_FORGET, pool, delivery_id, part)
        crashing.after(Site.PART_FORGET)
