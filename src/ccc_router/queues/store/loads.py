"""What each agent carries against what he may: columns whose constraint guards capacity (I5) independently of the core's own check."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ccc_router.events.vocabulary import Channel
from ccc_router.queues.store.columns import Writes
from ccc_router.routing import State
from ccc_router.routing.rows import Agent

CHANNELS: Final = tuple(channel.value for channel in Channel)
"""What is counted in the places behind the first, which is the total weight."""

# An engine from before 0021 trusts its own table alone: it must find there who is over, or it would refuse whatever he does.
_OVER: Final = """
INSERT INTO agent_load (pool, agent_id, channel, used, cap, over)
SELECT $1, * FROM unnest($2::load_record[])
ON CONFLICT (pool, agent_id, channel) DO UPDATE SET used = excluded.used, cap = excluded.cap, over = excluded.over
"""


class Load(NamedTuple):
    """Two arrays as PostgreSQL reads them: what is carried, and what may be."""

    used: str
    most: str


class Loads:
    """The loads of one tenure. What a new catalogue left an agent over his capacity he may carry, and only ever less of it."""

    def __init__(self) -> None:
        self._over: dict[str, list[int]] = {}
        self._counted: dict[str, tuple[int, tuple[str, ...], Load]] = {}

    def begin(self, state: State) -> None:
        """Take up a state that was just loaded: whoever is over in it was left so, for the tables took it."""
        self._counted = {}
        self._over = {agent.id: over for agent in state.agents.values() if any(over := _excess(*_counts(state, agent)))}

    def allow(self, writes: Writes, state: State) -> None:
        """A new catalogue is in force: note by how much it leaves agents over."""
        self.begin(state)
        over = []
        for agent_id in self._over:
            used, most = _counts(state, state.agents[agent_id])
            places = zip(("*", *CHANNELS), used, most, _excess(used, most), strict=True)
            over += [(agent_id, *place) for place in places if place[-1]]
        writes.add_records(_OVER, over)

    def of(self, state: State, agent: Agent) -> Load:
        """The load of one whose row is written."""
        version, assignments, load = self._counted.get(agent.id, (0, (), None))
        if load is not None and version == state.book.version and assignments == agent.assignments:
            return load
        used, most = _counts(state, agent)
        if (before := self._over.pop(agent.id, None)) is not None:
            over = [min(left, now) for left, now in zip(before, _excess(used, most), strict=True)]
            most = [may + more for may, more in zip(most, over, strict=True)]
            if any(over):
                self._over[agent.id] = over
        load = Load(_array(used), _array(most))
        self._counted[agent.id] = (state.book.version, agent.assignments, load)
        return load


def _counts(state: State, agent: Agent) -> tuple[list[int], list[int]]:
    """What he carries and his capacity: total weight, then contacts of each channel."""
    carried, profile = state.load_of(agent), state.book.agents.get(agent.id)
    used = [state.weight_of(carried), *(carried.get(channel, 0) for channel in CHANNELS)]
    if profile is None:
        return used, [0] * len(used)
    capacity = profile.capacity
    return used, [capacity.total_weight, *(capacity.channels.get(channel, 0) for channel in CHANNELS)]


def _excess(used: Sequence[int], most: Sequence[int]) -> list[int]:
    return [max(0, carried - may) for carried, may in zip(used, most, strict=True)]


def _array(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"
