"""What handlers of commands begin with: is it still there, and may this actor do this with it?"""

from ...events.commands import Command
from ...events.vocabulary import ContactState, Role
from ..decisions import CommandRefused
from ..rows import Agent, Contact
from ..state import ENDED, State


def is_supervisor(command: Command) -> bool:
    """Whether the actor supervises."""
    return command.actor_role in (Role.SUPERVISOR, Role.ADMIN)


def open_contact(state: State, contact_id: str) -> Contact | CommandRefused:
    """The contact, unless it is over."""
    contact = state.contacts.get(contact_id)
    if contact is None or contact.state in ENDED:
        return CommandRefused("contact_over")
    return contact


def owned_contact(state: State, command: Command, contact_id: str) -> Contact | CommandRefused:
    """The contact, if the actor owns it, waits with it for the customer, or supervises."""
    contact = open_contact(state, contact_id)
    if isinstance(contact, CommandRefused):
        return contact
    owner = contact.agent_id or (contact.reserved_for if contact.state is ContactState.WAITING else "")
    if owner != command.actor and not is_supervisor(command):
        return CommandRefused("not_yours", owner)
    return contact


def known_agent(state: State, agent_id: str) -> Agent | CommandRefused:
    """The agent, if the catalogue has him."""
    if agent_id not in state.book.agents:
        return CommandRefused("unknown_agent", agent_id)
    return state.agents[agent_id]
