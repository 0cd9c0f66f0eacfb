"""R-7: what is taken and not begun comes back to its queue with its place kept, and counts against the agent as a missed offer does."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ccc_router.events.commands import (
    AnyCommand,
    AssignContact,
    CallCustomer,
    EditCase,
    IdentifyCustomer,
    LinkContact,
    PromiseCallback,
    RaiseEscalation,
    SendMessage,
    SetPresence,
    SetPriority,
)
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import AgentLost, DraftKept, TimeResumed
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, OfferReason, Presence, Role, Visibility
from ccc_router.queues.catalogue.checks import faults_of
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Rules
from ccc_router.routing.state import State
from tests.support.matcher import Watched as World
from tests.support.world import a_catalogue, an_agent, check_invariants

WITHIN_S = 120


def a_world(*, first_action_s: dict[str, int] | None = None, rules: Rules | None = None) -> World:
    made = a_catalogue(an_agent("an"), an_agent("binh"), rules=rules)
    limits = {"default": WITHIN_S} if first_action_s is None else first_action_s
    queues = tuple(msgspec.structs.replace(one, first_action_s=limits) for one in made.queues)
    return World(msgspec.structs.replace(made, queues=queues))


def taken(world: World, channel: Channel = Channel.EMAIL) -> str:
    """A contact that ``an`` accepted, while nobody else is there."""
    world.sign_in("an")
    contact_id = world.write(channel)
    world.accept("an")
    return contact_id


def mine(contact_id: str, **more: Any) -> dict[str, Any]:
    return {"actor": "an", "actor_role": Role.AGENT, "contact_id": contact_id, **more}


@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.FANPAGE, Channel.PORTAL])
def test_r7_what_is_taken_and_not_begun_goes_to_another_with_its_rank_and_is_a_miss(channel: Channel) -> None:
    world = a_world()
    contact_id = taken(world, channel)
    rank = world.contact(contact_id).rank
    world.sign_in("binh")
    world.wait(WITHIN_S - 1)
    assert world.contact(contact_id).agent_id == "an", "I12: not a second early"
    world.wait(1)
    assert world.offered_to(contact_id) == "binh", "an had it last"
    contact = world.contact(contact_id)
    assert (contact.rank, contact.reason, contact.agent_id) == (rank, OfferReason.NOT_BEGUN, "")
    assert len(world.state.agents["an"].misses) == 1
    assert world.state.agents["an"].penalties["*"] > world.now
    ended = [one for _, made in world.log for one in made.decisions if isinstance(one, d.AssignmentEnded)]
    assert [(one.agent_id, one.reason) for one in ended] == [("an", "not_begun")]
    check_invariants(world.state)


def test_r18_who_begins_nothing_again_and_again_is_set_not_ready() -> None:
    world = a_world(rules=Rules(miss_limit=2))
    contact_id = taken(world)
    world.wait(WITHIN_S)
    world.wait(15)
    world.accept("an")
    assert world.contact(contact_id).agent_id == "an"
    world.wait(WITHIN_S)
    agent = world.state.agents["an"]
    assert (agent.presence, agent.reason) == (Presence.NOT_READY, "rona")
    assert world.state_of(contact_id) is ContactState.QUEUED
    check_invariants(world.state)


ACTIONS: dict[str, Callable[[State, str], AnyCommand]] = {
    "reply": lambda _, one: SendMessage(**mine(one), message_id="ms_a", visibility=Visibility.PUBLIC),
    "note": lambda _, one: SendMessage(**mine(one), message_id="ms_a", visibility=Visibility.NOTE),
    "identify": lambda _, one: IdentifyCustomer(**mine(one), evidence="asked"),
    "link": lambda state, one: LinkContact(**mine(one), case_id=state.contacts[one].case_id),
    "callback": lambda _, one: PromiseCallback(**mine(one)),
    "escalate": lambda _, one: RaiseEscalation(**mine(one), escalation_id="es_1", department="d_hi", keep=True),
    "edit": lambda state, one: EditCase(
        actor="an", actor_role=Role.AGENT, case_id=state.contacts[one].case_id, topic="card"
    ),
    "call": lambda state, one: CallCustomer(
        actor="an", actor_role=Role.AGENT, case_id=state.contacts[one].case_id, endpoint="hotline", call_id="o1", contact_id="ct_o1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_r7_whatever_its_owner_does_with_it_or_its_case_is_a_first_action(name: str) -> None:
    world = a_world()
    contact_id = taken(world)
    made = world.give(ACTIONS[name](world.state, contact_id))
    assert made.refused is None
    assert world.contact(contact_id).ends_at == 0
    world.wait(2 * WITHIN_S)
    assert world.contact(contact_id).agent_id == "an"
    assert not world.state.agents["an"].misses
    check_invariants(world.state)


def test_r7_so_is_a_draft_but_not_another_agents() -> None:
    world = a_world()
    contact_id = taken(world)
    world.give(DraftKept(contact_id=contact_id, agent_id="binh"))
    assert world.contact(contact_id).ends_at
    world.give(DraftKept(contact_id=contact_id, agent_id="an"))
    world.give(DraftKept(contact_id=contact_id, agent_id="an"))
    world.wait(2 * WITHIN_S)
    assert world.contact(contact_id).agent_id == "an"


def test_r7_an_answer_of_a_supervisor_counts_his_arrangements_and_a_colleagues_note_do_not() -> None:
    world = a_world()
    contact_id = taken(world)
    theirs: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR, "contact_id": contact_id}
    note: dict[str, Any] = {"actor": "binh", "actor_role": Role.AGENT, "contact_id": contact_id, "message_id": "ms_n"}
    world.give(SendMessage(**note, visibility=Visibility.NOTE))
    world.give(SetPriority(**theirs, priority=2, reason="asked"))
    assert world.contact(contact_id).ends_at
    world.give(SendMessage(**theirs, message_id="ms_s", visibility=Visibility.PUBLIC))
    assert not world.contact(contact_id).ends_at


def test_r7_a_refused_command_is_no_action() -> None:
    world = a_world()
    contact_id = taken(world)
    made = world.give(LinkContact(**mine(contact_id), case_id="cs_none"))
    assert made.refused is not None
    world.wait(WITHIN_S)
    assert not world.contact(contact_id).agent_id


@pytest.mark.parametrize("first_action_s", [{}, {"email": 0}, {"fanpage": WITHIN_S}])
def test_r7_it_is_off_unless_the_queue_asks_for_it_on_the_channel(first_action_s: dict[str, int]) -> None:
    world = a_world(first_action_s=first_action_s)
    contact_id = taken(world)
    assert not any(isinstance(one, d.FirstActionExpected) for _, made in world.log for one in made.decisions)
    world.wait(86_400)
    assert world.contact(contact_id).agent_id == "an"


def test_r7_what_a_call_sets_aside_cannot_be_begun_and_has_its_time_afterwards() -> None:
    world = a_world()
    contact_id = taken(world)
    world.call(CallEventName.OFFERED)
    world.accept("an")
    call = next(one for one in world.state.contacts.values() if one.channel is Channel.PHONE)
    world.call(CallEventName.ESTABLISHED, leg=f"leg-{call.offer_id}", offer_id=call.offer_id)
    assert call.state is ContactState.ACTIVE
    world.wait(3 * WITHIN_S)
    assert world.contact(contact_id).agent_id == "an", "he is on the phone"
    world.call(CallEventName.CONNECTION_CLEARED)
    world.complete("an", call.id)
    world.wait(WITHIN_S - 1)
    assert world.contact(contact_id).agent_id == "an"
    world.wait(1)
    assert not world.contact(contact_id).agent_id
    check_invariants(world.state)


def test_r7_r31_what_a_supervisor_gave_stays_his_while_he_is_there() -> None:
    world = a_world()
    world.sign_in("an")
    world.sign_in("binh", Presence.NOT_READY)
    contact_id = world.write()
    world.give(
        AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, agent_id="an", reason="his")
    )
    world.accept("an")
    world.sign_in("binh")
    world.wait(WITHIN_S)
    contact = world.contact(contact_id)
    assert (contact.agent_id, contact.reserved_for, contact.reason) == ("", "an", OfferReason.ASSIGNED)
    check_invariants(world.state)


def test_r7_who_is_lost_has_not_missed_it_and_who_wants_to_leave_leaves() -> None:
    world = a_world()
    contact_id = taken(world)
    world.wait(WITHIN_S - 10)
    world.give(AgentLost(agent_id="an"))
    world.wait(10)
    assert not world.contact(contact_id).agent_id
    assert not world.state.agents["an"].misses
    world.sign_in("binh")
    world.accept("binh")
    world.give(
        SetPresence(actor="binh", actor_role=Role.AGENT, agent_id="binh", presence=Presence.SIGNED_OUT, after_current=True)
    )  # fmt: skip
    world.wait(WITHIN_S)
    assert world.state.agents["binh"].presence is Presence.SIGNED_OUT
    assert len(world.state.agents["binh"].misses) == 1
    check_invariants(world.state)


def test_i12_time_without_an_engine_is_not_the_agents() -> None:
    world = a_world()
    contact_id = taken(world)
    world.wait(WITHIN_S - 1)
    world.now += 600_000
    world.give(TimeResumed(gap_ms=600_000))
    assert world.contact(contact_id).agent_id == "an"
    world.wait(1)
    assert not world.contact(contact_id).agent_id


def test_r7_a_contact_that_wakes_up_is_not_one_that_was_taken() -> None:
    """Nobody asked him whether he takes it: it was his all the time."""
    world = a_world()
    contact_id = taken(world)
    case_id = world.contact(contact_id).case_id
    world.give(SendMessage(**mine(contact_id), message_id="ms_a", visibility=Visibility.PUBLIC, then="wait"))
    world.write(Channel.EMAIL, case_id=case_id)
    assert world.state_of(contact_id) is ContactState.ACTIVE
    world.wait(10 * WITHIN_S)
    assert world.contact(contact_id).agent_id == "an"


def test_r17_the_catalogue_knows_no_first_action_of_a_call() -> None:
    made = a_catalogue()
    for limits in ({"phone": 60}, {"fax": 60}, {"email": -1}):
        queues = tuple(msgspec.structs.replace(one, first_action_s=limits) for one in made.queues)
        assert [
            one.path for one in faults_of(msgspec.structs.replace(made, queues=queues)) if "first_action_s" in one.path
        ]


def test_r7_an_identified_customer_is_met_in_a_resolved_command() -> None:
    """The resolved part of a command does not hide that its owner acted."""
    world = a_world()
    contact_id = taken(world)
    world.give(IdentifyCustomer(**mine(contact_id), evidence="asked"), Resolved(customer_id="cu_9", customer_new=True))
    assert world.contact(contact_id).customer_id == "cu_9"
    assert world.contact(contact_id).ends_at == 0
