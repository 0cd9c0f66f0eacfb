"""``apply``: the only place where the state changes. One small function a decision; none of them decides anything."""

from collections.abc import Callable
from typing import Any

import msgspec

from ...events.envelope import Input
from .. import decisions as d
from ..rows import Case
from ..state import State
from . import agents, callbacks, cases, contacts, offers, resuming


def begin(state: State, given: Input) -> None:
    """What an input changes by being there: position and time, and a closed case it belongs to comes back into memory."""
    state.position, state.now = given.position, given.at
    state.woken_contacts, state.woken_agents, state.leaving = [], [], []
    state.doors.turned, state.doors.came, state.limits.opened, state.signed_in.emptied = [], [], [], []
    found = given.resolved.case
    if found is not None and found.row["id"] not in state.cases:
        case = msgspec.convert(found.row, Case)
        state.cases[case.id] = case


def apply(state: State, given: Input, decision: d.Decision) -> None:
    """Make a decision true. Raises ``IllegalTransition`` or ``KeyError`` if it cannot be: a fault of the core, never of the input."""
    APPLIERS[type(decision)](state, given, decision)
    state.position += 1


# ``Any`` because each function takes its own decision; a test holds this table against the decisions there are.
APPLIERS: dict[type[d.Decision], Callable[[State, Input, Any], None]] = {
    d.CustomerMet: cases.customer_met,
    d.CaseOpened: cases.case_opened,
    d.CaseMoved: cases.case_moved,
    d.CaseEdited: cases.case_edited,
    d.CaseReturned: cases.case_returned,
    d.CaseAttached: cases.case_attached,
    d.IncidentSet: cases.incident_set,
    d.IncidentTold: cases.incident_told,
    d.ContactOpened: contacts.contact_opened,
    d.MessageCounted: contacts.message_counted,
    d.ContactQueued: contacts.contact_queued,
    d.WaitTold: contacts.wait_told,
    d.ContactReleased: contacts.contact_released,
    d.ContactAged: contacts.contact_aged,
    d.ContactRelaxed: contacts.contact_relaxed,
    d.ContactOverflowed: contacts.contact_overflowed,
    d.ContactHandedOver: contacts.contact_handed_over,
    d.FactForwarded: cases.nothing,
    d.OverflowPutOff: contacts.overflow_put_off,
    d.HoursChanged: contacts.hours_changed,
    d.SurgeSet: contacts.surge_set,
    d.SurgeEnded: contacts.surge_ended,
    d.ContactRanked: contacts.contact_ranked,
    d.ContactNeedsAttention: contacts.contact_needs_attention,
    d.ContactActive: contacts.contact_active,
    d.FirstActionExpected: contacts.first_action_expected,
    d.ContactHeld: contacts.contact_held,
    d.ContactWaiting: contacts.contact_waiting,
    d.WrapUpStarted: contacts.wrap_up_started,
    d.ClearingExpected: contacts.clearing_expected,
    d.ContactEnded: contacts.contact_ended,
    d.ContactForgotten: contacts.contact_forgotten,
    d.ContactLinked: contacts.contact_linked,
    d.ContactMarked: contacts.contact_marked,
    d.CustomerChanged: contacts.customer_changed,
    d.CustomerIdentified: contacts.customer_identified,
    d.IdentificationUndone: contacts.identification_undone,
    d.CallAdvanced: contacts.call_advanced,
    d.CallbackSet: callbacks.callback_set,
    d.CallbackDialled: callbacks.callback_dialled,
    d.CallbackReached: callbacks.callback_reached,
    d.PlaceTaken: callbacks.place_taken,
    d.OfferMade: offers.offer_made,
    d.OfferSeen: offers.offer_seen,
    d.OfferEnded: offers.offer_ended,
    d.AssignmentEnded: offers.assignment_ended,
    d.PresenceChanged: agents.presence_changed,
    d.DemandOpened: agents.demand_opened,
    d.DemandClosed: agents.demand_closed,
    d.AgentPenalised: agents.agent_penalised,
    d.PenaltyOver: agents.penalty_over,
    d.AgentMarkedLost: agents.agent_marked_lost,
    d.AgentMarkedBack: agents.agent_marked_back,
    d.PhoneMarked: agents.phone_marked,
    d.DeadlinesMoved: resuming.deadlines_moved,
    d.EscalationSet: cases.escalation_set,
    d.CatalogueActivated: agents.catalogue_activated,
    d.DeliveryOwed: cases.nothing,
    d.DeliveryEnded: cases.nothing,
    d.MessageMarked: cases.nothing,
    d.CommandRefused: cases.nothing,
    d.InvariantViolated: cases.nothing,
}
