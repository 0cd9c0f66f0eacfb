"""The matcher by brute force: over everybody, in the words of DESIGN 5, without the classes, heaps and lists the core uses."""

from ccc_router.events.envelope import AnyInput, Input, Resolved
from ccc_router.events.vocabulary import ContactState, OfferReason
from ccc_router.routing import State, Step, apply, begin, decide
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Agent, Queue
from ccc_router.routing.rows import Contact
from tests.support.world import World, carried, eligible, is_free


class Watched(World):
    """A world in which an offer is held against the brute-force matcher before it becomes true.

    The first hundred are: a day that nobody works only repeats itself.
    """

    watched = 100

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> Step:
        """One input, now; raises AssertionError for an offer that another should have had."""
        given = Input(self.state.position + 1, self.now, body, resolved or self.resolve(body), received_at=self.now)
        begin(self.state, given)
        made: list[d.Decision] = []
        refused: d.CommandRefused | None = None
        result: dict[str, object] | None = None
        for decision in decide(self.state, given):
            if isinstance(decision, d.Accepted):
                result = decision.result
                continue
            refused = decision if isinstance(decision, d.CommandRefused) else refused
            if isinstance(decision, d.OfferMade) and self.watched:
                self.watched -= 1
                check_offer(self.state, decision)
            apply(self.state, given, decision)
            made.append(decision)
        step = Step(made, refused, result)
        self.wrote(given, step)
        return step


def check_offer(state: State, offer: d.OfferMade) -> None:
    """I8: to the first of those able, and of nobody's turn but the best contact of somebody free; and the entry says so."""
    contact = state.contacts[offer.contact_id]
    if contact.state is not ContactState.QUEUED:
        return  # a call an agent makes himself is his, and was never matched
    able = [agent_id for agent_id in sorted(state.agents) if eligible(state, contact, agent_id)]
    assert offer.agent_id in able
    assert (offer.eligible, offer.step, offer.rank) == (len(able), contact.step, contact.rank)
    order = sorted(able, key=lambda agent_id: agent_key(state, contact, agent_id))
    assert offer.agent_id == order[0], f"{offer.agent_id} before {order[0]}"
    assert offer.runner_up == (order[1] if len(order) > 1 else ""), f"{offer.runner_up} came next, not {order[1:2]}"
    if not waits_for_somebody(contact):
        assert offer.won == agent_key(state, contact, order[0])[1:]
    assert any(first_of(state, agent_id) == contact.id for agent_id in able), f"{contact.id} overtook without a reason"


def waits_for_somebody(contact: Contact) -> bool:
    """Whether it is kept for certain agents."""
    return contact.reserved_for != "" or contact.preferred != ()


def first_of(state: State, agent_id: str) -> str:
    """The contact a free agent would take first."""
    waiting = [one for one in state.contacts.values() if one.state is ContactState.QUEUED]
    mine = [one for one in waiting if eligible(state, one, agent_id)]
    return min(mine, key=lambda one: contact_key(state, one, agent_id)).id


def contact_key(state: State, contact: Contact, agent_id: str) -> tuple[int, int, str]:
    """Assigned ones, what is kept for him, then the profile's priority; then the rank, of who lets others go first that of one who comes
    when he has his turn again."""
    if waits_for_somebody(contact):
        return (-1 if contact.reason is OfferReason.ASSIGNED else 0, contact.rank, contact.id)
    priority = next(one.priority for one in state.book.agents[agent_id].profiles if one.queue == contact.queue)
    return (priority, contact.rank + set_back(state, contact), contact.id)


def set_back(state: State, contact: Contact) -> int:
    """By how much: nothing unless it is too late for its target, and not yet for so long that it has its turn by rank again."""
    rules = state.book.rules
    if rules.contact_order == "rank":
        return 0
    target, extra = 1000 * state.book.queues[contact.queue].service_level.seconds, 1000 * rules.max_extra_wait_s
    late = state.now - (contact.rank + 1000 * rules.priority_credit_s[contact.priority] + target)
    return target + extra + 1 if 0 < late <= extra else 0


def agent_key(state: State, contact: Contact, agent_id: str) -> tuple[int | str, ...]:
    """Who had none of its last offers; then the order of the policy."""
    agent, rules = state.agents[agent_id], state.book.rules
    idle = {
        "last_work": agent.idle_since,
        "last_ready": agent.ready_since,
        "last_offer": max(agent.ready_since, agent.offered_at),
    }
    by = {
        "load": 1000 * carried(state, agent.assignments) // state.book.agents[agent_id].capacity.total_weight,
        "scarcity": scarcity(state, contact, agent_id),
        "idle": idle[rules.idle_since],
    }
    again = agent_id in contact.tried and not waits_for_somebody(contact)
    return (int(again), *(by[name] for name in rules.agent_order), agent_id)


def scarcity(state: State, contact: Contact, agent_id: str) -> int:
    """How many of those free for the channel could not do the rarest other work he does: person by person.

    Other work is what not exactly the same people can do as the contact's own.
    """
    catalogue, skills = state.book.catalogue, state.book.skills
    languages = {one.language if one.language in skills else "" for one in catalogue.endpoints}
    free = [one for one in catalogue.agents if is_free(state, one.id, contact.channel)]
    found = []
    for queue in catalogue.queues:
        for language in languages:
            able = [one for one in catalogue.agents if does(one, queue, language)]
            if state.book.agents[agent_id] in able and able != own_work(state, contact, languages):
                found.append(sum(not does(one, queue, language) for one in free))
    return max(found, default=0)


def own_work(state: State, contact: Contact, languages: set[str]) -> list[Agent]:
    """Who can do the contact's own work; nobody if no endpoint has its language."""
    language = contact.language if contact.language in state.book.skills else ""
    queue = state.book.queues[contact.queue]
    return [one for one in state.book.catalogue.agents if language in languages and does(one, queue, language)]


def does(agent: Agent, queue: Queue, language: str) -> bool:
    """Whether an agent does this work from its first step on."""
    if all(one.queue != queue.id for one in agent.profiles):
        return False
    if language and agent.skills.get(language, 0) < 1:
        return False
    return all(agent.skills.get(need.skill, 0) >= need.level for need in queue.requirements)
