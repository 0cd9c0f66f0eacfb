"""The journal, parked inputs, deliveries, and what the journal says of one contact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from ...routing.decisions import Decision
from ...storage.database import Database

_JOURNAL: Final = """
SELECT position, at, cause, core_version, kind, body FROM journal WHERE pool = $1 AND position > $2 ORDER BY position LIMIT $3"""
_HEAD: Final = "SELECT coalesce(max(position), 0) FROM journal WHERE pool = $1"
# The engine counts no time in which there was none (I12): its clock may be hours behind the wall's.
_ENGINE_NOW: Final = """
SELECT j.at + greatest(0, extract(epoch FROM clock_timestamp() - b.at) * 1000)::bigint
FROM journal_batch b JOIN journal j ON j.pool = b.pool AND j.position = b.last
WHERE b.pool = $1 ORDER BY b.last DESC LIMIT 1
"""
_OF_CONTACT: Final = """
SELECT journal.position, at, cause, core_version, kind, body
FROM trace JOIN journal ON journal.pool = trace.pool AND journal.position BETWEEN trace.first AND trace.last
WHERE trace.pool = $1 AND trace.contact_id = $2 AND kind = ANY($3) AND journal.position > $4
  AND convert_from(body, 'UTF8')::jsonb ->> 'contact_id' = $2
ORDER BY journal.position LIMIT $5"""
_LAST_OF_CONTACT: Final = """
SELECT journal.position, at, cause, core_version, kind, body
FROM trace JOIN journal ON journal.pool = trace.pool AND journal.position BETWEEN trace.first AND trace.last
WHERE trace.pool = $1 AND trace.contact_id = $2 AND kind = $3 AND convert_from(body, 'UTF8')::jsonb ->> 'contact_id' = $2
ORDER BY journal.position DESC LIMIT 1"""
_PARKED: Final = """
SELECT position, source, error, at FROM parked_input WHERE pool = $1 AND position > $2 ORDER BY position LIMIT $3"""
_DELIVERIES: Final = """
SELECT id, kind, lane, target, contact_id, case_id, escalation_id, message_id, type, state, attempts, last_error, due,
       created_at, updated_at
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

    def decision(self, kind: type[_Decision]) -> _Decision:
        """The body as a decision of the core."""
        return msgspec.json.decode(self.body, type=kind)


class Records:
    """Reads the records of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def journal(self, *, after: int, limit: int) -> list[Entry]:
        """Entries behind a position, in order."""
        return [Entry(*row) for row in await self._database.pool.fetch(_JOURNAL, self._pool, after, limit)]

    async def head(self) -> int:
        """The position of the last entry."""
        position: int = await self._database.pool.fetchval(_HEAD, self._pool)
        return position

    async def engine_now(self) -> int | None:
        """The engine's time now, by which offers and waits are counted (ms); None before the first entry.

        Exact but for what the engine made up since its last commit, and while nobody leads.
        """
        now: int | None = await self._database.pool.fetchval(_ENGINE_NOW, self._pool)
        return now

    async def of_contact(self, contact_id: str, kinds: Sequence[str], *, after: int, limit: int) -> list[Entry]:
        """Entries of some kinds that name a contact, in order."""
        rows = await self._database.pool.fetch(_OF_CONTACT, self._pool, contact_id, list(kinds), after, limit)
        return [Entry(*row) for row in rows]

    async def last_of_contact(self, contact_id: str, kind: str) -> Entry | None:
        """The newest entry of a kind that names a contact."""
        row = await self._database.pool.fetchrow(_LAST_OF_CONTACT, self._pool, contact_id, kind)
        return Entry(*row) if row else None

    async def parked(self, *, after: int, limit: int) -> list[Row]:
        """Inputs that could not be handled, by the position where they were parked."""
        return [dict(row) for row in await self._database.pool.fetch(_PARKED, self._pool, after, limit)]

    async def deliveries(self, *, state: str, kind: str, after: str, limit: int) -> list[Row]:
        """What is owed, by id."""
        return [
            dict(row) for row in await self._database.pool.fetch(_DELIVERIES, self._pool, state, kind, after, limit)
        ]

    async def delivery_state(self, delivery_id: str) -> str | None:
        """The state of a delivery; None when there is none."""
        state: str | None = await self._database.pool.fetchval(_DELIVERY, self._pool, delivery_id)
        return state
