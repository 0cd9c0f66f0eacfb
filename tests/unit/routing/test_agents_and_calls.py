"""What agents ask for, and what a switch tells of calls, one at a time: what follows, and what does not (DESIGN 5 to 7)."""

from typing import Any

import pytest

from ccc_router.events import commands as c
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import AgentBack, AgentLost, CallEvent, CallRecorded
from ccc_router.events.vocabulary import CallEventName, Channel, ContactState, ControlCommand, LegRole, Presence, Role
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.calls import Advanced
from ccc_router.routing.rows import Leg
from tests.support.world import World, a_catalogue, an_agent

CALL = derive("ct", "hotline", "call", "c1")
AN: dict[str, Any] = {"actor": "an", "actor_role": Role.AGENT}
SUP: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}


def code(made: Step) -> str:
    """The word of refusal, or nothing."""
    assert made.refused is None or made.decisions == [made.refused]
    return made.refused.code if made.refused is not None else ""


def words(made: Step) -> list[ControlCommand | None]:
    """What the switch is told."""
    return [one.command for one in made.decisions if isinstance(one, d.DeliveryOwed) and one.command is not None]


def talking(world: World) -> str:
    world.call(CallEventName.OFFERED)
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    world.wait(1)
    return CALL


def a_world(*agents: str) -> World:
    world = World()
    for agent in agents or ("an",):
        world.sign_in(agent)
    return world


def test_only_somebody_who_works_can_ask_for_work() -> None:
    world = World()
    ask = c.OpenDemand(**AN, agent_id="an", demand_id="dm_1", until=world.now + 1000)
    assert code(world.give(ask)) == "not_ready"
    assert code(world.give(c.OpenDemand(**AN, agent_id="nobody", demand_id="dm_1", until=1))) == "unknown_agent"
    world.sign_in("an")
    made = world.give(ask)
    assert (made.decisions, made.result) == ([d.DemandOpened("an", "dm_1", world.now + 1000)], {"offer_id": ""})


def test_who_has_an_offer_is_told_so_and_asks_for_nothing_more() -> None:
    world = a_world()
    world.write()
    offer_id = world.state.agents["an"].offer_id
    made = world.give(c.OpenDemand(**AN, agent_id="an", demand_id="dm_1", until=world.now + 1000))
    assert (made.decisions, made.result) == ([], {"offer_id": offer_id})


def test_a_demand_that_is_over_before_it_comes_is_none() -> None:
    world = a_world()
    assert world.give(c.OpenDemand(**AN, agent_id="an", demand_id="dm_1", until=world.now)).decisions == []


def test_only_the_demand_that_was_opened_last_is_closed() -> None:
    world = World()
    world.sign_in("an", Presence.ON_DEMAND)
    for number in (1, 2):
        world.give(c.OpenDemand(**AN, agent_id="an", demand_id=f"dm_{number}", until=world.now + 9000))
    assert world.give(c.CloseDemand(**AN, agent_id="an", demand_id="dm_1")).decisions == []
    assert world.give(c.CloseDemand(**AN, agent_id="an", demand_id="dm_2")).decisions == [d.DemandClosed("an", "dm_2")]
    agent = world.state.agents["an"]
    assert (agent.demand_id, agent.demand_until) == ("", 0)
    assert code(world.give(c.CloseDemand(**AN, agent_id="nobody", demand_id="dm_2"))) == "unknown_agent"


@pytest.mark.parametrize("presence", [Presence.NOT_READY, Presence.SIGNED_OUT])
def test_who_leaves_asks_for_nothing_any_more(presence: Presence) -> None:
    world = World()
    world.sign_in("an", Presence.ON_DEMAND)
    world.demand("an")
    world.sign_in("an", presence)
    agent = world.state.agents["an"]
    assert (agent.demand_id, agent.demand_until) == ("", 0)


def test_a_presence_is_ones_own_or_a_supervisors_business() -> None:
    world = World()

    def say(agent_id: str, **who: Any) -> str:
        return code(world.give(c.SetPresence(**who, agent_id=agent_id, presence=Presence.READY)))

    assert say("binh", **AN) == "not_yours"
    assert say("nobody", **AN) == "unknown_agent"
    assert say("binh", **SUP) == say("an", **AN) == ""


def test_i7_one_is_lost_once_and_back_once_and_not_when_he_left() -> None:
    world = World()
    assert world.give(AgentLost(agent_id="an")).decisions == []
    assert world.give(AgentLost(agent_id="nobody")).decisions == []
    world.sign_in("an")
    assert world.give(AgentBack(agent_id="an")).decisions == []
    assert world.give(AgentBack(agent_id="nobody")).decisions == []
    grace = 1000 * world.state.book.rules.lost_grace_s
    assert world.give(AgentLost(agent_id="an")).decisions == [d.AgentMarkedLost("an", world.now + grace)]
    assert world.give(AgentLost(agent_id="an")).decisions == []
    assert world.give(AgentBack(agent_id="an")).decisions == [d.AgentMarkedBack("an")]
    assert (world.state.agents["an"].lost, world.state.agents["an"].lost_at) == (False, 0)


def test_i7_of_a_lost_agents_work_only_the_call_stays() -> None:
    world = World(a_catalogue(an_agent("an", channels={"phone": 1, "email": 2, "portal": 1})))
    world.sign_in("an")
    before = world.write(Channel.EMAIL)
    world.accept("an")
    talking(world)
    world.wait(1)
    after = world.write(Channel.EMAIL)
    if world.offered_to(after):
        world.accept("an")
    assert world.state.agents["an"].assignments[:2] == (before, CALL)
    taken = [one for one in world.state.agents["an"].assignments if one != CALL]
    world.give(AgentLost(agent_id="an"))
    world.wait(world.state.book.rules.lost_grace_s)
    assert world.state.agents["an"].assignments == (CALL,)
    assert {world.state_of(one) for one in taken} == {ContactState.QUEUED}


def test_i7_wrap_up_of_a_lost_agent_is_over_after_the_grace() -> None:
    world = a_world()
    talking(world)
    world.call(CallEventName.CONNECTION_CLEARED)
    world.give(AgentLost(agent_id="an"))
    world.wait(world.state.book.rules.lost_grace_s)
    assert world.state_of(CALL) is ContactState.CLOSED
    assert world.contact(CALL).disposition == "not_given"


def call_out(world: World, case_id: str = "cs_1", endpoint: str = "hotline", **who: Any) -> Step:
    contact_id = derive("ct", endpoint, "call", "out")
    command = c.CallCustomer(**{**AN, **who}, case_id=case_id, endpoint=endpoint, call_id="out", contact_id=contact_id)
    return world.give(command)


def test_a_call_out_needs_a_case_an_agent_with_room_and_a_switch() -> None:
    world = World()
    world.write(Channel.EMAIL)
    assert code(call_out(world, case_id="cs_none")) == "case_over"
    assert code(call_out(world, actor="nobody")) == "unknown_agent"
    assert code(call_out(world, endpoint="tracked")) == "no_control"
    assert code(call_out(world, endpoint="nowhere")) == "no_control"
    world.sign_in("an")
    assert code(call_out(world)) == "capacity", "he is being offered the letter"
    world.accept("an")
    made = call_out(world)
    assert (code(made), words(made)) == ("", [ControlCommand.DIAL])
    assert made.result == {"contact_id": derive("ct", "hotline", "call", "out"), "call_id": "out"}
    assert code(call_out(world)) == "capacity", "he has one on the phone"


def test_what_the_switch_is_told_is_what_the_agent_asked_for() -> None:
    world = a_world()
    talking(world)
    seen = {}
    for action in ("hold", "hangup"):
        made = world.give(c.ControlCall(**AN, contact_id=CALL, action=action))
        seen[action] = (words(made), world.contact(CALL).ends_at - world.now, made.result)
    clear = 1000 * world.state.book.rules.clear_s
    assert seen["hold"] == ([ControlCommand.HOLD], -world.now, {"contact_id": CALL})
    assert seen["hangup"] == ([ControlCommand.HANGUP], clear, {"contact_id": CALL})


def test_a_call_that_is_only_watched_cannot_be_told_anything() -> None:
    world = World()
    world.call(CallEventName.OFFERED, endpoint="tracked")
    world.call(CallEventName.ESTABLISHED, leg="a1", endpoint="tracked")
    tracked = derive("ct", "tracked", "call", "c1")
    assert code(world.give(c.ControlCall(**SUP, contact_id=tracked, action="hold"))) == "no_control"
    assert code(world.give(c.AssignContact(**SUP, contact_id=tracked, agent_id="an", reason="x"))) == "agent_signed_out"
    world.sign_in("an")
    assert code(world.give(c.AssignContact(**SUP, contact_id=tracked, agent_id="an", reason="x"))) == "no_control"
    assert words(world.give(c.CloseContact(**SUP, contact_id=tracked, reason="x"))) == []


@pytest.mark.parametrize(("gone", "told"), [(False, [ControlCommand.HANGUP]), (True, [])])
def test_a_caller_on_the_line_is_hung_up_when_his_contact_is_closed(gone: bool, told: list[ControlCommand]) -> None:
    world = a_world()
    talking(world)
    if gone:
        world.call(CallEventName.CONNECTION_CLEARED)
    assert words(world.give(c.CloseContact(**SUP, contact_id=CALL, reason="stuck"))) == told
    assert world.state_of(CALL) is ContactState.CLOSED


def test_a_caller_left_alone_is_hung_up_once() -> None:
    world = a_world()
    talking(world)
    made = world.call(CallEventName.CONNECTION_CLEARED, leg="a1")
    assert words(made) == [ControlCommand.HANGUP]
    assert world.contact(CALL).ends_at == world.now + 1000 * world.state.book.rules.clear_s
    assert words(world.call(CallEventName.CONNECTION_CLEARED, leg="a1")) == []


def test_a_phone_that_fails_gives_the_call_back_at_once() -> None:
    world = a_world()
    world.call(CallEventName.OFFERED)
    world.accept("an")
    offer_id = world.contact(CALL).offer_id
    until = world.now + 1000 * world.state.book.rules.penalty_s
    made = world.call(CallEventName.FAILED, leg="a1", offer_id=offer_id)
    assert d.AgentPenalised("an", "phone", until) in made.decisions
    assert d.AssignmentEnded(CALL, "an", "connect_failed:agent_leg_failed") in made.decisions
    assert world.state_of(CALL) is ContactState.QUEUED


def told(world: World, leg: str, role: LegRole, resolved: Resolved, contact_id: str = CALL) -> Step:
    fact = CallEvent(
        at=world.now, endpoint="hotline", call_id="c1", leg_id=leg, contact_id=contact_id, case_id="cs_1",
        event=CallEventName.OFFERED, role=role,
    )  # fmt: skip
    return world.give(fact, resolved)


@pytest.mark.parametrize("new", [True, False])
def test_i3_who_calls_may_be_told_after_the_call(new: bool) -> None:
    """The agent's leg came first, and says nothing of the customer."""
    world = World()
    told(world, "a1", LegRole.AGENT, Resolved())
    assert world.contact(CALL).customer_id == ""
    made = told(world, "cust", LegRole.CUSTOMER, Resolved("cu_1", new, contact_id=CALL))
    met = [one for one in made.decisions if isinstance(one, d.CustomerMet | d.CustomerChanged)]
    assert met == [d.CustomerMet("cu_1")] * new + [d.CustomerChanged(CALL, "cs_1", "cu_1")]
    assert world.contact(CALL).customer_id == world.state.cases["cs_1"].customer_id == "cu_1"
    again = told(world, "cust", LegRole.CUSTOMER, Resolved("cu_2", contact_id=CALL))
    assert not [one for one in again.decisions if isinstance(one, d.CustomerMet | d.CustomerChanged)]


def test_a_call_long_over_and_forgotten_is_not_opened_again() -> None:
    world = World()
    assert told(world, "cust", LegRole.CUSTOMER, Resolved(contact_id=CALL, contact_state="closed")).decisions == []
    assert world.state.contacts == {}


def recorded(world: World, leg: str, role: LegRole, call_id: str = "c1", **more: Any) -> Step:
    fact = CallRecorded(
        endpoint="hotline", call_id=call_id, leg_id=leg, contact_id=derive("ct", "hotline", "call", call_id),
        case_id="cs_1", role=role, **more,
    )  # fmt: skip
    return world.give(fact, Resolved())


def test_a_record_completes_a_call_and_makes_none() -> None:
    world = World()
    assert recorded(world, "cust", LegRole.CUSTOMER, "c9", ended_at=1).decisions == []
    world.call(CallEventName.OFFERED)
    recorded(world, "cust", LegRole.CUSTOMER, started_at=world.now, ended_at=world.now + 5000, recording="rec-1")
    call = world.contact(CALL).call
    assert call is not None
    assert (call.cdr, call.recording) == (True, "rec-1")
    assert world.state_of(CALL) is ContactState.ABANDONED


def test_i3_what_a_call_was_told_once_it_keeps() -> None:
    world = a_world()
    talking(world)
    world.call(CallEventName.HELD, leg="a1", recording="rec-1", recording_state="started", notice_played=True)
    world.wait(1)
    world.call(CallEventName.RETRIEVED, leg="a1")
    call = world.contact(CALL).call
    assert call is not None
    assert (call.recording, call.recording_state, call.notice_played, call.cdr) == ("rec-1", "started", True, False)
    world.wait(1)
    world.call(CallEventName.HELD, leg="a1", recording="rec-1", recording_state="stopped")
    assert (call.recording_state, call.notice_played) == ("stopped", True)


def test_nothing_is_known_of_a_call_until_it_is_told() -> None:
    nothing = Advanced(Leg("l"))
    assert (nothing.notice_played, nothing.cdr) == (False, False)
    leg = nothing.leg
    times = (leg.offered_at, leg.queued_at, leg.delivered_at, leg.established_at, leg.failed_at, leg.cleared_at)
    assert (times, leg.cleared_sequence, leg.transfer, leg.recorded) == ((0,) * 6, 0, (0, 0, ""), (0, "", ""))


def test_every_kind_of_event_has_its_time_on_the_leg() -> None:
    world = World()
    names = {
        CallEventName.OFFERED: "offered_at", CallEventName.QUEUED: "queued_at", CallEventName.DELIVERED: "delivered_at",
        CallEventName.ESTABLISHED: "established_at", CallEventName.FAILED: "failed_at",
        CallEventName.CONNECTION_CLEARED: "cleared_at",
    }  # fmt: skip
    for number, (event, name) in enumerate(names.items()):
        world.call(event, leg=f"a{number}", at=100 + number)
        call = world.contact(CALL).call
        assert call is not None
        leg = call.legs[f"a{number}"]
        assert {one: getattr(leg, one) for one in names.values()} == {
            one: 100 + number if one == name else 0 for one in names.values()
        }
