"""What each agent carries against what he may: rows whose constraint guards capacity (I5) independently of the core's own check."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ccc_router.queues.store.columns import Writes
from ccc_router.routing import State
from ccc_router.routing.rows import Agent
from ccc_router.storage.database import Connection

TOTAL: Final = "*"
"""The channel under which the total weight stands."""

_LOADS: Final = """
INSERT INTO agent_load (pool, agent_id, channel, used, cap, over)
SELECT $1, * FROM unnest($2::load_record[])
ON CONFLICT (pool, agent_id, channel) DO UPDATE SET used = excluded.used, cap = excluded.cap, over = excluded.over
"""
_READ: Final = "SELECT agent_id, channel, used, cap, over FROM agent_load WHERE pool = $1"


class Load(NamedTuple):
    """One row: ``over`` is by how much a new catalogue left the agent above his capacity; it only shrinks."""

    used: int
    cap: int
    over: int


class Loads:
    """The rows as last written, so that only what changed is written again."""

    def __init__(self) -> None:
        self._written: dict[tuple[str, str], Load] = {}
        self._counted: dict[str, tuple[int, tuple[str, ...]]] = {}

    async def read(self, connection: Connection, pool: str) -> None:
        """Take up what the table holds."""
        self._counted = {}
        self._written = {(row[0], row[1]): Load(row[2], row[3], row[4]) for row in await connection.fetch(_READ, pool)}

    def write(self, writes: Writes, state: State, agents: Iterable[Agent], *, new_catalogue: bool) -> None:
        """Add what changed. The constraint refuses it when an agent carries more than he may."""
        changed: dict[tuple[str, str], Load] = {}
        for agent in agents:
            counted = (state.book.version, agent.assignments)
            if not new_catalogue and self._counted.get(agent.id) == counted:
                continue  # he changed in something else
            self._counted[agent.id] = counted
            for channel, used, cap in _loads(state, agent):
                before = self._written.get((agent.id, channel))
                excess = max(0, used - cap)
                over = excess if new_catalogue else min(excess, before.over if before is not None else 0)
                load = Load(used, cap, over)
                if load != before:
                    changed[agent.id, channel] = load
        self._written.update(changed)
        writes.add_records(_LOADS, ((*key, *load) for key, load in changed.items()))


def _loads(state: State, agent: Agent) -> Iterable[tuple[str, int, int]]:
    profile = state.book.agents.get(agent.id)
    caps = profile.capacity.channels if profile is not None else {}
    used = state.load_of(agent)
    for channel in {**caps, **used}:
        yield channel, used.get(channel, 0), caps.get(channel, 0)
    yield TOTAL, state.weight_of(used), profile.capacity.total_weight if profile is not None else 0
