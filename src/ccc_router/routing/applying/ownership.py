"""Moves that several decisions share: to another state, to an owner and away from him."""

from msgspec.structs import replace

from ...events.envelope import Input
from ...events.vocabulary import ContactState
from ..lifecycles import check
from ..lifecycles.contact import CONTACT
from ..rows import Agent, Contact, awaits_action
from ..standing.steps import waited_ms
from ..state import State

ANSWERS_KEPT = 20
"""Over how many answered contacts a helping queue is judged."""


def move(state: State, contact: Contact, to: ContactState) -> None:
    """Move along the lifecycle, or raise ``IllegalTransition``. What it waited so far is kept on the clock of its steps."""
    check(CONTACT, contact.state, to, contact.id)
    if contact.state is ContactState.QUEUED:
        queue = state.book.queues[contact.queue]
        hours = state.book.hours(queue.id, contact.channel) if queue.steps else None
        contact.waited = waited_ms(queue, hours, contact, state.now)
    contact.state, contact.state_since = to, state.now


def own(state: State, contact: Contact, agent: Agent) -> None:
    """The contact takes the agent's capacity from now on; he is the one who knows the case."""
    contact.agent_id = agent.id
    agent.assignments = (*agent.assignments, contact.id)
    state.touch_agent(agent)
    case = state.cases.get(contact.case_id)
    if case is not None:
        case.knows = agent.id
        state.touch_case(case)


def disown(state: State, contact: Contact, given: Input) -> None:
    """The owner's capacity is free again."""
    agent = state.agents[contact.agent_id]
    contact.agent_id = ""
    agent.assignments = tuple(other for other in agent.assignments if other != contact.id)
    for other in map(state.contacts.__getitem__, agent.assignments):
        # What it set aside could not be begun meanwhile: its time begins anew.
        if awaits_action(other) and state.book.interrupts(contact.channel, other.channel):
            other.ends_at = max(other.ends_at, given.at + state.book.first_action_ms(other.queue, other.channel))
            state.touch_contact(other)
    if not agent.assignments:
        agent.idle_since = given.at
        if agent.sign_out_after:
            state.leaving.append(agent.id)
    state.touch_agent(agent)


def answered(state: State, contact: Contact, at: int) -> None:
    """The contact is answered, at the latest now (ms); a queue that helps others keeps count of how soon."""
    if contact.answered_at:
        return
    contact.answered_at = at
    if contact.queue in state.book.helping:
        queue = state.book.queues[contact.queue]
        row = state.doors.row(queue)
        soon = at - contact.arrived_at <= 1000 * queue.service_level.seconds
        state.keep_queue(replace(row, answered=(*row.answered, int(soon))[-ANSWERS_KEPT:]))
