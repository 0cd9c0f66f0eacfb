"""Partitions of the journal: a list partition a pool, in it a range partition for every ten million positions."""

import hashlib
from typing import Final

from ccc_router.events.journal import PARTITION_ENTRIES
from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.storage.database import Connection

_AHEAD: Final = PARTITION_ENTRIES // 10
_EXISTS: Final = "SELECT to_regclass($1) IS NOT NULL"


async def prepare(connection: Connection, pool: str, position: int) -> int:
    """See that there is a partition for ``position`` and for some time to come; return up to where.

    Call it outside a transaction. New ones are made apart and attached, which does not stop readers or the writer.
    """
    parent = f"journal_{_suffix(pool)}"
    await _attach(connection, "journal", parent, f"FOR VALUES IN ({_quoted(pool)})", "PARTITION BY RANGE (position)")
    number = position // PARTITION_ENTRIES
    end = (number + 1) * PARTITION_ENTRIES
    for part in (number, number + 1) if end - position < _AHEAD else (number,):
        low, high = part * PARTITION_ENTRIES, (part + 1) * PARTITION_ENTRIES
        await _attach(connection, parent, f"{parent}_{part}", f"FOR VALUES FROM ({low}) TO ({high})", "")
        end = high
    return end


async def _attach(connection: Connection, parent: str, name: str, bounds: str, partitioning: str) -> None:
    """Names and bounds are ours: a digest of the pool and numbers; nothing of them comes from outside."""
    if await connection.fetchval(_EXISTS, name):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"ccc_partition_{name}")
        if await connection.fetchval(_EXISTS, name):
            return
        await connection.execute(
            f'CREATE TABLE "{name}" (LIKE "{parent}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {partitioning}'
        )
        await connection.execute(f'ALTER TABLE "{parent}" ATTACH PARTITION "{name}" {bounds}')
        crashing.before(Site.PARTITION)
    crashing.after(Site.PARTITION)


def _suffix(pool: str) -> str:
    """The pool's name where it can be part of a table's name, always with a digest of it."""
    digest = hashlib.sha256(pool.encode()).hexdigest()[:10]
    plain = "".join(letter for letter in pool.lower() if letter.isascii() and letter.isalnum())[:20]
    return f"{plain}_{digest}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
