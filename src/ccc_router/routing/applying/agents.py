"""Agents and the catalogue change here."""

import msgspec

from ...events.commands import ActivateCatalogue
from ...events.envelope import Input
from ...events.vocabulary import Presence
from .. import decisions as d
from ..policy import Catalogue
from ..state import State

_WORKING = (Presence.READY, Presence.ON_DEMAND)


def presence_changed(state: State, given: Input, changed: d.PresenceChanged) -> None:
    agent = state.agents[changed.agent_id]
    if agent.presence is not changed.presence and not agent.assignments:
        agent.idle_since = given.at
    if changed.presence in _WORKING and agent.presence not in _WORKING:
        agent.ready_since = given.at
    agent.presence, agent.reason, agent.presence_since = changed.presence, changed.reason, given.at
    agent.sign_out_after = changed.after_current
    if changed.presence in (Presence.SIGNED_OUT, Presence.NOT_READY):
        agent.demand_id, agent.demand_until = "", 0
    else:
        agent.misses = ()
    state.touch_agent(agent)


def demand_opened(state: State, _: Input, opened: d.DemandOpened) -> None:
    agent = state.agents[opened.agent_id]
    agent.demand_id, agent.demand_until = opened.demand_id, opened.until
    state.touch_agent(agent)


def demand_closed(state: State, _: Input, closed: d.DemandClosed) -> None:
    agent = state.agents[closed.agent_id]
    agent.demand_id, agent.demand_until = "", 0
    state.touch_agent(agent)


def agent_penalised(state: State, given: Input, penalised: d.AgentPenalised) -> None:
    agent = state.agents[penalised.agent_id]
    agent.penalties = {**agent.penalties, penalised.channel: penalised.until}
    if penalised.missed:
        since = given.at - 1000 * state.book.rules.miss_window_s
        agent.misses = (*(at for at in agent.misses if at > since), given.at)
    state.touch_agent(agent)


def penalty_over(state: State, _: Input, over: d.PenaltyOver) -> None:
    agent = state.agents[over.agent_id]
    agent.penalties = {channel: until for channel, until in agent.penalties.items() if channel != over.channel}
    state.touch_agent(agent)


def agent_marked_lost(state: State, _: Input, marked: d.AgentMarkedLost) -> None:
    agent = state.agents[marked.agent_id]
    agent.lost, agent.lost_at = True, marked.release_at
    agent.demand_id, agent.demand_until = "", 0
    state.touch_agent(agent)


def agent_marked_back(state: State, _: Input, marked: d.AgentMarkedBack) -> None:
    agent = state.agents[marked.agent_id]
    agent.lost, agent.lost_at = False, 0
    state.touch_agent(agent)


def phone_marked(state: State, _: Input, marked: d.PhoneMarked) -> None:
    agent = state.agents[marked.agent_id]
    agent.phone_registered, agent.phone_at = marked.registered, marked.at
    state.touch_agent(agent)


def catalogue_activated(state: State, given: Input, _: d.CatalogueActivated) -> None:
    command = given.body
    if not isinstance(command, ActivateCatalogue):
        raise KeyError("catalogue")
    successors = command.successors
    moved = [contact for contact in state.contacts.values() if contact.queue in successors]
    for contact in moved:
        contact.queue, contact.tier, contact.step = successors[contact.queue], 0, 0
        contact.for_preferred = False
    state.activate(msgspec.convert(command.catalogue, Catalogue))
    for contact in moved:
        state.touch_contact(contact)
