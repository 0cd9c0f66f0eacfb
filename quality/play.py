"""Plays one policy through one run of arrivals: a discrete-event simulation whose only moving part is the policy."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from quality.scenarios import THRESHOLD_S, Agent, Contact

Match = tuple[int, int]
"""(contact, agent), as indices: the agent starts on the contact now."""


class Policy(Protocol):
    """What is compared. Told what happens in order of time, it says which agents start on which contacts.

    It sees a contact's queue and time of arrival, never its patience or handling. Our own is one that keeps a core's state, turns each
    call into inputs for `ccc_router.routing.step`, and its offers into matches.
    """

    def arrived(self, now_ms: int, contact: int, queue: int) -> Iterable[Match]:
        """A contact came."""

    def freed(self, now_ms: int, agent: int) -> Iterable[Match]:
        """An agent finished."""

    def abandoned(self, now_ms: int, contact: int) -> None:
        """A contact that waited is gone."""

    def look_at(self, now_ms: int) -> int | None:
        """When it wants to be asked again if nothing happens before (later than `now_ms`), for policies that poll or relax."""

    def look(self, now_ms: int) -> Iterable[Match]:
        """That time has come."""


@dataclass(frozen=True, slots=True)
class Run:
    """Of the contacts counted: shares of all that arrived, and every wait in seconds until answered or gone."""

    service_level: float
    abandoned: float
    waits_s: Sequence[float]


class _Play:
    """Events are (time, order, kind, what): an agent finishes, patience ends, a policy's look; arrivals are merged in."""

    def __init__(self, policy: Policy, contacts: Sequence[Contact], agents: Sequence[Agent]) -> None:
        self.policy, self.contacts, self.agents = policy, contacts, agents
        self.started: dict[int, int] = {}
        self.gone: set[int] = set()
        self.busy: set[int] = set()
        self.agenda: list[tuple[int, int, str, int]] = [(one.at_ms, 1, "arrived", i) for i, one in enumerate(contacts)]
        heapq.heapify(self.agenda)
        self.next_look: int | None = None

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self.agenda:
            now, _, kind, what = heapq.heappop(self.agenda)
            if kind == "arrived":
                heapq.heappush(self.agenda, (now + self.contacts[what].patience_ms, 2, "patience", what))
                self.start(now, self.policy.arrived(now, what, self.contacts[what].queue))
            elif kind == "freed":
                self.busy.discard(what)
                self.start(now, self.policy.freed(now, what))
            elif kind == "patience":
                if what not in self.started:
                    self.gone.add(what)
                    self.policy.abandoned(now, what)
            elif now == self.next_look:
                self.next_look = None
                self.start(now, self.policy.look(now))
            self._plan_look(now)

    def start(self, now: int, matches: Iterable[Match]) -> None:
        """Agents start on contacts; a policy that gives away what is not waiting is wrong."""
        for contact, agent in matches:
            if contact in self.started or contact in self.gone:
                raise AssertionError(f"contact {contact} is not waiting")
            if agent in self.busy or self.contacts[contact].queue not in self.agents[agent].skills:
                raise AssertionError(f"agent {agent} cannot take contact {contact}")
            self.started[contact] = now
            self.busy.add(agent)
            heapq.heappush(self.agenda, (now + self.contacts[contact].handling_ms, 0, "freed", agent))

    def _plan_look(self, now: int) -> None:
        wanted = self.policy.look_at(now)
        if wanted is not None and wanted != self.next_look:
            self.next_look = wanted
            heapq.heappush(self.agenda, (wanted, 3, "look", 0))
        elif wanted is None:
            self.next_look = None


def play(policy: Policy, contacts: Sequence[Contact], agents: Sequence[Agent], warm_ms: int) -> Run:
    """Every agent is free at the beginning, in the order of their numbers; who arrives before `warm_ms` is not counted."""
    world = _Play(policy, contacts, agents)
    for agent in range(len(agents)):
        world.start(0, policy.freed(0, agent))
    world.run()
    counted = [i for i, contact in enumerate(contacts) if contact.at_ms >= warm_ms]
    waits = [
        (world.started[i] - contacts[i].at_ms if i in world.started else contacts[i].patience_ms) / 1000
        for i in counted
    ]
    in_time = sum(i in world.started and wait <= THRESHOLD_S for i, wait in zip(counted, waits, strict=True))
    return Run(in_time / len(counted), sum(i in world.gone for i in counted) / len(counted), waits)
