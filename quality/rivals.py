"""What others do, as their documentation and source say (routing.md 1b, 2.1, 2.4, 2.5). Offers are taken at once by everybody."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from quality.play import Match
from quality.scenarios import QUEUES, Agent


class LongestIdleFifo:
    """The agent idle longest takes the contact; a freed agent takes the oldest contact he can. What most centres call routing.

    The others differ from it in `_agent_order` and `_contact_order` (smallest first), and in when they look.
    """

    def __init__(self, agents: Sequence[Agent]) -> None:
        self.agents = agents
        self.idle_since: dict[int, int] = {}
        self.waiting: list[dict[int, int]] = [{} for _ in QUEUES]  # contact -> since, oldest first
        self.queue_of: dict[int, int] = {}

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        self.waiting[queue][contact] = now_ms
        self.queue_of[contact] = queue
        return self._offer(contact)

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        self.idle_since[agent] = now_ms
        heads = [(self._contact_order(contact), contact) for contact in self._heads(agent)]
        return self._match(min(heads)[1], agent) if heads else ()

    def abandoned(self, now_ms: int, contact: int) -> None:
        del self.waiting[self.queue_of[contact]][contact]

    def look_at(self, now_ms: int) -> int | None:
        return None

    def look(self, now_ms: int) -> Iterable[Match]:
        return ()

    def _agent_order(self, agent: int, queue: int) -> tuple[float, ...]:
        return (self.idle_since[agent], agent)

    def _contact_order(self, contact: int) -> tuple[int, ...]:
        return (self.waiting[self.queue_of[contact]][contact], contact)

    def _heads(self, agent: int) -> Iterator[int]:
        """The oldest contact of each queue the agent serves."""
        for queue in self.agents[agent].skills:
            yield from itertools.islice(self.waiting[queue], 1)

    def _offer(self, contact: int) -> tuple[Match, ...]:
        queue = self.queue_of[contact]
        able = [agent for agent in self.idle_since if queue in self.agents[agent].skills]
        return self._match(contact, min(able, key=lambda agent: self._agent_order(agent, queue))) if able else ()

    def _match(self, contact: int, agent: int) -> tuple[Match, ...]:
        del self.waiting[self.queue_of[contact]][contact]
        del self.idle_since[agent]
        return ((contact, agent),)


class TaskRouter(LongestIdleFifo):
    """Twilio TaskRouter: the longest idle worker; of the tasks a worker can take the highest priority, then the oldest.

    Petitions have priority, as their target (90/30, domain.md 6.1) asks; that is how its documentation has urgent work done.
    """

    _PRIORITY: Final = frozenset({QUEUES.index("peti")})

    def _contact_order(self, contact: int) -> tuple[int, ...]:
        return (0 if self.queue_of[contact] in self._PRIORITY else 1, *super()._contact_order(contact))


class ModCallcenter(LongestIdleFifo):
    """FreeSWITCH mod_callcenter, ``longest-idle-agent``: one thread looks every 100 ms at all waiting members in order of their score
    (a point a second waited), and gives each the agent of the lowest tier level, then the longest idle.

    An agent's own trade is his level 1, what else he serves level 2; ``tier-rules-apply`` is false, as in its sample configuration.
    """

    _TICK_MS: Final = 100

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        self.waiting[queue][contact] = now_ms
        self.queue_of[contact] = queue
        return ()

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        self.idle_since[agent] = now_ms
        return ()

    def look_at(self, now_ms: int) -> int | None:
        """The next tick, if there is anything to be done at it: a tick without an idle agent for anybody changes nothing."""
        useful = {queue for agent in self.idle_since for queue in self.agents[agent].skills if self.waiting[queue]}
        return (now_ms // self._TICK_MS + 1) * self._TICK_MS if useful else None

    def look(self, now_ms: int) -> Iterable[Match]:
        members = sorted((self._contact_order(contact), contact) for queue in self.waiting for contact in queue)
        for _, contact in members:
            if not self.idle_since:
                return
            yield from self._offer(contact)

    def _agent_order(self, agent: int, queue: int) -> tuple[float, ...]:
        return (self.agents[agent].skills[0] != queue, *super()._agent_order(agent, queue))


class AsteriskLeastRecent(LongestIdleFifo):
    """Asterisk app_queue, ``leastrecent`` with penalties and ``autofill=yes``: each caller looks for himself, when he comes and then once
    a second (RECHECK 1); it is his turn if fewer callers of his queue are ahead of him than members of it are free; he takes the
    free member of the lowest penalty, then the one whose last call is longest ago.

    An agent's own trade has penalty 0, what else he serves penalty 1. Between queues of equal weight nobody decides: whose second
    ends first gets the agent.
    """

    _RECHECK_MS: Final = 1000

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        self.waiting[queue][contact] = now_ms
        self.queue_of[contact] = queue
        return self._offer(contact) if contact in self._in_turn(queue) else ()

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        self.idle_since[agent] = now_ms
        return ()

    def look_at(self, now_ms: int) -> int | None:
        turns = [contact for queue in range(len(QUEUES)) for contact in self._in_turn(queue)]
        return min((self._recheck(contact, now_ms) for contact in turns), default=None)

    def look(self, now_ms: int) -> Iterable[Match]:
        for queue in range(len(QUEUES)):
            for contact in self._in_turn(queue):
                if (now_ms - self.waiting[queue][contact]) % self._RECHECK_MS == 0:
                    yield from self._offer(contact)

    def _recheck(self, contact: int, now_ms: int) -> int:
        """The caller's next look after `now_ms`."""
        since = self.waiting[self.queue_of[contact]][contact]
        return since + ((now_ms - since) // self._RECHECK_MS + 1) * self._RECHECK_MS

    def _in_turn(self, queue: int) -> list[int]:
        if not self.waiting[queue]:
            return []
        free = sum(queue in self.agents[agent].skills for agent in self.idle_since)
        return [contact for contact, _ in zip(self.waiting[queue], range(free), strict=False)]

    def _agent_order(self, agent: int, queue: int) -> tuple[float, ...]:
        return (self.agents[agent].skills[0] != queue, *super()._agent_order(agent, queue))
