"""A catalogue that comes into force in the middle of the day: what stays as it is, and what does not (DESIGN 5, R-31)."""

from typing import Any

import msgspec
import pytest

from ccc_router.events import commands as c
from ccc_router.events.facts import DeliveryReported
from ccc_router.events.vocabulary import (
    CallEventName,
    Channel,
    ContactState,
    ControlAnswer,
    ControlCommand,
    DeliveryState,
    OfferReason,
    Presence,
    Role,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import State, Step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Calendar, Catalogue, Interval, QueueProfile
from ccc_router.routing.rows import Contact
from ccc_router.routing.standing.doors import Doors
from tests.support.matcher import Watched
from tests.support.world import World, a_catalogue, an_agent

CALL = derive("ct", "hotline", "call", "c1")
AN: dict[str, Any] = {"actor": "an", "actor_role": Role.AGENT}
SUP: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}


def activate(world: World, catalogue: Catalogue, **more: Any) -> Step:
    version = world.state.book.version + 1
    document = msgspec.to_builtins(msgspec.structs.replace(catalogue, version=version))
    return world.give(
        c.ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=version, catalogue=document, **more)
    )


def test_an_offer_that_still_fits_stays_where_it_is() -> None:
    world = Watched(a_catalogue(an_agent("an"), an_agent("binh")))
    world.sign_in("an")
    contact_id = world.write()
    offer_id = world.contact(contact_id).offer_id
    world.sign_in("binh")
    made = activate(world, world.catalogue)
    assert made.result == {"version": 2}
    assert not [one for one in made.decisions if isinstance(one, d.OfferEnded)]
    assert world.contact(contact_id).offer_id == offer_id


def test_what_was_kept_for_somebody_who_is_gone_is_anybodys() -> None:
    """Only that: what is kept for one who stays waits for him."""
    world = Watched(a_catalogue(an_agent("an"), an_agent("binh"), an_agent("chi")))
    kept = {}
    for agent_id in ("an", "binh"):
        world.sign_in(agent_id, Presence.ON_DEMAND)
        kept[agent_id] = world.write()
        world.give(c.AssignContact(**SUP, contact_id=kept[agent_id], agent_id=agent_id, reason="asked"))
    world.sign_in("binh", Presence.SIGNED_OUT)
    world.give(c.AssignContact(**SUP, contact_id=kept["binh"], agent_id="an", reason="asked"))
    released = []
    for agents in (("an", "chi"), ("binh", "chi")):
        remaining = tuple(one for one in world.catalogue.agents if one.id in agents)
        made = activate(world, msgspec.structs.replace(world.catalogue, agents=remaining))
        released.append([one.contact_id for one in made.decisions if isinstance(one, d.ContactReleased)])
    assert released == [[], sorted(kept.values())]
    assert {world.contact(one).reserved_for for one in kept.values()} == {""}


def test_who_waits_in_a_queue_that_goes_waits_in_its_successor_with_his_rank() -> None:
    world = Watched(a_catalogue(an_agent("an", skills={"vi": 5, "hi": 4}, profiles=(QueueProfile("general"),))))
    contact_id = world.write(queue="health")
    rank, arrived = world.contact(contact_id).rank, world.contact(contact_id).arrived_at
    topics = tuple(msgspec.structs.replace(one, queue="general") for one in world.catalogue.topics)
    general = msgspec.structs.replace(world.catalogue, queues=world.catalogue.queues[:1], topics=topics)
    refused = activate(world, general)
    assert refused.decisions == [d.CommandRefused("queue_in_use", "health")]
    refused = activate(world, general, successors={"health": "nowhere"})
    assert refused.decisions == [d.CommandRefused("queue_in_use", "health")]
    assert activate(world, general, successors={"health": "general"}).refused is None
    contact = world.contact(contact_id)
    assert (contact.queue, contact.tier, contact.step, contact.rank, contact.arrived_at) == (
        "general",
        0,
        0,
        rank,
        arrived,
    )
    world.sign_in("an")
    assert world.offered_to(contact_id) == "an"


def test_nobody_with_work_or_an_offer_can_be_left_out() -> None:
    world = Watched(a_catalogue(an_agent("an"), an_agent("binh")))
    world.sign_in("an")
    world.write()
    without = msgspec.structs.replace(world.catalogue, agents=world.catalogue.agents[1:])
    assert activate(world, without).decisions == [d.CommandRefused("agent_in_use", "an")]
    world.accept("an")
    assert activate(world, without).decisions == [d.CommandRefused("agent_in_use", "an")]
    world.complete("an", "ct_1")
    assert activate(world, without).refused is None
    contact_id = world.write()
    assert world.offered_to(contact_id) == "", "he is ready, but nobody's agent"


def by_turns() -> Catalogue:
    plain = a_catalogue(an_agent("an"))
    half_hours = tuple(Interval(day, 60 * hour, 60 * hour + 30) for day in range(7) for hour in range(24))
    general = msgspec.structs.replace(plain.queues[0], hours={"default": "half"})
    return msgspec.structs.replace(
        plain, queues=(general, *plain.queues[1:]), calendars=(*plain.calendars, Calendar("half", half_hours))
    )


def test_i13_a_loaded_state_waits_for_the_same_opening() -> None:
    world = Watched(by_turns())
    world.wait(0)
    due = world.state.doors.rows["general"].due_at
    assert world.state.timers.due_of("queue", "general") == due > world.now
    loaded = State("main", world.catalogue)
    loaded.load(world.state.dump())
    assert loaded.timers.due_of("queue", "general") == due
    assert loaded.take_changed() == type(loaded.take_changed())(), "nothing is written of what was only loaded"
    assert loaded.timers.due_of("queue", "health") == 0
    fresh = State("main", world.catalogue)
    fresh.activate(world.catalogue)
    assert (fresh.timers.due_of("queue", "general"), fresh.now) == (1, 0), "its hours are looked at at once"


def a_contact(contact_id: str, queue: str) -> Contact:
    return Contact(contact_id, "cs", "cu", Channel.PORTAL, "site", queue, ContactState.QUEUED, 1, 1)


def test_a_contact_stands_behind_one_door() -> None:
    doors = Doors()
    contact = a_contact("ct_1", "general")
    doors.hold(contact)
    doors.hold(a_contact("ct_2", "general"))
    contact.queue = "health"
    doors.hold(contact)
    assert (list(doors.held("general")), list(doors.held("health"))) == (["ct_2"], ["ct_1"])
    doors.let_go("ct_1")
    doors.let_go("ct_none")
    assert (list(doors.held("health")), doors.holds("ct_1"), doors.holds("ct_2")) == ([], False, True)


@pytest.mark.parametrize(("answered", "end"), [(False, ContactState.ABANDONED), (True, ContactState.CLOSED)])
def test_a_caller_the_switch_no_longer_knows_was_answered_or_not(answered: bool, end: ContactState) -> None:
    """Somebody may have had him before he was handed on."""
    world = Watched(a_catalogue(an_agent("an"), an_agent("binh")))
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    if answered:
        world.accept("an")
        world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
        world.wait(1)
        world.sign_in("binh")
        world.give(c.TransferContact(**AN, contact_id=CALL, agent_id="binh"))
        world.wait(1)
        world.call(CallEventName.CONNECTION_CLEARED, leg="a1")
        world.accept("binh")
    else:
        world.accept("an")
    contact = world.contact(CALL)
    assert contact.state is ContactState.CONNECTING
    world.give(
        DeliveryReported(
            delivery_id="dl_1", state=DeliveryState.FAILED, attempt=1, external_id=ControlAnswer.CALL_GONE,
            command=ControlCommand.CONNECT, offer_id=contact.offer_id, contact_id=CALL,
        )
    )  # fmt: skip
    assert contact.state is end


def test_a_call_out_is_offered_and_taken_at_once_and_must_be_connected_in_time() -> None:
    world = World()
    world.sign_in("an")
    world.write(Channel.EMAIL)
    world.accept("an")
    out = derive("ct", "hotline", "call", "out")
    made = world.give(c.CallCustomer(**AN, case_id="cs_1", endpoint="hotline", call_id="out", contact_id=out))
    by = world.now + 1000 * world.state.book.rules.connect_s
    [offer] = [one for one in made.decisions if isinstance(one, d.OfferMade)]
    assert (offer.expires_at, offer.reason, offer.attempt, offer.agent_id) == (by, OfferReason.ASSIGNED, 1, "an")
    [ended] = [one for one in made.decisions if isinstance(one, d.OfferEnded)]
    assert (ended.connect_by, ended.by) == (by, "an")
    [owed] = [one for one in made.decisions if isinstance(one, d.DeliveryOwed)]
    assert (owed.command, owed.not_after) == (ControlCommand.DIAL, by)
