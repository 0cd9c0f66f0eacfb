"""Leases of agents: who was heard of when, and the facts that follow when nothing is heard any more.

The table of heartbeats is outside the journal; only `AgentLost` and `AgentBack` are facts. Time in which nobody could be
heard (no engine, a stalled process, no database) counts against nobody: after a take-over every agent has a full lease.
Silence is counted on our own monotonic clock since a beat was last seen to change: the database's clock may be set (ADR 0047).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ccc_router.events.facts import AgentBack, AgentLost
from ccc_router.events.inbox import Inbox, InboxUnavailable, Overloaded, Submission
from ccc_router.events.vocabulary import Presence
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.queues.engine import Engine
from ccc_router.routing.rows import Agent
from ccc_router.storage.database import Database
from ccc_router.storage.failures import classify

_log = get_logger("queues.heartbeats")

LEASE_S: Final = 30.0
SOURCE: Final = "heartbeats"
_WRITE_S: Final = 1.0
_WATCH_S: Final = 0.5
_STALLED_S: Final = 5.0

_BEAT: Final = """
INSERT INTO heartbeat (pool, agent_id, at) SELECT $1, agent_id, clock_timestamp() FROM unnest($2::text[]) AS b (agent_id)
ORDER BY agent_id
ON CONFLICT (pool, agent_id) DO UPDATE SET at = excluded.at
"""
_AGES: Final = """
SELECT agent_id, extract(epoch FROM clock_timestamp() - at)::float8, (extract(epoch FROM at) * 1000)::bigint
FROM heartbeat WHERE pool = $1
"""


class Heartbeats:
    """Takes the beats of this process's agents and writes them once a second. Run its loop under the supervisor."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool
        self._heard: set[str] = set()
        self.loop = Loop("heartbeats", self.write, _WRITE_S)

    def beat(self, agent_id: str) -> None:
        """The agent's client was heard of: any authenticated request counts."""
        self._heard.add(agent_id)

    async def write(self) -> None:
        """Write who was heard of. A database that is away loses the beats of a second, never an agent: see `AgentWatch`."""
        heard, self._heard = self._heard, set()
        if not heard:
            return
        try:
            crashing.before(Site.HEARTBEAT)
            await self._database.pool.execute(_BEAT, self._pool, sorted(heard), timeout=2)
            crashing.after(Site.HEARTBEAT)
        except Exception as error:
            if classify(error) is None:
                raise
            self._heard |= heard
            _log.warning("heartbeats_delayed", pool=self._pool, error=type(error).__name__)


@dataclass(slots=True)
class _Beat:
    """An agent's last beat: its time as written (ms), when it was made on our monotonic clock, and whether we saw it come."""

    written: int
    since: float
    seen: bool = False


_NEVER: Final = _Beat(0, float("-inf"))


class AgentWatch:
    """Beside the engine: turns silence into `AgentLost` and a new beat into `AgentBack`. Run its loop under the supervisor."""

    def __init__(
        self, database: Database, engine: Engine, inbox: Inbox, clock: Clock, *, lease_s: float = LEASE_S
    ) -> None:
        self._database = database
        self._engine = engine
        self._inbox = inbox
        self._clock = clock
        self._lease_s = lease_s
        self._since = clock.monotonic()
        self._looked_at: float | None = None
        self._beats: dict[str, _Beat] = {}
        self.loop = Loop(f"watch-{engine.pool}", self.look, _WATCH_S)

    async def look(self) -> None:
        """Compare what was heard with what the engine believes."""
        state = self._engine.state
        if state is None:
            self._looked_at = None
            self._beats.clear()
            return
        ages = await self._ages()
        if ages is None:
            self._looked_at = None
            return
        now = self._clock.monotonic()
        self._listen(ages, now)
        if self._looked_at is None or now - self._looked_at > _STALLED_S or (self._engine.taken_at or 0) > self._since:
            self._since = now  # nobody could be heard until now: everybody has a full lease from here
        self._looked_at = now
        watched = now - self._since
        facts = []
        for agent in state.agents.values():
            beat = self._beats.get(agent.id, _NEVER)
            fact = self._fact(agent, min(now - beat.since, watched), beat)
            if fact is not None:
                facts.append(fact)
        if facts:
            await self._tell(facts)

    def _listen(self, ages: Mapping[str, tuple[float, int]], now: float) -> None:
        """Note who was heard of since the last look. How long ago says the database's clock, but not longer than that look."""
        longest = 0.0 if self._looked_at is None else now - self._looked_at
        for agent_id, (age, written) in ages.items():
            known = self._beats.get(agent_id)
            if known is None or known.written != written:
                made = now - min(max(age, 0.0), longest)
                self._beats[agent_id] = _Beat(written, made, seen=self._looked_at is not None)

    def _fact(self, agent: Agent, counted: float, beat: _Beat) -> Submission | None:
        present = agent.presence is not Presence.SIGNED_OUT or bool(agent.assignments)
        if not agent.lost and present and counted >= self._lease_s:
            key = f"lost:{agent.id}:{beat.written}:{agent.presence_since}"
            return Submission(SOURCE, key, AgentLost(agent_id=agent.id))
        if agent.lost and beat.seen and self._clock.monotonic() - beat.since < self._lease_s:
            return Submission(SOURCE, f"back:{agent.id}:{beat.written}", AgentBack(agent_id=agent.id))
        return None

    async def _ages(self) -> Mapping[str, tuple[float, int]] | None:
        try:
            rows = await self._database.pool.fetch(_AGES, self._engine.pool, timeout=2)
        except Exception as error:
            if classify(error) is None:
                raise
            return None
        return {row[0]: (row[1], row[2]) for row in rows}

    async def _tell(self, facts: list[Submission]) -> None:
        try:
            await self._inbox.append(facts)
        except (InboxUnavailable, Overloaded):
            _log.warning("watch_delayed", pool=self._engine.pool, facts=len(facts))
