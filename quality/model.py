"""The core's order without the core: person by person and contact by contact, in a few lines; and other orders in its place.

With its own rules it does what `Ours` does, match for match (a test holds that); the others are what was tried and left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from quality.play import Match
from quality.rivals import LongestIdleFifo
from quality.scenarios import MIX, QUEUES, THRESHOLD_S, Agent

_TARGET_MS: Final = int(1000 * THRESHOLD_S)
Order = tuple[float, ...]


class Model(LongestIdleFifo):
    """A contact goes to the free agent who is first by ``agents_by``, then idle longest. A freed agent takes who can still be
    answered in time, first by ``contacts_by``; others after them by age, but before all who has been late for ``extra_ms``."""

    def __init__(self, agents: Sequence[Agent], agents_by: str, contacts_by: str, extra_ms: int) -> None:
        super().__init__(agents)
        self.agents_by, self.contacts_by, self.extra_ms = AGENTS_BY[agents_by], CONTACTS_BY[contacts_by], extra_ms
        self.able = [sum(queue in one.skills for one in agents) for queue in range(len(QUEUES))]
        self.free = [0] * len(QUEUES)

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        self.idle_since[agent] = now_ms
        for queue in self.agents[agent].skills:
            self.free[queue] += 1
        firsts = [self._first(queue, now_ms) for queue in self.agents[agent].skills if self.waiting[queue]]
        return self._match(min(firsts)[1], agent) if firsts else ()

    def _first(self, queue: int, now_ms: int) -> tuple[Order, int]:
        """Who goes first of a queue's line, and his order. Nobody is behind one who came later and has the same turn."""
        late: tuple[Order, int] | None = None
        for contact, since in self.waiting[queue].items():
            if now_ms - since <= _TARGET_MS:
                return (0, *self.contacts_by(self, queue, now_ms - since), since, contact), contact
            if now_ms - since > _TARGET_MS + self.extra_ms:
                return (0, -1, since, contact), contact
            late = late or ((1, 0, since, contact), contact)
        if late is None:
            raise AssertionError("nobody waits")
        return late

    def _agent_order(self, agent: int, queue: int) -> tuple[float, ...]:
        return (*self.agents_by(self, agent, queue), *super()._agent_order(agent, queue))

    def _match(self, contact: int, agent: int) -> tuple[Match, ...]:
        for queue in self.agents[agent].skills:
            self.free[queue] -= 1
        return super()._match(contact, agent)


def _others(model: Model, agent: int, queue: int) -> list[int]:
    return [one for one in model.agents[agent].skills if one != queue]


def _idle(model: Model, agent: int, queue: int) -> Order:
    return ()


def _scarce(model: Model, agent: int, queue: int) -> Order:
    """The core's: the rarest other work he does, by how many are free for it."""
    return (-min((model.free[one] for one in _others(model, agent, queue)), default=len(model.idle_since)),)


def _scarce_of_all(model: Model, agent: int, queue: int) -> Order:
    """The same among everybody, free or not."""
    return (-min((model.able[one] for one in _others(model, agent, queue)), default=len(model.agents)),)


def _every_work(model: Model, agent: int, queue: int) -> Order:
    """Not the rarest work alone: if that is equal, the next (leximin)."""
    return tuple(sorted((-model.free[one] for one in _others(model, agent, queue)), reverse=True))


def _shares(model: Model, agent: int, queue: int) -> Order:
    """What part he is of those free for each other work, added up."""
    return (sum(1 / model.free[one] for one in _others(model, agent, queue)),)


def _weighted_shares(model: Model, agent: int, queue: int) -> Order:
    """The same, each by what arrives for each of its agents: needs the demand to be known."""
    others = _others(model, agent, queue)
    return (sum(MIX[one] / model.able[one] / model.free[one] for one in others),)


AGENTS_BY: Final[Mapping[str, Callable[[Model, int, int], Order]]] = {
    "scarce": _scarce,
    "idle": _idle,
    "scarce_of_all": _scarce_of_all,
    "every_work": _every_work,
    "shares": _shares,
    "weighted_shares": _weighted_shares,
}


def _rank(model: Model, queue: int, waited_ms: int) -> Order:
    """The core's: the oldest who can still be answered in time."""
    return (0,)


def _chances(model: Model, queue: int, waited_ms: int) -> Order:
    """Whoever has the fewest chances left: the time to his target by the agents who could take him."""
    return ((_TARGET_MS + 1 - waited_ms) * model.able[queue],)


def _pressure(model: Model, queue: int, waited_ms: int) -> Order:
    """The queue with the most waiting for each of its agents (queue-ratio routing: Gurvich, Whitt 2010)."""
    return (-len(model.waiting[queue]) / model.able[queue],)


def _newest(model: Model, queue: int, waited_ms: int) -> Order:
    return (waited_ms,)


CONTACTS_BY: Final[Mapping[str, Callable[[Model, int, int], Order]]] = {
    "rank": _rank,
    "chances": _chances,
    "pressure": _pressure,
    "newest": _newest,
}
