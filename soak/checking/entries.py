"""The journal read for the check: every row in its order, its place in the chain, and of each entry what the check needs.

It reads by its own hand, not by that of the service's readers: what they would not see must not escape the check.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, NamedTuple

import asyncpg
import msgspec

from ccc_router.events.journal import GENESIS, Written, chain

_PAGE: Final = 200
_BATCHES: Final = (
    "SELECT first, last, previous, hash FROM journal_batch WHERE pool = $1 AND last > $2 ORDER BY last LIMIT $3"
)
_ROWS: Final = """
SELECT position, last, at, body, core_version FROM journal WHERE pool = $1 AND position > $2 AND position <= $3 ORDER BY position
"""


class Body(msgspec.Struct, gc=False, frozen=True):
    """Of an input's fact or command."""

    kind: str = ""
    actor: str = ""
    actor_role: str = ""
    agent_id: str = ""
    offer_id: str = ""
    contact_id: str = ""
    timer: str = ""
    ref: str = ""
    due: int = 0
    endpoint: str = ""
    event: str = ""
    role: str = "customer"
    catalogue: msgspec.Raw = msgspec.Raw(b"")


class Given(msgspec.Struct, gc=False):
    """An input's entry; ``kind`` is that of one which was put aside."""

    position: int
    at: int
    body: Body = Body()
    kind: str = ""
    source: str = ""
    key: str = ""


class Escalation(msgspec.Struct, gc=False):
    """Of an escalation as it stands."""

    id: str = ""
    department: str = ""


class Made(msgspec.Struct, gc=False):
    """A decision's entry, whatever its kind."""

    kind: str
    contact_id: str = ""
    offer_id: str = ""
    agent_id: str = ""
    channel: str = ""
    state: str = ""
    what: str = ""
    delivery_id: str = ""
    delivery: str = ""
    target: str = ""
    type: str = ""
    escalation_id: str = ""
    message_id: str = ""
    expires_at: int = 0
    invariant: str = ""
    ref: str = ""
    code: str = ""
    escalation: Escalation | None = None


class Step(NamedTuple):
    """An input and what followed from it."""

    given: Given
    made: Sequence[Made]


class Faulty(NamedTuple):
    """The journal is not what was written, at this position."""

    position: int
    fault: str


_GIVEN: Final = msgspec.json.Decoder(Given)
_MADE: Final = msgspec.json.Decoder(Made)


def step_of(body: bytes) -> Step:
    """A row's entries. Raises msgspec.DecodeError for what is no entry."""
    first, *rest = body.split(b"\n")
    return Step(_GIVEN.decode(first), [_MADE.decode(line) for line in rest])


class Row(NamedTuple):
    """A row of the journal as stored."""

    position: int
    last: int
    at: int
    body: bytes
    core_version: int


class Batch(NamedTuple):
    """A link of the chain as stored."""

    first: int
    last: int
    previous: bytes
    hash: bytes


class Chain:
    """Follows the chain (I16), the positions and the times (I13) from the beginning."""

    def __init__(self) -> None:
        self._position, self._hash, self._at = 0, GENESIS, 0

    def follow(self, batch: Batch, rows: Sequence[Row]) -> Iterator[Faulty]:
        """What is wrong with the next batch."""
        if batch.first != self._position + 1 or batch.previous != self._hash:
            yield Faulty(batch.first, "I16: a batch does not follow the one before")
        versions = {row.core_version for row in rows}
        written = [Written(*row[:4]) for row in rows]
        if len(versions) != 1 or chain(batch.previous, versions.pop(), written) != batch.hash:
            yield Faulty(batch.first, "I16: a batch is not what was hashed")
        for row in rows:
            if row.position != self._position + 1 or row.last != row.position + row.body.count(b"\n"):
                yield Faulty(row.position, "I13: positions are not dense")
            if row.at < self._at:
                yield Faulty(row.position, "I12: time goes back")
            self._position, self._at = row.last, row.at
        self._position, self._hash = batch.last, batch.hash


async def rows(connection: "asyncpg.Connection[asyncpg.Record]", pool: str) -> AsyncIterator[tuple[Batch, list[Row]]]:
    """Every batch with its rows, oldest first; at last the rows that belong to none, behind a batch without a hash."""
    after = 0
    while found := await connection.fetch(_BATCHES, pool, after, _PAGE):
        batches = [Batch(*one) for one in found]
        there = iter([Row(*one) for one in await connection.fetch(_ROWS, pool, after, batches[-1].last)])
        row = next(there, None)
        for batch in batches:
            own: list[Row] = []
            while row is not None and row.position <= batch.last:
                own.append(row)
                row = next(there, None)
            yield batch, own
        after = batches[-1].last
    beyond = [Row(*one) for one in await connection.fetch(_ROWS, pool, after, 2**62)]
    if beyond:
        yield Batch(beyond[0].position, beyond[-1].last, b"", b""), beyond
