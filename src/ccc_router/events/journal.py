"""The journal: dense, append-only, hash-chained a commit at a time, partitioned by pool and position.

The hash of a batch covers the hash before it and every entry as stored. Texts and names are not in it, so that erasing
them later leaves the chain whole (I16).
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from ccc_router.events.envelope import Entry
from ccc_router.storage.database import Connection

WAKE: Final = "ccc_journal"
"""The channel of hints that there is more to read; the payload is the pool."""

PARTITION_ENTRIES: Final = 10_000_000
_LINKS_A_PAGE: Final = 100
GENESIS: Final = hashlib.sha256(b"ccc-router journal").digest()
"""What the first batch of a pool is chained to."""

BATCHES: Final = """
INSERT INTO journal_batch (pool, first, last, previous, hash)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
"""
"""Appends a batch's row of the chain; its columns are those that `append` returns first."""
ENTRIES: Final = """
INSERT INTO journal (pool, position, at, cause, core_version, kind, body)
SELECT $1, $3::bigint + n - 1, at, cause, $4::int, kind, body
FROM unnest($2::journal_record[]) WITH ORDINALITY AS e (at, cause, kind, body, n)
"""
"""Appends entries; its columns are those that `append` returns last."""
_HEAD: Final = """
SELECT b.last, b.hash, j.at, j.core_version, (extract(epoch FROM b.at) * 1000)::bigint FROM journal_batch b
LEFT JOIN journal j ON j.pool = b.pool AND j.position = b.last
WHERE b.pool = $1 ORDER BY b.last DESC LIMIT 1
"""
_READ: Final = """
SELECT position, at, cause, core_version, kind, body FROM journal
WHERE pool = $1 AND position > $2 ORDER BY position LIMIT $3
"""
_BATCHES: Final = """
SELECT first, last, previous, hash FROM journal_batch WHERE pool = $1 AND last > $2 ORDER BY last LIMIT $3
"""
_RANGE: Final = """
SELECT position, at, cause, core_version, kind, body FROM journal
WHERE pool = $1 AND position BETWEEN $2 AND $3 ORDER BY position
"""


class Written(NamedTuple):
    """An entry on its way into the journal; its position follows from its place in the batch."""

    at: int
    cause: int
    kind: str
    body: bytes


class Head(NamedTuple):
    """Where a pool's journal ends: the last position (0: empty), the chain's hash, time and core version of the last entry.

    ``committed_at``: when that was on the database's clock, as far as this head was read from it (ms).
    """

    position: int = 0
    hash: bytes = GENESIS
    at: int = 0
    core_version: int = 0
    committed_at: int = 0


class Link(NamedTuple):
    """A batch as it stands in the journal: its place in the chain, and its entries."""

    first: int
    last: int
    previous: bytes
    hash: bytes
    entries: Sequence[Entry]


class BrokenChain(Exception):  # not of the public tree: it ends a reading, and a person must look
    """The journal is not what was written. It held up to ``position``, where the hash was ``hash``."""

    def __init__(self, fault: str, position: int, hash_there: bytes) -> None:
        super().__init__(fault)
        self.position = position
        self.hash = hash_there


class Verdict(NamedTuple):
    """What `verify` found: how far the chain holds, and what is wrong after that ("" if nothing)."""

    position: int
    hash: bytes
    fault: str


def chain(previous: bytes, first: int, core_version: int, entries: Sequence[Written]) -> bytes:
    """The hash of a batch."""
    digest = hashlib.sha256(previous)
    for number, entry in enumerate(entries):
        head = f"{first + number} {entry.at} {entry.cause} {core_version} {entry.kind} {len(entry.body)}\n"
        digest.update(head.encode())
        digest.update(entry.body)
    return digest.digest()


Columns = tuple[object, ...]


def append(head: Head, entries: Sequence[Written], core_version: int) -> tuple[Head, Columns, Columns]:
    """What a batch behind ``head`` adds: the new head, the columns of `BATCHES` and those of `ENTRIES`.

    Writing them raises an integrity error when another wrote there first.
    """
    first, last = head.position + 1, head.position + len(entries)
    hashed = chain(head.hash, first, core_version, entries)
    added = Head(last, hashed, entries[-1].at, core_version)
    return added, ([first], [last], [head.hash], [hashed]), (entries, first, core_version)


async def head(connection: Connection, pool: str) -> Head:
    """Where the journal of a pool ends now."""
    row = await connection.fetchrow(_HEAD, pool)
    return Head() if row is None else Head(row[0], row[1], row[2] or 0, row[3] or 0, row[4])


async def read(connection: Connection, pool: str, after: int, limit: int) -> list[Entry]:
    """The entries behind position ``after``, oldest first. Positions are dense: nothing can appear between them later (I13)."""
    return [_entry(pool, *row) for row in await connection.fetch(_READ, pool, after, limit)]


def _entry(pool: str, position: int, at: int, cause: int, core_version: int, kind: str, body: bytes) -> Entry:
    return Entry(
        pool=pool,
        position=position,
        at=at,
        form="input" if position == cause else "decision",
        kind=kind,
        cause=cause,
        core_version=core_version,
        body=body,
    )


async def entries(connection: Connection, pool: str, after: int = 0, page: int = 5_000) -> AsyncIterator[Entry]:
    """Every entry behind ``after`` that is there now."""
    while True:
        found = await read(connection, pool, after, page)
        for entry in found:
            yield entry
        if len(found) < page:
            return
        after = found[-1].position


def follows(position: int, known: bytes, link: Link) -> None:
    """See that a link follows the hash ``known`` of position ``position`` and is what was written. Raises BrokenChain."""
    first, last = link.first, link.last
    if first != position + 1 or link.previous != known:
        raise BrokenChain(f"batch {first}-{last} does not follow {position}", position, known)
    if [entry.position for entry in link.entries] != list(range(first, last + 1)):
        raise BrokenChain(f"entries are missing between {first} and {last}", position, known)
    versions = {entry.core_version for entry in link.entries}
    written = [Written(entry.at, entry.cause, entry.kind, entry.body) for entry in link.entries]
    if len(versions) != 1 or chain(known, first, versions.pop(), written) != link.hash:
        raise BrokenChain(f"an entry between {first} and {last} was changed", position, known)


async def links(connection: Connection, pool: str, after: Head | None = None) -> AsyncIterator[Link]:
    """Every batch behind ``after`` (default: the beginning) that is there now, checked (I16). Raises BrokenChain."""
    position, known = (after.position, after.hash) if after is not None else (0, GENESIS)
    while batches := await connection.fetch(_BATCHES, pool, position, _LINKS_A_PAGE):
        rows = await connection.fetch(_RANGE, pool, batches[0][0], batches[-1][1])
        found = {row[0]: _entry(pool, *row) for row in rows}
        for first, last, previous, stored in batches:
            there = [found[at] for at in range(first, last + 1) if at in found]
            link = Link(first, last, previous, stored, there)
            follows(position, known, link)
            yield link
            position, known = last, stored
    beyond = await connection.fetchval("SELECT max(position) FROM journal WHERE pool = $1", pool)
    if beyond is not None and beyond != position:
        # A commit that came since the last look is a batch of its own, unlike entries that somebody added.
        batch = await connection.fetchval("SELECT max(last) FROM journal_batch WHERE pool = $1", pool)
        if batch is None or batch < beyond:
            raise BrokenChain(f"entries up to {beyond} belong to no batch", position, known)


async def verify(connection: Connection, pool: str, after: Head | None = None) -> Verdict:
    """Go over the chain behind ``after`` (default: the beginning) and say how far it holds (I16)."""
    position, known = (after.position, after.hash) if after is not None else (0, GENESIS)
    try:
        async for link in links(connection, pool, after):
            position, known = link.last, link.hash
    except BrokenChain as broken:
        return Verdict(broken.position, broken.hash, str(broken))
    return Verdict(position, known, "")
