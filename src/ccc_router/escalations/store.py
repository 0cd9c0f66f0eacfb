"""Reading escalations with what was written about them and what became of the notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from ..events.facts import Attachment
from ..kernel.clock import to_ms
from ..routing.rows import Case, Escalation
from ..storage.database import Database

Watched: TypeAlias = Mapping[str, int]
"""Other departments' ids with the rung from which on theirs are seen."""

_ONE: Final = "SELECT row::text FROM escalation e WHERE pool = $1 AND id = $2"
_RUNG: Final = "coalesce((e.row ->> 'rung')::int, 0)"
_DEPARTMENTS: Final = f"""(e.department = $2 OR EXISTS (
    SELECT FROM unnest($3::text[], $4::int[]) AS w (department, rung)
    WHERE w.department = e.department AND {_RUNG} >= w.rung))"""
_AGENTS: Final = """(e.row ->> 'raised_by' = $2 OR EXISTS (
    SELECT FROM customer_case c WHERE c.pool = e.pool AND c.id = e.case_id AND (c.knows = $2 OR EXISTS (
        SELECT FROM contact o WHERE o.pool = c.pool AND o.case_id = c.id AND o.agent_id = $2))))"""
_BY_DEPARTMENT: Final = f"{_ONE.replace('$2', '$5')} AND {_DEPARTMENTS}"
_BY_AGENT: Final = f"{_ONE.replace('$2', '$3')} AND {_AGENTS}"
_PAGE: Final = """
SELECT row::text FROM escalation e
WHERE pool = $1 AND {seen} AND (cardinality($5::text[]) = 0 OR e.state = ANY ($5))
  AND (NOT $6 OR coalesce((e.row ->> 'answer_overdue')::bool, false)
       OR coalesce((e.row ->> 'acknowledge_overdue')::bool, false))
  AND ($7::bigint IS NULL OR (raised_at, id) < ($7, $8::text))
ORDER BY raised_at DESC, id DESC LIMIT $9
"""
_CASES: Final = "SELECT row::text FROM customer_case WHERE pool = $1 AND id = ANY ($2::text[])"
_MESSAGES: Final = """
SELECT id, author, CASE WHEN erased THEN '' ELSE text END AS text, at, attachments::text AS attachments FROM message
WHERE pool = $1 AND (escalation_id = $2 OR id = $3) AND NOT deleted ORDER BY position, id LIMIT 500
"""
_DELIVERIES: Final = """
SELECT id, target, type, state, attempts, last_error, created_at, updated_at FROM delivery
WHERE pool = $1 AND escalation_id = $2 ORDER BY position LIMIT 200
"""
_NAME: Final = "SELECT name FROM customer WHERE pool = $1 AND id = $2"
_HANDLES: Final = """
SELECT DISTINCT kind, value, verified FROM handle WHERE pool = $1 AND customer_id = $2
ORDER BY verified DESC, kind, value LIMIT 20
"""
_FILE: Final = """
SELECT a.name, b.bytes FROM attachment a
JOIN message m ON m.pool = a.pool AND m.id = a.message_id AND m.escalation_id = $2 AND NOT m.deleted AND NOT m.erased
JOIN blob b ON b.sha256 = a.sha256
WHERE a.pool = $1 AND a.id = $3
"""
_UPLOADS: Final = """
SELECT id, name, media_type, size, sha256 FROM upload WHERE pool = $1 AND owner = $2 AND id = ANY ($3::text[])
"""


@dataclass(frozen=True, slots=True)
class Message:
    """Something written about an escalation. ``author`` is a department or somebody of the centre."""

    message_id: str
    author: str
    text: str
    at: int
    attachments: tuple[Attachment, ...]


@dataclass(frozen=True, slots=True)
class Notified:
    """What became of a notice. Times are ms."""

    delivery_id: str
    target: str
    type: str
    state: Literal["owed", "sent", "failed", "unknown", "parked"]
    attempts: int
    last_error: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Person:
    """Who the case is about: the name and handles as (kind, value, verified)."""

    name: str
    handles: tuple[tuple[str, str, bool], ...]


class Store:
    """Reads for one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def escalation(self, escalation_id: str) -> Escalation | None:
        """An escalation, open or over."""
        return _read(await self._database.pool.fetchval(_ONE, self._pool, escalation_id))

    async def seen_by_department(self, department: str, watched: Watched, escalation_id: str) -> Escalation | None:
        """An escalation of the department, or one it watches."""
        names, rungs = list(watched), list(watched.values())
        found = await self._database.pool.fetchval(_BY_DEPARTMENT, self._pool, department, names, rungs, escalation_id)
        return _read(found)

    async def seen_by_agent(self, agent_id: str, escalation_id: str) -> Escalation | None:
        """An escalation the agent raised, or of a case that is his."""
        return _read(await self._database.pool.fetchval(_BY_AGENT, self._pool, agent_id, escalation_id))

    async def page(
        self,
        *,
        department: str | None,
        agent: str | None,
        watched: Watched,
        states: Sequence[str],
        overdue: bool,
        after: tuple[str | int, ...] | None,
        limit: int,
    ) -> list[Escalation]:
        """Newest first: of a department with what it watches, of an agent, or all. ``after`` is (raised_at, id)."""
        seen = _DEPARTMENTS if department is not None else _AGENTS if agent is not None else "$2 = ''"
        who = department if department is not None else agent or ""
        if department is None:
            # The same parameters for all three, so that the types of all are known.
            seen = f"{seen} AND cardinality($3::text[]) = cardinality($4::int[])"
        raised_at, last = after or (None, "")
        rows = await self._database.pool.fetch(
            _PAGE.format(seen=seen),
            self._pool,
            who,
            list(watched),
            list(watched.values()),
            list(states),
            overdue,
            raised_at,
            last,
            limit,
        )
        return [msgspec.json.decode(row["row"], type=Escalation) for row in rows]

    async def case(self, case_id: str) -> Case | None:
        """The case of an escalation."""
        return (await self.cases([case_id])).get(case_id)

    async def cases(self, case_ids: Sequence[str]) -> dict[str, Case]:
        """Cases by id."""
        rows = await self._database.pool.fetch(_CASES, self._pool, list(case_ids))
        found = [msgspec.json.decode(row["row"], type=Case) for row in rows]
        return {case.id: case for case in found}

    async def messages(self, escalation: Escalation) -> list[Message]:
        """What was written, in order."""
        rows = await self._database.pool.fetch(_MESSAGES, self._pool, escalation.id, escalation.summary_id)
        return [
            Message(
                row["id"],
                row["author"],
                row["text"],
                row["at"],
                msgspec.json.decode(row["attachments"], type=tuple[Attachment, ...]),
            )
            for row in rows
        ]

    async def notified(self, escalation_id: str) -> list[Notified]:
        """What became of the notices, in order."""
        rows = await self._database.pool.fetch(_DELIVERIES, self._pool, escalation_id)
        return [
            Notified(
                row["id"],
                row["target"],
                row["type"],
                row["state"],
                row["attempts"],
                row["last_error"],
                to_ms(row["created_at"]),
                to_ms(row["updated_at"]),
            )
            for row in rows
        ]

    async def person(self, customer_id: str) -> Person:
        """Who a customer is."""
        name = await self._database.pool.fetchval(_NAME, self._pool, customer_id)
        rows = await self._database.pool.fetch(_HANDLES, self._pool, customer_id)
        return Person(name or "", tuple((row["kind"], row["value"], row["verified"]) for row in rows))

    async def file(self, escalation_id: str, attachment_id: str) -> tuple[str, bytes] | None:
        """Name and content of a file that came with a text of the escalation."""
        row = await self._database.pool.fetchrow(_FILE, self._pool, escalation_id, attachment_id)
        return None if row is None else (row["name"], bytes(row["bytes"]))

    async def uploads(self, owner: str, wanted: Sequence[str]) -> dict[str, Attachment]:
        """Files the owner uploaded, by id."""
        rows = await self._database.pool.fetch(_UPLOADS, self._pool, owner, list(wanted))
        return {
            row["id"]: Attachment(row["id"], row["name"], row["media_type"], row["size"], row["sha256"]) for row in rows
        }


def _read(text: str | None) -> Escalation | None:
    return None if text is None else msgspec.json.decode(text, type=Escalation)
