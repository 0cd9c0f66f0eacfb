"""The journal: dense, append-only, hash-chained a commit at a time, partitioned by pool and position.

A row is an input with the decisions it caused: their entries, a line each, which take the positions from the row's own to its
last. The hash of a batch covers the hash before it and every row as stored. Texts and names are not in it, so that erasing
them later leaves the chain whole (I16).
"""

import hashlib
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from ccc_router.events.envelope import Entry
from ccc_router.storage.database import Connection

if TYPE_CHECKING:
    import asyncpg

WAKE: Final = "ccc_journal"
"""The channel of hints that there is more to read; the payload is the pool."""

PARTITION_ENTRIES: Final = 10_000_000
_LINKS_A_PAGE: Final = 100
_NO_END: Final = 2**63 - 1
GENESIS: Final = hashlib.sha256(b"ccc-router journal").digest()
"""What the first batch of a pool is chained to."""

BATCHES: Final = """
INSERT INTO journal_batch (pool, first, last, previous, hash)
SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])
"""
"""Appends a batch's row of the chain; its columns are those that `append` returns first."""
ROWS: Final = """
INSERT INTO journal (pool, position, last, at, core_version, body)
SELECT $1, position, last, at, $3::int, body FROM unnest($2::journal_row[])
"""
"""Appends rows; its columns are those that `append` returns last."""
_HEAD: Final = """
SELECT b.last, b.hash, j.at, j.core_version, (extract(epoch FROM b.at) * 1000)::bigint FROM journal_batch b
LEFT JOIN LATERAL (SELECT at, core_version FROM journal WHERE pool = b.pool AND position BETWEEN b.first AND b.last
                   ORDER BY position DESC LIMIT 1) j ON true
WHERE b.pool = $1 ORDER BY b.last DESC LIMIT 1
"""
# The row that holds the entry behind $2 may begin before it. Rows hold several entries, and none that begins behind $4 is wanted.
_READ: Final = """
SELECT position, at, core_version, body FROM journal
WHERE pool = $1 AND last > $2
  AND position >= coalesce((SELECT max(position) FROM journal WHERE pool = $1 AND position <= $2 + 1), 0)
  AND position <= $4
ORDER BY position LIMIT $3
"""
_BATCHES: Final = """
SELECT first, last, previous, hash FROM journal_batch WHERE pool = $1 AND last > $2 ORDER BY last LIMIT $3
"""
_RANGE: Final = """
SELECT position, last, at, body, core_version FROM journal
WHERE pool = $1 AND position BETWEEN $2 AND $3 ORDER BY position
"""


class Written(NamedTuple):
    """A row on its way into the journal: an input and what followed from it, positions ``position`` to ``last``."""

    position: int
    last: int
    at: int
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


def chain(previous: bytes, core_version: int, rows: Sequence[Written]) -> bytes:
    """The hash of a batch."""
    digest = hashlib.sha256(previous)
    for row in rows:
        digest.update(b"%d %d %d %d %d\n" % (row.position, row.last, row.at, core_version, len(row.body)))
        digest.update(row.body)
    return digest.digest()


Columns = tuple[object, ...]


def append(head: Head, rows: Sequence[Written], core_version: int) -> tuple[Head, Columns, Columns]:
    """What a batch behind ``head`` adds: the new head, the columns of `BATCHES` and those of `ROWS`.

    Writing them raises an integrity error when another wrote there first.
    """
    first, last = rows[0].position, rows[-1].last
    hashed = chain(head.hash, core_version, rows)
    added = Head(last, hashed, rows[-1].at, core_version)
    return added, ([first], [last], [head.hash], [hashed]), (rows, core_version)


async def head(connection: Connection, pool: str) -> Head:
    """Where the journal of a pool ends now."""
    row = await connection.fetchrow(_HEAD, pool)
    return Head() if row is None else Head(row[0], row[1], row[2] or 0, row[3] or 0, row[4])


class _Tagged(msgspec.Struct, frozen=True):
    kind: str = ""


class _Labelled(msgspec.Struct, frozen=True):
    kind: str = ""
    body: _Tagged = _Tagged()


_LABEL: Final = msgspec.json.Decoder(_Labelled)


def kind_of(body: bytes) -> str:
    """The kind of an entry, which its body says: a decision's own, or that of an input's fact or command."""
    label = _LABEL.decode(body)
    return label.kind or label.body.kind


def split(pool: str, position: int, at: int, core_version: int, body: bytes) -> Iterator[Entry]:
    """The entries of a row, in order. Canonical JSON holds no line break, so a line is an entry."""
    for number, line in enumerate(body.split(b"\n"), position):
        yield Entry(
            pool=pool,
            position=number,
            at=at,
            form="input" if number == position else "decision",
            kind=kind_of(line),
            cause=position,
            core_version=core_version,
            body=line,
        )


async def rows(connection: Connection, pool: str, after: int, limit: int) -> "list[asyncpg.Record]":
    """The rows that hold entries behind position ``after``, oldest first: what `split` takes behind the pool."""
    return await connection.fetch(_READ, pool, after, limit, _NO_END)


async def read(connection: Connection, pool: str, after: int, limit: int) -> list[Entry]:
    """The entries behind position ``after``, oldest first. Positions are dense: nothing can appear between them later (I13)."""
    found: list[Entry] = []
    for row in await connection.fetch(_READ, pool, after, limit, after + limit):
        found.extend(entry for entry in split(pool, *row) if entry.position > after)
    return found[:limit]


async def entries(connection: Connection, pool: str, after: int = 0, page: int = 5_000) -> AsyncIterator[Entry]:
    """Every entry behind ``after`` that is there now."""
    while True:
        found = await read(connection, pool, after, page)
        for entry in found:
            yield entry
        if len(found) < page:
            return
        after = found[-1].position


def row_of(position: int, at: int, entries: Sequence[bytes]) -> Written:
    """The row of an input's entry, which stands at ``position``, and of those that followed from it."""
    return Written(position, position + len(entries) - 1, at, b"\n".join(entries))


def follows(position: int, known: bytes, link: Link) -> None:
    """See that a link follows the hash ``known`` of position ``position`` and is what was written. Raises BrokenChain."""
    causes = itertools.groupby(link.entries, key=lambda entry: (entry.cause, entry.at))
    rows = [row_of(cause, at, [entry.body for entry in entries]) for (cause, at), entries in causes]
    _follows(position, known, link, rows, {entry.core_version for entry in link.entries})


def _follows(position: int, known: bytes, link: Link, rows: Sequence[Written], versions: set[int]) -> None:
    first, last = link.first, link.last
    if first != position + 1 or link.previous != known:
        raise BrokenChain(f"batch {first}-{last} does not follow {position}", position, known)
    if not _dense(rows, first, last):
        raise BrokenChain(f"entries are missing between {first} and {last}", position, known)
    if len(versions) != 1 or chain(known, versions.pop(), rows) != link.hash:
        raise BrokenChain(f"an entry between {first} and {last} was changed", position, known)


def _dense(rows: Sequence[Written], first: int, last: int) -> bool:
    """Whether rows take every position of a batch, each with as many entries as it says."""
    expected = first
    for row in rows:
        if row.position != expected or row.last != row.position + row.body.count(b"\n"):
            return False
        expected = row.last + 1
    return expected == last + 1


async def page(connection: Connection, pool: str, after: Head, limit: int = _LINKS_A_PAGE) -> AsyncIterator[Link]:
    """The next batches behind ``after``, at most ``limit``, each checked (I16). Raises BrokenChain."""
    position, known = after.position, after.hash
    batches = await connection.fetch(_BATCHES, pool, position, limit)
    if not batches:
        return
    found = await connection.fetch(_RANGE, pool, batches[0][0], batches[-1][1])
    places = [row[0] for row in found]
    for first, last, previous, stored in batches:
        there = found[bisect_left(places, first) : bisect_right(places, last)]
        link = Link(first, last, previous, stored, ())
        _follows(position, known, link, [Written(*row[:4]) for row in there], {row[4] for row in there})
        yield link._replace(entries=[one for row in there for one in split(pool, row[0], row[2], row[4], row[3])])
        position, known = last, stored


async def links(connection: Connection, pool: str, after: Head | None = None) -> AsyncIterator[Link]:
    """Every batch behind ``after`` (default: the beginning) that is there now, checked (I16). Raises BrokenChain."""
    reached, before = after or Head(), None
    while reached is not before:
        before = reached
        async for link in page(connection, pool, reached):
            yield link
            reached = Head(link.last, link.hash)
    position, known = reached.position, reached.hash
    beyond = await connection.fetchval("SELECT max(last) FROM journal WHERE pool = $1", pool)
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
