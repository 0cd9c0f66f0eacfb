"""Migration 0012 brings a journal of one row an entry into rows of an input each, and back, with a chain that verifies."""

import hashlib

from ccc_router.events import journal
from ccc_router.storage import database as databases
from ccc_router.storage import migrate
from ccc_router.storage.database import Connection

_ENTRIES = [
    (1, 5, 1, "MessageReceived", b'{"position":1,"body":{"kind":"MessageReceived"}}'),
    (2, 5, 1, "CaseOpened", b'{"kind":"CaseOpened","case_id":"cs_1"}'),
    (3, 5, 1, "ContactOpened", '{"kind":"ContactOpened","topic":"thẻ"}'.encode()),
    (4, 9, 4, "InputParked", b'{"kind":"InputParked","position":4}'),
    (5, 9, 5, "TimerFired", b'{"position":5,"body":{"kind":"TimerFired"}}'),
]
_BATCHES = ((1, 3), (4, 5))
_GENESIS = hashlib.sha256(b"ccc-router journal").digest()


def _hash_by_entry(previous: bytes, first: int, last: int) -> bytes:
    """As the program before 0012 chained a batch."""
    digest = hashlib.sha256(previous)
    for position, at, cause, kind, body in _ENTRIES[first - 1 : last]:
        digest.update(f"{position} {at} {cause} 1 {kind} {len(body)}\n".encode())
        digest.update(body)
    return digest.digest()


async def _fill(connection: Connection) -> list[bytes]:
    await connection.execute(
        "CREATE TABLE journal_p PARTITION OF journal FOR VALUES IN ('p') PARTITION BY RANGE (position)"
    )
    await connection.execute("CREATE TABLE journal_p_0 PARTITION OF journal_p FOR VALUES FROM (0) TO (10000000)")
    for position, at, cause, kind, body in _ENTRIES:
        await connection.execute(
            "INSERT INTO journal VALUES ('p', $1, $2, $3, 1, $4, $5)", position, at, cause, kind, body
        )
    hashes = [_GENESIS]
    for first, last in _BATCHES:
        hashes.append(_hash_by_entry(hashes[-1], first, last))
        await connection.execute("INSERT INTO journal_batch VALUES ('p', $1, $2, $3, $4)", last, first, *hashes[-2:])
    await connection.execute("INSERT INTO trace VALUES ('p', 'ct_1', 1, 3)")
    await connection.execute("INSERT INTO seen VALUES ('p', 'portal', 'k1'), ('p', 'portal', 'k2')")
    await connection.execute("INSERT INTO inbox (pool, source, key, body) VALUES ('p', 'portal', 'k2', '{}')")
    return hashes


async def test_i16_entries_and_their_chain_survive_both_ways(empty_dsn: str) -> None:
    await migrate.upgrade(empty_dsn, "0011")
    connection = await databases.connect(empty_dsn, "test")
    try:
        hashes = await _fill(connection)
        await migrate.upgrade(empty_dsn, "0012")
        entries = await journal.read(connection, "p", 0, 100)
        assert [(one.position, one.at, one.cause, one.kind, one.body) for one in entries] == _ENTRIES
        assert [one.position for one in await journal.read(connection, "p", 2, 2)] == [3, 4]
        assert tuple(await journal.verify(connection, "p"))[::2] == (5, "")
        assert await connection.fetchval("SELECT position FROM trace WHERE contact_id = 'ct_1'") == 1
        waiting = "SELECT key FROM seen JOIN inbox ON inbox.id = seen.inbox_id WHERE seen.pool = 'p'"
        assert [row[0] for row in await connection.fetch(waiting.replace("key", "seen.key", 1))] == ["k2"]

        await migrate.downgrade(empty_dsn, "0011")
        rows = await connection.fetch("SELECT position, at, cause, kind, body FROM journal ORDER BY position")
        assert [tuple(row) for row in rows] == _ENTRIES
        assert [row[0] for row in await connection.fetch("SELECT hash FROM journal_batch ORDER BY last")] == hashes[1:]
        assert tuple(await connection.fetchrow("SELECT * FROM trace") or ()) == ("p", "ct_1", 1, 3)
    finally:
        await connection.close()
