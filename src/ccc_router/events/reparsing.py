"""Raw deliveries that could not be read are read again, with the adapters of today (``ccc-router reparse``)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from ccc_router.events.inbox import Inbox, RawDelivery, Submission
from ccc_router.kernel.clock import to_ms
from ccc_router.storage.database import Database

if TYPE_CHECKING:
    from asyncpg import Record

_UNREADABLE: Final = """
SELECT raw_id, endpoint, channel, received_at, method, path, query, headers, body FROM raw_delivery
WHERE pool = $1 AND state = 'unreadable' AND ($2 = '' OR endpoint = $2) AND (received_at, raw_id) > ($3, $4)
ORDER BY received_at, raw_id LIMIT 100
"""

Reader = Callable[[RawDelivery], Awaitable[Sequence[Submission] | None]]
"""Reads a delivery again: its inputs (none: nothing of our business), or None if it is still not understood."""


class Reparsed(NamedTuple):
    """How many deliveries were read now, how many are still unreadable, and how many new inputs there are."""

    read: int
    unreadable: int
    inputs: int


async def reparse(database: Database, pool: str, inbox: Inbox, reader: Reader, *, endpoint: str = "") -> Reparsed:
    """Go over every unreadable delivery of a pool (of one endpoint), oldest first. Running it twice changes nothing more.

    Inputs that came another way meanwhile are known by their dedup keys, as long as those live (40 days). Raises what
    `Inbox.append` raises.
    """
    read = unreadable = inputs = 0
    since, last = await database.pool.fetchval("SELECT '-infinity'::timestamptz"), ""
    while True:
        rows = await database.pool.fetch(_UNREADABLE, pool, endpoint, since, last)
        for row in rows:
            raw = _raw(row)
            submissions = await reader(raw)
            if submissions is None:
                unreadable += 1
                continue
            state = "parsed" if submissions else "ignored"
            appended = await inbox.append(submissions, msgspec.structs.replace(raw, state=state))
            read += 1
            inputs += sum(1 for one in appended if not one.duplicate)
        if len(rows) < 100:
            return Reparsed(read, unreadable, inputs)
        since, last = rows[-1]["received_at"], rows[-1]["raw_id"]


def _raw(row: "Record") -> RawDelivery:
    return msgspec.convert(
        {
            **dict(row),
            "received_at": to_ms(row["received_at"]),
            "headers": msgspec.json.decode(row["headers"]),
            "state": "unreadable",
        },
        RawDelivery,
    )
