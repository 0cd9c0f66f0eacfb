"""What people make of the core's decisions: the other half of the world, one small function a decision."""

from collections.abc import Callable
from typing import Any, Protocol

from ...events.vocabulary import Channel, ContactState, OfferState, Presence
from ...routing import decisions as d
from ...routing.state import State
from .days import Days
from .departments import Departments
from .promises import Promises
from .stays import Outcome, Run, Visit, WorkedTime
from .work import Work


class World(Protocol):
    """What the decisions move: the state they were applied to, visits by contact, agents' time by id, and what people do next."""

    state: State
    visits: dict[str, Visit]
    working: dict[str, WorkedTime]
    run: Run
    days: Days
    work: Work
    promises: Promises
    departments: Departments

    def gone(self, at: int, visit: Visit, handed: d.ContactHandedOver) -> None:
        """Another pool has the contact from now on."""


_OUTCOMES = {ContactState.CLOSED: Outcome.CLOSED, ContactState.ABANDONED: Outcome.ABANDONED}


def _offer_made(world: World, at: int, made: d.OfferMade) -> None:
    world.work.offered(at, made.offer_id, made.contact_id)


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
        world.work.answered(at, contact.id)


def _contact_active(world: World, at: int, active: d.ContactActive) -> None:
    if active.agent_id:
        _has_work(world, at, active.agent_id, 1)
    world.work.answered(at, active.contact_id)


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
    if visit.promised and not visit.stay.answered_at:
        world.run.passed.unreached += at >= world.run.measured_from_ms
    visit.stay.outcome = _OUTCOMES.get(ended.state, Outcome.OTHER)
    if visit.stay.outcome is not Outcome.ABANDONED:
        del world.visits[ended.contact_id]


def _presence_changed(world: World, at: int, changed: d.PresenceChanged) -> None:
    time = world.working[changed.agent_id]
    time.until(at)
    time.ready = changed.presence is Presence.READY
    if changed.reason == "rona":
        world.days.come_back(at, changed.agent_id)


def _handed_over(world: World, at: int, handed: d.ContactHandedOver) -> None:
    visit = world.visits.pop(handed.contact_id, None)
    if visit is not None:
        world.gone(at, visit, handed)


def _opened(world: World, at: int, opened: d.ContactOpened) -> None:
    world.departments.came_back(at, opened)


def _callback_set(world: World, at: int, made: d.CallbackSet) -> None:
    if made.what == "promised":
        world.promises.promised(at, made.contact_id)


def _callback_reached(world: World, at: int, reached: d.CallbackReached) -> None:
    world.run.passed.reached += at >= world.run.measured_from_ms
    world.work.answered(at, reached.contact_id)


# ``Any`` because each function takes its own decision. Decisions that are not here move nobody.
REACTIONS: dict[type[d.Decision], Callable[[World, int, Any], None]] = {
    d.ContactOpened: _opened,
    d.OfferMade: _offer_made,
    d.OfferEnded: _offer_ended,
    d.ContactActive: _contact_active,
    d.AssignmentEnded: _assignment_ended,
    d.ContactEnded: _contact_ended,
    d.CallbackSet: _callback_set,
    d.CallbackReached: _callback_reached,
    d.ContactHandedOver: _handed_over,
    d.PresenceChanged: _presence_changed,
}
