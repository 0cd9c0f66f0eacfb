"""How many agents of each class are signed in, whatever they do. Derived from the rows, never stored."""

from collections.abc import Iterable

from ...events.vocabulary import Presence
from ..rows import Agent
from ..rulebook import AgentClass


class SignedIn:
    """``emptied`` are the classes of which the last one left since the input began. Everything costs the same, however many agents there are."""

    __slots__ = ("_counts", "_where", "emptied")

    def __init__(self) -> None:
        """Nobody is."""
        self._counts: dict[AgentClass, int] = {}
        self._where: dict[str, AgentClass] = {}
        self.emptied: list[AgentClass] = []

    def anybody(self, classes: Iterable[AgentClass]) -> bool:
        """Whether somebody of one of these classes is signed in."""
        return any(one in self._counts for one in classes)

    def note(self, agent: Agent, agent_class: AgentClass | None) -> None:
        """Count the agent by his presence now; one of whom nothing is heard is not there, nor one without a class."""
        there = agent.presence is not Presence.SIGNED_OUT and not agent.lost
        now, before = agent_class if there else None, self._where.get(agent.id)
        if now is before:
            return
        if before is not None:
            del self._where[agent.id]
            self._counts[before] -= 1
            if not self._counts[before]:
                del self._counts[before]
                self.emptied.append(before)
        if now is not None:
            self._where[agent.id] = now
            self._counts[now] = self._counts.get(now, 0) + 1
