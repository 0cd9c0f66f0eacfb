"""What an offer overtook: the fronts of lines that rank before its contact, each with the reason why its agent did not get that one."""

from ...events.vocabulary import Overtaking
from ..decisions.agents import Overtaken
from ..matching import Match
from ..rows import kept_for
from ..rulebook import AgentClass, ContactClass
from ..standing.lines import Place
from ..state import State

LISTED = 5
"""Lines named in an offer's entry. A line's front speaks for all behind it: they are of one class, and it has waited longest."""


def overtaken(state: State, match: Match) -> tuple[Overtaken, ...]:
    """The first lines whose front ranks before the contact that is about to be offered (R-13). Its cost does not grow with who waits."""
    contact = match.contact
    found = state.waiting.before(Place(contact.rank, contact.id), LISTED)
    return tuple(Overtaken(front, rank, _why(state, match, front, where)) for (rank, front), where in found)


def _why(state: State, match: Match, front: str, where: ContactClass | tuple[str, ...]) -> Overtaking:
    agent_id = match.agent.id
    agent_class = state.book.agent_classes[agent_id]
    takes = state.book.takes(agent_class)
    if isinstance(where, tuple):
        if agent_id not in where:
            return Overtaking.RESERVED
    elif where not in takes:
        return _unfit(where, agent_class)
    elif agent_id in state.contacts[front].excluded:
        return Overtaking.EXCLUDED
    if state.limits.full(state.contacts[front]):
        return Overtaking.QUEUE_AT_LIMIT
    if state.contacts[front].channel.value not in state.free.channels(agent_id):
        return Overtaking.NO_ROOM
    if kept_for(match.contact):
        return Overtaking.KEPT_FOR_AGENT
    if not isinstance(where, tuple):
        if takes[where] > takes[state.book.contact_class(match.contact)]:
            return Overtaking.PROFILE_PRIORITY
        if state.waiting.extra:
            return Overtaking.CONTACT_ORDER
    return Overtaking.SAME_MOMENT


def _unfit(line: ContactClass, agents: AgentClass) -> Overtaking:
    delays = [delay for queue, _, delay in agents.profiles if queue == line.queue]
    if not delays:
        return Overtaking.QUEUE_NOT_SERVED
    if line.preferred and line.queue not in agents.preferred_by:
        return Overtaking.RESERVED
    levels = dict(agents.skills)
    if any(levels.get(skill, 0) < level for skill, level in line.needs):
        return Overtaking.SKILL
    if dict(agents.channels).get(line.channel, 0) <= 0:
        return Overtaking.NO_ROOM
    return Overtaking.DELAY
