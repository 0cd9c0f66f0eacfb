"""The state of a pool: its rows by id, and what is derived from them. Only ``apply`` changes it."""

import msgspec

from ..events.vocabulary import ContactState
from .policy import Catalogue
from .rows import Agent, Case, Contact, Escalation, Groups, Incident, Offer, QueueState, Rows, kept_for, queue_due
from .rulebook import Rulebook
from .standing import Doors, Free, Limits, Place, Promised, SignedIn, Waiting, agent_key
from .standing.capacity import carried, has_room, room
from .standing.steps import step_due, waited_ms
from .standing.timers import Timers

ENDED = frozenset(
    {
        ContactState.CLOSED,
        ContactState.ABANDONED,
        ContactState.DEFLECTED,
        ContactState.MERGED,
        ContactState.HANDED_OVER,
    }
)
"""The states a contact never leaves."""


class State:
    """Everything a decision may depend on.

    ``position`` is the journal position of the last input or decision, ``now`` the engine time of the last input (ms). ``woken_contacts``
    and ``woken_agents`` are those that changed since the input began, oldest first: whom it is worth matching; ``leaving`` are agents who
    wanted to sign out after their last work and have none now.
    """

    def __init__(self, pool: str, catalogue: Catalogue) -> None:
        """A pool where nothing has happened yet."""
        self.pool = pool
        self.position = 0
        self.now = 0
        self.book = Rulebook(catalogue)
        self.contacts: dict[str, Contact] = {}
        self.offers: dict[str, Offer] = {}
        self.agents: dict[str, Agent] = {}
        self.cases: dict[str, Case] = {}
        self.escalations: dict[str, Escalation] = {}
        self.incidents: dict[str, Incident] = {}
        self.waiting = self._nobody()
        self.doors = Doors()
        self.promised = Promised()
        self.free, self.signed_in = Free(self.book), SignedIn()
        self.limits = Limits(catalogue.queues)
        self.woken_contacts: list[str] = []
        self.woken_agents: list[str] = []
        self.leaving: list[str] = []
        self._changed = Groups()
        self.timers = Timers()

    def just_left(self, case_id: str) -> Case | None:
        """A closed case that left the memory since the last `take_changed`: newer than its row in the tables."""
        return None if case_id in self.cases else self._changed.cases.get(case_id)

    # what is written down

    def take_changed(self) -> Rows:
        """The rows changed since the last call, as they are now."""
        changed, self._changed = self._changed, Groups()
        return changed.rows()

    def dump(self) -> Rows:
        """All rows in memory."""
        return self._groups().rows()

    def _groups(self) -> Groups:
        rows = self.doors.rows
        return Groups(self.contacts, self.offers, self.agents, self.cases, self.escalations, rows, self.incidents)

    def load(self, rows: Rows) -> None:
        """Take up rows of open things as the tables hold them; the state then decides like the one they were dumped from."""
        for group, loaded in zip(*map(msgspec.structs.astuple, (self._groups(), rows)), strict=True):
            group.update((row.id, row) for row in loaded)
        self.reindex()
        self.woken_contacts, self.woken_agents, self.doors.turned, self.limits.opened = [], [], [], []
        self.doors.came, self.signed_in.emptied = [], []
        self._changed = Groups()

    def reindex(self) -> None:
        """Derive everything anew, as after a new catalogue."""
        self.waiting, self.free, self.doors = self._nobody(), Free(self.book), Doors(self.doors.rows)
        self.signed_in = SignedIn()
        self.promised, self.timers, self.limits = Promised(), Timers(), Limits(self.book.queues.values())
        for contact in sorted(self.contacts.values(), key=lambda row: (row.rank, row.id)):
            self.touch_contact(contact)
        for offer in self.offers.values():
            self.touch_offer(offer)
        for _, agent in sorted(self.agents.items()):
            self.touch_agent(agent)
        for case in self.cases.values():
            self.touch_case(case)
        for escalation in self.escalations.values():
            self.touch_escalation(escalation)
        for queue in self.book.queues.values():
            self.timers.set("queue", queue.id, queue_due(self.doors.row(queue)))

    def _nobody(self) -> Waiting:
        rules = self.book.rules
        targets = {queue.id: 1000 * queue.service_level.seconds for queue in self.book.queues.values()}
        return Waiting(1000 * rules.max_extra_wait_s if rules.contact_order == "service_level" else 0, targets)

    def activate(self, catalogue: Catalogue) -> None:
        """Put another catalogue in force; every agent in it has a row from now on.

        What follows from rows is derived anew, but only agents are written again: with a hundred thousand waiting contacts
        the others would make a commit that takes longer than the lease.
        """
        self.book = Rulebook(catalogue)
        for agent_id in sorted(self.book.agents):
            self.agents.setdefault(agent_id, Agent(id=agent_id))
        changed = self._changed
        self._changed = Groups(agents=changed.agents, queues=changed.queues)
        self.reindex()
        self._changed = changed

    # what follows from a changed row

    def touch_contact(self, contact: Contact) -> None:
        """A contact changed: its place in line and its timer follow."""
        self._changed.contacts[contact.id] = contact
        self.limits.note(contact)
        self.promised.keep(contact)
        self.place(contact)
        self.timers.set("contact", contact.id, self.contact_due(contact))

    def place(self, contact: Contact) -> None:
        """Where it waits: in line, or before the door of a queue that is closed. What is kept for agents no door holds."""
        if self.is_shut(contact):
            self.waiting.drop(contact.id)
            self.doors.hold(contact)
            return
        self.doors.let_go(contact.id)
        if contact.state is ContactState.QUEUED:
            where = kept_for(contact) or self.book.contact_class(contact)
            if not isinstance(where, tuple):
                self.book.able(where)
            place = Place(contact.rank, contact.id)
            if self.waiting.put(place, where, contact.excluded, self.book.credit_ms(contact.priority)):
                self.woken_contacts.append(contact.id)
        else:
            self.waiting.drop(contact.id)

    def is_shut(self, contact: Contact) -> bool:
        """Whether the contact waits for its queue to open, or for the time its customer wants to be called at."""
        if contact.state is not ContactState.QUEUED:
            return False
        later = contact.callback is not None and contact.callback.not_before > 0
        return later or (not kept_for(contact) and self.closed_for(contact, contact.queue))

    def closed_for(self, contact: Contact, queue: str) -> bool:
        """Whether a queue is closed for a contact; nobody is called back outside the hours, whatever it drains."""
        drains = self.book.queues[queue].drains and contact.callback is None
        return self.doors.closed(queue, contact.channel.value, contact.arrived_at, drains=drains)

    def keep_queue(self, row: QueueState) -> None:
        """What is true of a queue changed: its row is written, its timer follows."""
        self.doors.rows[row.id] = self._changed.queues[row.id] = row
        self.timers.set("queue", row.id, queue_due(row))

    def set_hours(self, row: QueueState) -> None:
        """A queue opened or closed for some channels: who waits there takes his place anew, those in front first. No row but the
        queue's is written again."""
        self.keep_queue(row)
        here = [
            place.contact_id
            for one, line in self.waiting.lines.items()
            if one.queue == row.id
            for place in line.in_order()
        ]
        moved = [self.contacts[contact_id] for contact_id in (*here, *self.doors.held(row.id))]
        for contact in sorted(moved, key=lambda one: (one.rank, one.id)):
            self.place(contact)

    def forget_contact(self, contact: Contact) -> None:
        """An ended contact leaves the memory; its row is still to be written."""
        self._changed.contacts[contact.id] = contact
        self.contacts.pop(contact.id, None)
        self.limits.note(contact)
        self.promised.keep(contact)
        self.doors.let_go(contact.id)
        self.waiting.drop(contact.id)
        self.timers.set("contact", contact.id, 0)

    def touch_offer(self, offer: Offer) -> None:
        """An offer changed; an ended one leaves the memory."""
        self._changed.offers[offer.id] = offer
        if offer.ended_at:
            self.offers.pop(offer.id, None)
        self.timers.set("offer", offer.id, 0 if offer.ended_at else offer.expires_at)

    def touch_agent(self, agent: Agent) -> None:
        """An agent changed: what he is free for and his timer follow."""
        self._changed.agents[agent.id] = agent
        agent_class = self.book.agent_classes.get(agent.id)
        self.signed_in.note(agent, agent_class)
        if agent_class is None:
            self.free.drop(agent.id)
        else:
            channels, load = room(self.book, agent, self.load_of(agent))
            if self.free.put(agent_class, agent_key(self.book, agent, load), channels):
                self.woken_agents.append(agent.id)
        self.timers.set("agent", agent.id, self.agent_due(agent))

    def touch_case(self, case: Case) -> None:
        """A case changed; a closed one leaves the memory."""
        self._changed.cases[case.id] = case
        self.timers.set("case", case.id, case.due_at)

    def forget_case(self, case: Case) -> None:
        """A closed case leaves the memory."""
        self.touch_case(case)
        self.timers.set("case", case.id, 0)
        self.cases.pop(case.id, None)

    def touch_escalation(self, escalation: Escalation, *, ended: bool = False) -> None:
        """An escalation changed; an ended one leaves the memory."""
        self._changed.escalations[escalation.id] = escalation
        if ended:
            self.escalations.pop(escalation.id, None)
        self.timers.set("escalation", escalation.id, 0 if ended else escalation.due_at)

    def touch_incident(self, incident: Incident) -> None:
        """An incident changed; a resolved one leaves the memory."""
        self._changed.incidents[incident.id] = self.incidents[incident.id] = incident
        if incident.resolved_at:
            self.incidents.pop(incident.id)

    # what a row means

    def load_of(self, agent: Agent) -> dict[str, int]:
        """Assignments per channel that take the agent's capacity now."""
        used: dict[str, int] = {}
        for contact_id in agent.assignments:
            channel = self.contacts[contact_id].channel.value
            used[channel] = used.get(channel, 0) + 1
        return used

    def promised_to(self, agent: Agent) -> dict[str, int]:
        """`load_of` and the contact he is offered: it takes his capacity the moment he accepts."""
        used = self.load_of(agent)
        if agent.offer_id:
            channel = self._offered(agent)
            used[channel] = used.get(channel, 0) + 1
        return used

    def weight_of(self, used: dict[str, int]) -> int:
        """What a load takes of the total weight."""
        return carried(self.book, used)

    def contact_due(self, contact: Contact) -> int:
        """When something must happen to the contact if nobody does anything; 0: a person or an offer has it."""
        state = contact.state
        if state is ContactState.QUEUED:
            delays = self.book.delays(contact.queue)
            tier = contact.arrived_at + delays[contact.tier] if contact.tier < len(delays) else 0
            dues = (tier, self._step_due(contact), contact.reserved_until, contact.attention_at, contact.overflow_at)
            later = contact.callback.not_before if contact.callback is not None else 0
            return min((due for due in (*dues, later) if due), default=0)
        if state is ContactState.WAITING:
            return contact.wait_until
        return contact.ends_at

    def _step_due(self, contact: Contact) -> int:
        queue = self.book.queues[contact.queue]
        if contact.step >= len(queue.steps):
            return 0
        return step_due(queue, self.book.hours(queue.id, contact.channel), contact, contact.step + 1)

    def steps_outlived(self, contact: Contact) -> int:
        """How many steps of its queue a waiting contact has waited for by now."""
        queue = self.book.queues[contact.queue]
        if contact.step >= len(queue.steps):
            return contact.step
        waited = waited_ms(queue, self.book.hours(queue.id, contact.channel), contact, self.now)
        return sum(1 for one in queue.steps if 1000 * one.after_s <= waited)

    def agent_due(self, agent: Agent) -> int:
        """When a demand, a penalty or the grace of a lost agent ends; 0: none runs."""
        dues = [due for due in (agent.demand_until, agent.lost_at) if due]
        dues.extend(agent.penalties.values())
        return min(dues, default=0)

    def fits(self, agent: Agent, channel: str) -> bool:
        """Whether one more contact of a channel fits beside what the agent has and what he is being offered."""
        return has_room(self.book, agent, channel, self.promised_to(agent))

    def may_accept(self, agent: Agent) -> bool:
        """Whether what the agent is being offered fits beside what he has."""
        return has_room(self.book, agent, self._offered(agent), self.load_of(agent))

    def _offered(self, agent: Agent) -> str:
        return self.contacts[self.offers[agent.offer_id].contact_id].channel.value
