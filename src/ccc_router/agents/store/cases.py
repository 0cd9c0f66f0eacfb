"""Cases and customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ...kernel.text import fold
from ...routing.rows import Case, Escalation, Incident
from ...storage.database import Database

# The cases of an agent: those of the contacts he owns, is offered or handled.
_MINE: Final = """(
    SELECT case_id FROM contact WHERE contact.pool = $1 AND contact.id IN (
        SELECT json_array_elements_text(row -> 'assignments') FROM agent WHERE agent.pool = $1 AND agent.id = $2)
    UNION SELECT case_id FROM offer JOIN contact ON contact.pool = offer.pool AND contact.id = offer.contact_id
        WHERE offer.pool = $1 AND offer.agent_id = $2 AND offer.state = 'accepted'
    UNION SELECT case_id FROM offer JOIN contact ON contact.pool = offer.pool AND contact.id = offer.contact_id
        WHERE offer.pool = $1 AND offer.agent_id = $2 AND offer.state = 'pending')"""

_CASE: Final = "SELECT row FROM customer_case one WHERE pool = $1 AND id = $2"
# Who knows a case may open it, also when his contact was linked to another: that is how it is linked back.
_SEEN: Final = f"SELECT row FROM customer_case one WHERE pool = $1 AND id = $3 AND (knows = $2 OR id IN {_MINE})"  # noqa: S608 - no value in it
_BY_REFERENCE: Final = "SELECT row FROM customer_case WHERE pool = $1 AND reference = $2"
_REFERENCES: Final = "SELECT id, reference FROM customer_case WHERE pool = $1 AND id = ANY($2)"
_LIST: Final = f"""
SELECT row FROM customer_case one
WHERE pool = $1 AND ($2 = '' OR id IN {_MINE}) AND ($3 = '' OR state = $3) AND ($4 = '' OR topic = $4) AND ($5 = '' OR customer_id = $5)
  AND ($6::bigint IS NULL OR (opened_at, id) < ($6, $7::text))
ORDER BY opened_at DESC, id DESC LIMIT $8"""  # noqa: S608 - no value in it
_CONTACTS: Final = "SELECT row FROM contact WHERE pool = $1 AND case_id = $2 ORDER BY arrived_at, id LIMIT 500"
_ESCALATIONS: Final = "SELECT row FROM escalation WHERE pool = $1 AND case_id = $2 ORDER BY raised_at, id LIMIT 100"
_HANDLES: Final = """
SELECT kind, value, verified, channel, evidence FROM handle WHERE pool = $1 AND customer_id = $2
ORDER BY verified DESC, kind, value LIMIT 50"""
_INCIDENT: Final = "SELECT row FROM incident WHERE pool = $1 AND id = $2"
_INCIDENTS: Final = "SELECT row FROM incident WHERE pool = $1 AND id > $2 AND (live OR NOT $3) ORDER BY id LIMIT $4"
_NAME: Final = "SELECT name FROM customer WHERE pool = $1 AND id = $2"

# By the beginning of any word of the name without accents, or by a handle in full.
_SEARCH: Final = """
SELECT id, name FROM customer
WHERE pool = $1 AND id > $4 AND ($2 <> '' AND search_key LIKE $2 || '%' OR $2 <> '' AND search_key LIKE '% ' || $2 || '%'
    OR id IN (SELECT customer_id FROM handle WHERE pool = $1 AND value = ANY($3)))
ORDER BY id LIMIT $5"""


@dataclass(frozen=True, slots=True)
class Handle:
    """A customer's handle, not yet masked."""

    kind: str
    value: str
    verified: bool = False
    channel: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A customer that a search found."""

    customer_id: str
    name: str


class Cases:
    """Reads cases and customers of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def incident(self, incident_id: str) -> Incident | None:
        """An incident, open or over."""
        row = await self._database.pool.fetchval(_INCIDENT, self._pool, incident_id)
        return None if row is None else msgspec.json.decode(row, type=Incident)

    async def incidents(self, *, live: bool, after: str, limit: int) -> list[Incident]:
        """Incidents by id; ``live``: those that are not over."""
        rows = await self._database.pool.fetch(_INCIDENTS, self._pool, after, live, limit)
        return [msgspec.json.decode(row["row"], type=Incident) for row in rows]

    async def case(self, case_id: str) -> Case | None:
        """The case's row."""
        return _case(await self._database.pool.fetchval(_CASE, self._pool, case_id))

    async def seen_by(self, agent_id: str, case_id: str) -> Case | None:
        """The case's row, if one of its contacts is or was the agent's."""
        return _case(await self._database.pool.fetchval(_SEEN, self._pool, agent_id, case_id))

    async def by_reference(self, reference: str) -> Case | None:
        """The case a person named over the phone; ``reference`` as ``kernel.ids.parse_reference`` writes it."""
        return _case(await self._database.pool.fetchval(_BY_REFERENCE, self._pool, reference))

    async def references(self, case_ids: Sequence[str]) -> dict[str, str]:
        """What a person can say over the phone, by case id."""
        rows = await self._database.pool.fetch(_REFERENCES, self._pool, list(case_ids))
        return {row["id"]: row["reference"] for row in rows}

    async def listed(
        self,
        *,
        agent_id: str,
        state: str,
        topic: str,
        customer_id: str,
        after: tuple[str | int, ...] | None,
        limit: int,
    ) -> list[Case]:
        """Cases, newest first, an agent's own unless ``agent_id`` is ""."""
        opened, last = after or (None, "")
        rows = await self._database.pool.fetch(
            _LIST, self._pool, agent_id, state, topic, customer_id, opened, last, limit
        )
        return [msgspec.json.decode(row["row"], type=Case) for row in rows]

    async def contacts(self, case_id: str) -> list[str]:
        """The rows of a case's contacts, as JSON, oldest first."""
        return [row["row"] for row in await self._database.pool.fetch(_CONTACTS, self._pool, case_id)]

    async def escalations(self, case_id: str) -> list[Escalation]:
        """A case's escalations, oldest first."""
        rows = await self._database.pool.fetch(_ESCALATIONS, self._pool, case_id)
        return [msgspec.json.decode(row["row"], type=Escalation) for row in rows]

    async def customer(self, customer_id: str) -> tuple[str, list[Handle]]:
        """A customer's name and handles; empty when nobody is known or he was erased."""
        name = await self._database.pool.fetchval(_NAME, self._pool, customer_id)
        rows = await self._database.pool.fetch(_HANDLES, self._pool, customer_id)
        return name or "", [Handle(**row) for row in rows]

    async def search(self, text: str, handles: Sequence[str], *, after: str, limit: int) -> list[Found]:
        """Customers whose name has a word that begins so, accents or not, or who have exactly one of these handles."""
        key = fold(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = await self._database.pool.fetch(_SEARCH, self._pool, key, list(handles), after, limit)
        return [Found(row["id"], row["name"]) for row in rows]


def _case(row: str | None) -> Case | None:
    return None if row is None else msgspec.json.decode(row, type=Case)
