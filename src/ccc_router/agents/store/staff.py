"""Agents' rows, and how many contacts are open where."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...queues.catalogue.neighbours import neighbours
from ...routing.policy import Catalogue
from ...routing.rows import Agent, QueueState
from ...storage.database import Database

_AGENT: Final = "SELECT row FROM agent WHERE pool = $1 AND id = $2"
_AGENTS: Final = "SELECT row FROM agent WHERE pool = $1 AND id > $2 ORDER BY id LIMIT $3"
_SOME: Final = "SELECT row FROM agent WHERE pool = $1 AND id = ANY($2)"
_STANDING: Final = """
SELECT row, (SELECT coalesce(json_object_agg(channel, many), '{}')
             FROM (SELECT channel, count(*) AS many FROM contact
                   WHERE contact.pool = agent.pool AND contact.id IN (
                       SELECT json_array_elements_text(agent.row -> 'assignments'))
                   GROUP BY channel) AS counted) AS held
FROM agent WHERE pool = $1 AND id = ANY($2)"""
_QUEUES: Final = "SELECT row FROM queue_state WHERE pool = $1"
_OPEN: Final = "SELECT queue, count(*) FROM contact WHERE pool = $1 AND live AND open GROUP BY queue"
_ARRIVED: Final = "SELECT endpoint, count(*) FROM contact WHERE pool = $1 AND live AND open GROUP BY endpoint"
_DEMANDS: Final = "SELECT id, row ->> 'demand_id' AS demand FROM agent WHERE pool = $1 AND id = ANY($2)"


class Staff:
    """Reads agents and counts contacts of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def agent(self, agent_id: str) -> Agent | None:
        """An agent's row; None when he never did anything."""
        row = await self._database.pool.fetchval(_AGENT, self._pool, agent_id)
        return None if row is None else msgspec.json.decode(row, type=Agent)

    async def agents(self, *, after: str, limit: int) -> list[Agent]:
        """Agents' rows by id."""
        rows = await self._database.pool.fetch(_AGENTS, self._pool, after, limit)
        return [msgspec.json.decode(row["row"], type=Agent) for row in rows]

    async def some(self, ids: Sequence[str]) -> dict[str, Agent]:
        """The rows of these agents, by id; those who never did anything have none."""
        rows = await self._database.pool.fetch(_SOME, self._pool, list(ids))
        agents = (msgspec.json.decode(row["row"], type=Agent) for row in rows)
        return {agent.id: agent for agent in agents}

    async def standing(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """The row of each of these agents and what takes his capacity by channel, at one moment: both as JSON, to be read elsewhere."""
        rows = await self._database.pool.fetch(_STANDING, self._pool, list(ids))
        return [(row["row"], row["held"]) for row in rows]

    async def queue_states(self) -> list[QueueState]:
        """The rows of queues; one without opening hours has none."""
        rows = await self._database.pool.fetch(_QUEUES, self._pool)
        return [msgspec.json.decode(row["row"], type=QueueState) for row in rows]

    async def open_by_queue(self) -> dict[str, int]:
        """How many open contacts each queue has."""
        return {row["queue"]: row["count"] for row in await self._database.pool.fetch(_OPEN, self._pool)}

    async def open_by_endpoint(self) -> dict[str, int]:
        """How many open contacts came by each endpoint."""
        return {row["endpoint"]: row["count"] for row in await self._database.pool.fetch(_ARRIVED, self._pool)}

    async def other_catalogues(self) -> dict[str, Catalogue]:
        """The catalogues in force of the other pools."""
        return await neighbours(self._database, self._pool)

    async def demands(self, agents: Sequence[str]) -> dict[str, str]:
        """The open demand of each agent, "" for none."""
        rows = await self._database.pool.fetch(_DEMANDS, self._pool, list(agents))
        return {row["id"]: row["demand"] or "" for row in rows}
