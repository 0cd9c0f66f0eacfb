"""Offers and assignments change here."""

from ...events.envelope import Input
from ...events.vocabulary import ContactState, OfferState
from .. import decisions as d
from ..lifecycles import check
from ..lifecycles.offer import OFFER
from ..rows import Offer
from ..state import State
from .ownership import answered, disown, move, own


def offer_made(state: State, given: Input, made: d.OfferMade) -> None:
    contact, agent = state.contacts[made.contact_id], state.agents[made.agent_id]
    offer = Offer(
        id=made.offer_id,
        contact_id=contact.id,
        agent_id=agent.id,
        state=OfferState.PENDING,
        reason=made.reason,
        made_at=given.at,
        expires_at=made.expires_at,
        attempt=made.attempt,
        target_at=made.target_at,
    )
    state.offers[offer.id] = offer
    state.touch_offer(offer)
    move(state, contact, ContactState.OFFERED)
    contact.offer_id, contact.attempt = offer.id, made.attempt
    kept = state.book.rules.no_repeat_offers
    contact.tried = (*contact.tried, agent.id)[-kept:] if kept else ()
    state.touch_contact(contact)
    agent.offer_id, agent.demand_id, agent.demand_until, agent.offered_at = offer.id, "", 0, given.at
    state.touch_agent(agent)


def offer_seen(state: State, _: Input, seen: d.OfferSeen) -> None:
    offer = state.offers[seen.offer_id]
    offer.fetched = True
    state.touch_offer(offer)


def offer_ended(state: State, given: Input, ended: d.OfferEnded) -> None:
    offer = state.offers[ended.offer_id]
    check(OFFER, offer.state, ended.state, offer.id)
    offer.state, offer.ended_at, offer.ended_by = ended.state, given.at, ended.by
    state.touch_offer(offer)
    contact, agent = state.contacts[offer.contact_id], state.agents[offer.agent_id]
    agent.offer_id = ""
    if ended.state is not OfferState.ACCEPTED:
        state.touch_agent(agent)
        return
    offer.fetched = True
    contact.reserved_for, contact.reserved_until, contact.preferred, contact.for_preferred = "", 0, (), False
    if ended.connect_by:
        move(state, contact, ContactState.CONNECTING)
        contact.ends_at = ended.connect_by
    else:
        move(state, contact, ContactState.ACTIVE)
        answered(state, contact, given.at)
    own(state, contact, agent)
    state.touch_contact(contact)


def assignment_ended(state: State, given: Input, ended: d.AssignmentEnded) -> None:
    contact = state.contacts[ended.contact_id]
    disown(state, contact, given)
    contact.ends_at = 0
    state.touch_contact(contact)
