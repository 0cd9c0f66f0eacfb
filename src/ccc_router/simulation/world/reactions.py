"""What people make of the core's decisions: the other half of the world, one small function a decision."""

from collections.abc import Callable
from typing import Any, Protocol

from ...events.vocabulary import Channel, ContactState, OfferState, Presence
from ...routing import decisions as d
from ...routing.state import State
from .stays import Outcome, Visit, WorkedTime


class World(Protocol):
    """What the decisions move: the state they were applied to, visits by contact, agents' time by id, and what people do next."""

    state: State
    visits: dict[str, Visit]
    working: dict[str, WorkedTime]

    def offered(self, at: int, offer_id: str, contact_id: str) -> None:
        """An agent's client shows an offer."""

    def answered(self, at: int, contact_id: str) -> None:
        """The exchange begins."""

    def gone(self, at: int, visit: Visit, handed: d.ContactHandedOver) -> None:
        """Another pool has the contact from now on."""

    def come_back(self, at: int, agent_id: str) -> None:
        """Missed offers set the agent not ready."""


_OUTCOMES = {ContactState.CLOSED: Outcome.CLOSED, ContactState.ABANDONED: Outcome.ABANDONED}


def _offer_made(world: World, at: int, made: d.OfferMade) -> None:
    world.offered(at, made.offer_id, made.contact_id)


def _offer_ended(world: World, at: int, ended: d.OfferEnded) -> None:
    """An accepted message is answered at once; a call when the agent's phone is."""
    if ended.state is not OfferState.ACCEPTED:
        return
    contact = next(
        (
            world.state.contacts[one]
            for one in reversed(world.state.agents[ended.by].assignments)
            if world.state.contacts[one].offer_id == ended.offer_id
        ),
        None,
    )
    _has_work(world, at, ended.by, 1)
    if contact is not None and contact.channel is not Channel.PHONE:
        world.answered(at, contact.id)


def _contact_active(world: World, at: int, active: d.ContactActive) -> None:
    if active.agent_id:
        _has_work(world, at, active.agent_id, 1)
    world.answered(at, active.contact_id)


def _assignment_ended(world: World, at: int, ended: d.AssignmentEnded) -> None:
    _has_work(world, at, ended.agent_id, -1)


def _has_work(world: World, at: int, agent_id: str, more: int) -> None:
    time = world.working[agent_id]
    time.until(at)
    time.assignments += more


def _contact_ended(world: World, at: int, ended: d.ContactEnded) -> None:
    visit = world.visits.get(ended.contact_id)
    if visit is None:
        return
    visit.stay.ended_at = at
    visit.stay.outcome = _OUTCOMES.get(ended.state, Outcome.OTHER)
    if visit.stay.outcome is not Outcome.ABANDONED:
        del world.visits[ended.contact_id]


def _presence_changed(world: World, at: int, changed: d.PresenceChanged) -> None:
    time = world.working[changed.agent_id]
    time.until(at)
    time.ready = changed.presence is Presence.READY
    if changed.reason == "rona":
        world.come_back(at, changed.agent_id)


def _handed_over(world: World, at: int, handed: d.ContactHandedOver) -> None:
    visit = world.visits.pop(handed.contact_id, None)
    if visit is not None:
        world.gone(at, visit, handed)


# ``Any`` because each function takes its own decision. Decisions that are not here move nobody.
REACTIONS: dict[type[d.Decision], Callable[[World, int, Any], None]] = {
    d.OfferMade: _offer_made,
    d.OfferEnded: _offer_ended,
    d.ContactActive: _contact_active,
    d.AssignmentEnded: _assignment_ended,
    d.ContactEnded: _contact_ended,
    d.ContactHandedOver: _handed_over,
    d.PresenceChanged: _presence_changed,
}
