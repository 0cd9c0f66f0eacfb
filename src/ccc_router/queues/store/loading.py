"""The state of a pool from its tables, or from its journal: both are equal to the one in memory (I13)."""

import asyncio
import contextlib
import functools
import gc
import operator
from collections.abc import AsyncIterable, Iterator
from typing import Any, Final

import msgspec

from ccc_router.events import journal
from ccc_router.events.codec import decode_input
from ccc_router.events.envelope import Entry, Input
from ccc_router.routing import Rows, State, apply, begin
from ccc_router.routing.applying import APPLIERS
from ccc_router.routing.decisions import Decision
from ccc_router.routing.policy import Catalogue
from ccc_router.routing.rows import Agent, Case, Contact, Escalation, Incident, Offer, QueueState
from ccc_router.storage.database import Connection

PARKED: Final = "InputParked"
"""The kind of the entry that stands in the place of an input that could not be handled."""

_Decisions: Any = functools.reduce(operator.or_, APPLIERS)
_DECISIONS: Final[msgspec.json.Decoder[Decision]] = msgspec.json.Decoder(_Decisions)
_PAGE: Final = 2_000
_CATALOGUE: Final = "SELECT document::text FROM catalogue WHERE pool = $1 ORDER BY version DESC LIMIT 1"
_LIVE: Final = {
    "contacts": ("SELECT row::text FROM contact WHERE pool = $1 AND live", Contact),
    "offers": ("SELECT row::text FROM offer WHERE pool = $1 AND state = 'pending'", Offer),
    "agents": ("SELECT row::text FROM agent WHERE pool = $1", Agent),
    "cases": ("SELECT row::text FROM customer_case WHERE pool = $1 AND live", Case),
    "escalations": ("SELECT row::text FROM escalation WHERE pool = $1 AND live", Escalation),
    "queues": ("SELECT row::text FROM queue_state WHERE pool = $1", QueueState),
    "incidents": ("SELECT row::text FROM incident WHERE pool = $1 AND live", Incident),
}
NO_CATALOGUE: Final = Catalogue(version=0, queues=(), skills=(), agents=(), endpoints=())
"""What is in force before the first one: nothing can be routed."""


class Unreadable(Exception):  # ends the engine: a person must look
    """The journal holds something this version cannot apply."""


async def load(connection: Connection, pool: str, position: int, now: int) -> State:
    """The state as the tables hold it; ``position`` and ``now`` are those of the journal's last entry, and nobody writes meanwhile."""
    with _keeping():
        async with connection.transaction(readonly=True):
            catalogue, rows = await _read(connection, pool)
        return await _built(pool, catalogue, rows, position, now)


async def load_beside(connection: Connection, pool: str) -> tuple[journal.Head, State]:
    """The same while another engine writes: where the journal ended at some moment, and the state at that moment."""
    with _keeping():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            head = await journal.head(connection, pool)
            catalogue, rows = await _read(connection, pool)
        return head, await _built(pool, catalogue, rows, head.position, head.at)


@contextlib.contextmanager
def _keeping() -> Iterator[None]:
    """Many objects come and all of them stay as long as the state: the collector need never walk them, not even once, for that alone
    takes a second with 180,000 rows. Whoever gives the state up calls ``gc.unfreeze``."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


async def _read(connection: Connection, pool: str) -> tuple[Catalogue, Rows]:
    """Some rows at a time, so that whatever else the process does goes on."""
    text = await connection.fetchval(_CATALOGUE, pool)
    rows = Rows()
    for name, (statement, kind) in _LIVE.items():
        decode = msgspec.json.Decoder(kind).decode
        found = getattr(rows, name)
        cursor = await connection.cursor(statement, pool)
        while page := await cursor.fetch(_PAGE):
            found += [decode(row[0]) for row in page]
    return NO_CATALOGUE if text is None else msgspec.json.decode(text, type=Catalogue), rows


async def _built(pool: str, catalogue: Catalogue, rows: Rows, position: int, now: int) -> State:
    state = State(pool, catalogue)
    await asyncio.to_thread(state.load, rows)  # as long as it takes: half a second for 180,000 rows
    state.position, state.now = position, now
    return state


class Rebuilding:
    """Applies entries to a state, one after the other. Decides nothing."""

    def __init__(self, state: State) -> None:
        """``state`` is as it was before the first entry that will come."""
        self.state = state
        self._given: Input | None = None

    def take(self, entry: Entry) -> None:
        """Apply the next entry. Raises Unreadable; the state is then unusable."""
        state = self.state
        if entry.position != state.position + 1:
            raise Unreadable(f"entry {entry.position} follows {state.position}")
        try:
            if entry.form == "decision":
                if self._given is None:
                    raise Unreadable(f"entry {entry.position} is a decision without an input")
                apply(state, self._given, _DECISIONS.decode(entry.body))
            elif entry.kind == PARKED:
                self._given = None
                state.position, state.now = entry.position, entry.at
            else:
                self._given = decode_input(entry.body)
                begin(state, self._given)
        except (ValueError, KeyError) as error:
            raise Unreadable(f"entry {entry.position} ({entry.kind}) cannot be applied: {error}") from error
        if state.position != entry.position:
            raise Unreadable(f"entry {entry.position} follows {state.position}")


async def rebuild(pool: str, entries: AsyncIterable[Entry]) -> State:
    """The state after applying every entry from the first. Decides nothing. Raises Unreadable."""
    rebuilding = Rebuilding(State(pool, NO_CATALOGUE))
    async for entry in entries:
        rebuilding.take(entry)
    rebuilding.state.take_changed()
    return rebuilding.state
