"""The journal, parked inputs, deliveries, and what the journal says of one contact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from ...events import envelope, journal
from ...events.since import engine_now
from ...routing.decisions import Decision
from ...storage.database import Database

_HEAD: Final = "SELECT coalesce(max(last), 0) FROM journal_batch WHERE pool = $1"
_OF_CONTACT: Final = """
SELECT journal.position, at, core_version, body, last FROM trace JOIN journal USING (pool, position)
WHERE trace.pool = $1 AND trace.contact_id = $2 AND last > $3 ORDER BY trace.position LIMIT $4"""
_LAST_OF_CONTACT: Final = """
SELECT journal.position, at, core_version, body FROM trace JOIN journal USING (pool, position)
WHERE trace.pool = $1 AND trace.contact_id = $2 AND trace.position < $3 ORDER BY trace.position DESC LIMIT $4"""
_ROWS: Final = 200
_NO_END: Final = 2**63 - 1
_PARKED: Final = """
SELECT position, source, error, at FROM parked_input WHERE pool = $1 AND position > $2 ORDER BY position LIMIT $3"""
_DELIVERIES: Final = """
SELECT id, kind, lane, target, contact_id, case_id, escalation_id, message_id, type, state, attempts, last_error,
       nullif(due, 'infinity') AS due, created_at, updated_at
FROM delivery WHERE pool = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR kind = $3) AND id > $4 ORDER BY id LIMIT $5"""
_DELIVERY: Final = "SELECT state FROM delivery WHERE pool = $1 AND id = $2"

Row = dict[str, Any]
_Decision = TypeVar("_Decision", bound=Decision)


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry; ``body`` is its JSON as stored."""

    position: int
    at: int
    cause: int
    core_version: int
    kind: str
    body: bytes

    def document(self) -> dict[str, Any]:
        """The body as a dict."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded

    def names(self, contact_id: str) -> bool:
        """Whether it is about a contact."""
        return self.document().get("contact_id") == contact_id

    def decision(self, kind: type[_Decision]) -> _Decision:
        """The body as a decision of the core."""
        return msgspec.json.decode(self.body, type=kind)


def _entry(entry: envelope.Entry) -> Entry:
    return Entry(entry.position, entry.at, entry.cause, entry.core_version, entry.kind, entry.body)


class Records:
    """Reads the records of one pool."""

    def __init__(self, database: Database, pool: str, aside: Database | None = None) -> None:
        """``aside``: where lists are read that may be long; none: where everything is."""
        self._database = database
        self._aside = aside or database
        self._pool = pool

    async def journal(self, *, after: int, limit: int) -> list[Entry]:
        """Entries behind a position, in order, for who follows it."""
        return await self._behind(self._database, after, limit)

    async def page(self, *, after: int, limit: int) -> list[Entry]:
        """The same for who looks something up."""
        return await self._behind(self._aside, after, limit)

    async def _behind(self, database: Database, after: int, limit: int) -> list[Entry]:
        async with database.pool.acquire() as connection:
            return [_entry(one) for one in await journal.read(connection, self._pool, after, limit)]

    async def head(self) -> int:
        """The position of the last entry."""
        position: int = await self._database.pool.fetchval(_HEAD, self._pool)
        return position

    async def engine_now(self) -> int | None:
        """The engine's time now: see `events.since.engine_now`."""
        async with self._database.pool.acquire() as connection:
            return await engine_now(connection, self._pool)

    async def of_contact(self, contact_id: str, kinds: Sequence[str], *, after: int, limit: int) -> list[Entry]:
        """Entries of some kinds that name a contact, in order."""
        found: list[Entry] = []
        position, more = after, True
        while more and len(found) < limit:
            rows = await self._database.pool.fetch(_OF_CONTACT, self._pool, contact_id, position, _ROWS)
            entries = self._entries([row[:4] for row in rows])
            found += [one for one in entries if one.position > after and one.kind in kinds and one.names(contact_id)]
            position, more = rows[-1][4] if rows else position, len(rows) == _ROWS
        return found[:limit]

    async def last_of_contact(self, contact_id: str, kind: str) -> Entry | None:
        """The newest entry of a kind that names a contact."""
        before, more = _NO_END, True
        while more:
            rows = await self._database.pool.fetch(_LAST_OF_CONTACT, self._pool, contact_id, before, _ROWS)
            for row in rows:
                found = [one for one in self._entries([tuple(row)]) if one.kind == kind and one.names(contact_id)]
                if found:
                    return found[-1]
            before, more = rows[-1][0] if rows else before, len(rows) == _ROWS
        return None

    def _entries(self, rows: Iterable[Sequence[Any]]) -> list[Entry]:
        return [_entry(one) for row in rows for one in journal.split(self._pool, *row)]

    async def parked(self, *, after: int, limit: int) -> list[Row]:
        """Inputs that could not be handled, by the position where they were parked."""
        return [dict(row) for row in await self._database.pool.fetch(_PARKED, self._pool, after, limit)]

    async def deliveries(self, *, state: str, kind: str, after: str, limit: int) -> list[Row]:
        """What is owed, by id."""
        return [dict(row) for row in await self._aside.pool.fetch(_DELIVERIES, self._pool, state, kind, after, limit)]

    async def delivery_state(self, delivery_id: str) -> str | None:
        """The state of a delivery; None when there is none."""
        state: str | None = await self._database.pool.fetchval(_DELIVERY, self._pool, delivery_id)
        return state
