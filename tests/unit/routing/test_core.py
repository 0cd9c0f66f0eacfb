"""The core, input by input: the rules of DESIGN sections 5 and 6 one at a time."""

import msgspec

from ccc_router.events.commands import (
    AssignContact,
    DeclineOffer,
    RequeueContact,
    SendMessage,
    SetPresence,
    TransferContact,
    WaitForCustomer,
)
from ccc_router.events.facts import AgentBack, AgentLost, OfferFetched, PhoneRegistered
from ccc_router.events.vocabulary import (
    CallEventName,
    CaseState,
    Channel,
    ContactState,
    ControlCommand,
    OfferReason,
    Presence,
    Role,
    Visibility,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Capacity, QueueProfile
from tests.support.matcher import Watched as World
from tests.support.world import a_catalogue, an_agent, check_invariants

CALL = derive("ct", "hotline", "call", "c1")


def fetch(world: World, agent_id: str) -> None:
    world.give(OfferFetched(offer_id=world.state.agents[agent_id].offer_id))


def control_words(world: World) -> list[ControlCommand | None]:
    return [
        one.command
        for _, made in world.log
        for one in made.decisions
        if isinstance(one, d.DeliveryOwed) and one.command is not None
    ]


def test_a_message_is_offered_to_a_ready_agent_and_lives_to_its_end() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    assert world.offered_to(contact_id) == "an"
    world.accept("an")
    assert world.state_of(contact_id) is ContactState.ACTIVE
    world.complete("an", contact_id)
    assert contact_id not in world.state.contacts
    assert world.state.cases["cs_1"].state is CaseState.RESOLVED
    check_invariants(world.state)


def test_i8_who_waited_longest_is_offered_first_and_skills_decide_who_may() -> None:
    world = World()
    first = world.write(queue="health")
    world.wait(1)
    second = world.write()
    world.sign_in("an")
    assert world.offered_to(second) == "an", "an has no health skill, so the older contact is not his"
    world.sign_in("binh")
    assert world.offered_to(first) == "binh"
    check_invariants(world.state)


def test_a_missed_offer_keeps_the_rank_and_pauses_the_agent_more_each_time_until_rona() -> None:
    """R-7, R-18: what is offered and not taken comes back with its place kept, counted against the agent; so does what is taken and not begun."""
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    rank = world.contact(contact_id).rank
    for _ in range(3):
        fetch(world, "an")
        world.wait(31)
        assert world.contact(contact_id).rank == rank
        world.wait(60)
    agent = world.state.agents["an"]
    assert (agent.presence, agent.reason) == (Presence.NOT_READY, "rona")
    check_invariants(world.state)


def test_an_offer_never_fetched_is_no_miss() -> None:
    """R-18: misses are counted in a window with a growing pause; the same contact does not come again while another can."""
    world = World()
    world.sign_in("an")
    world.write()
    world.wait(31)
    assert not world.state.agents["an"].misses


def test_r18_the_same_agent_does_not_get_the_same_contact_again_while_another_can() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    offer_id = world.contact(contact_id).offer_id
    world.sign_in("binh", Presence.ON_DEMAND)
    world.give(DeclineOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id, reason="busy"))
    world.demand("binh")
    assert world.offered_to(contact_id) == "binh"
    check_invariants(world.state)


def test_on_demand_agents_get_work_only_while_they_ask() -> None:
    world = World()
    world.sign_in("an", Presence.ON_DEMAND)
    contact_id = world.write()
    assert world.offered_to(contact_id) == ""
    world.demand("an")
    assert world.offered_to(contact_id) == "an"
    check_invariants(world.state)


def test_a_profile_with_delay_sees_a_contact_only_when_it_is_that_old() -> None:
    late = an_agent("late", profiles=(QueueProfile("general", delay_s=30),))
    world = World(a_catalogue(late, an_agent("an")))
    world.sign_in("late")
    contact_id = world.write()
    world.wait(29)
    assert world.offered_to(contact_id) == ""
    world.wait(1)
    assert world.offered_to(contact_id) == "late"
    check_invariants(world.state)


def test_a_call_is_offered_connected_held_and_wrapped_up() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    assert world.offered_to(CALL) == "an"
    world.accept("an")
    contact = world.contact(CALL)
    assert world.state_of(CALL) is ContactState.CONNECTING
    world.wait(2)
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=contact.offer_id)
    assert world.state_of(CALL) is ContactState.ACTIVE
    world.wait(2)
    world.call(CallEventName.HELD, leg="a1")
    assert world.state_of(CALL) is ContactState.HELD
    world.wait(2)
    world.call(CallEventName.RETRIEVED, leg="a1")
    assert world.state_of(CALL) is ContactState.ACTIVE
    world.wait(2)
    world.call(CallEventName.CONNECTION_CLEARED)
    assert world.state_of(CALL) is ContactState.WRAP_UP
    world.complete("an", CALL)
    assert world.state_of(CALL) is ContactState.CLOSED
    assert control_words(world) == [ControlCommand.QUEUE, ControlCommand.CONNECT]
    world.wait(3600)
    assert CALL not in world.state.contacts
    check_invariants(world.state)


def test_a_phone_that_does_not_answer_requeues_the_call_and_pauses_the_agents_phone_only() -> None:
    """R-16: accepting happens once; who is too late is told; a winner who fails before he is connected gives it back with its place."""
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    rank = world.contact(CALL).rank
    world.accept("an")
    world.wait(20)
    contact = world.contact(CALL)
    assert (contact.state, contact.rank) == (ContactState.QUEUED, rank)
    assert set(world.state.agents["an"].penalties) == {"phone"}
    message = world.write()
    assert world.offered_to(message) == "an", "the penalty is for the phone only"
    check_invariants(world.state)


def test_a_caller_who_leaves_while_connecting_abandons_without_miss_or_wrap_up() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    world.accept("an")
    world.call(CallEventName.CONNECTION_CLEARED)
    agent = world.state.agents["an"]
    assert world.state_of(CALL) is ContactState.ABANDONED
    assert not agent.assignments
    assert not agent.misses
    assert control_words(world)[-1] is ControlCommand.CANCEL
    check_invariants(world.state)


def test_i7_a_lost_agents_offer_moves_at_once_and_his_work_after_the_grace() -> None:
    """R-30: who may be offered something: there, heard of, allowed, with room; who is lost gives back with the place kept."""
    world = World()
    world.sign_in("an")
    one = world.write()
    world.accept("an")
    two = world.write()
    assert world.offered_to(two) == "an"
    world.sign_in("binh")
    world.give(AgentLost(agent_id="an"))
    assert world.offered_to(two) == "binh"
    assert world.contact(one).agent_id == "an"
    world.accept("binh")
    world.wait(31)
    assert world.offered_to(one) == "binh"
    world.give(AgentBack(agent_id="an"))
    check_invariants(world.state)


def test_i7_an_established_call_stays_with_a_lost_agent() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    world.accept("an")
    world.call(CallEventName.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    world.give(AgentLost(agent_id="an"))
    world.wait(600)
    assert world.contact(CALL).agent_id == "an"
    check_invariants(world.state)


def test_waiting_for_the_customer_frees_capacity_and_his_message_brings_the_contact_back() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=contact_id, until=world.now + 3_600_000))
    assert not world.state.agents["an"].assignments
    world.write(case_id="cs_1")
    contact = world.contact(contact_id)
    assert (contact.state, contact.agent_id) == (ContactState.ACTIVE, "an")
    check_invariants(world.state)


def test_i5_a_contact_does_not_come_back_into_the_room_that_a_pending_offer_will_take() -> None:
    one_at_once = Capacity(channels={"portal": 1}, total_weight=100)
    world = World(a_catalogue(msgspec.structs.replace(an_agent("an"), capacity=one_at_once)))
    world.sign_in("an")
    first = world.write()
    world.accept("an")
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=first, until=world.now + 3_600_000))
    second = world.write(case_id="cs_2")
    assert world.offered_to(second) == "an"
    world.write(case_id="cs_1")
    assert world.state_of(first) is ContactState.QUEUED
    world.accept("an")
    check_invariants(world.state)
    world.complete("an", second)
    assert world.offered_to(first) == "an"
    check_invariants(world.state)


def test_a_reply_is_refused_when_the_customer_wrote_meanwhile() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    world.write(case_id="cs_1")
    answer = SendMessage(
        actor="an",
        actor_role=Role.AGENT,
        contact_id=contact_id,
        message_id="ms_r",
        visibility=Visibility.PUBLIC,
        seen_up_to=1,
    )
    made = world.give(answer)
    assert made.refused is not None
    assert made.refused.code == "customer_wrote"


def test_r6_sticky_waits_for_who_knows_the_case_and_then_falls_through() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    world.complete("an", contact_id)
    for _ in range(2):
        busy = world.write()
        world.accept("an")
        assert world.contact(busy).agent_id == "an"
    world.sign_in("binh")
    again = world.write(case_id="cs_1")
    assert world.contact(again).reserved_for == "an"
    world.wait(121)
    assert world.offered_to(again) == "binh"
    check_invariants(world.state)


def test_r31_an_assigned_contact_waits_for_its_agent_and_for_nobody_else() -> None:
    world = World()
    contact_id = world.write()
    world.sign_in("an", Presence.ON_DEMAND)
    world.give(
        AssignContact(actor="chi", actor_role=Role.SUPERVISOR, contact_id=contact_id, agent_id="an", reason="knows it")
    )
    world.sign_in("binh")
    world.wait(300)
    assert world.offered_to(contact_id) == ""
    world.demand("an")
    assert world.offered_to(contact_id) == "an"
    check_invariants(world.state)


def test_transfer_and_requeue_keep_the_rank() -> None:
    """R-35: skills, giving back, and a topic that the customer chooses."""
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    rank = world.contact(contact_id).rank
    world.accept("an")
    world.wait(60)
    world.give(TransferContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id, queue="health"))
    contact = world.contact(contact_id)
    assert (contact.queue, contact.rank, contact.reason) == ("health", rank, OfferReason.TRANSFER)
    world.sign_in("binh")
    world.accept("binh")
    world.give(RequeueContact(actor="binh", actor_role=Role.AGENT, contact_id=contact_id))
    assert world.contact(contact_id).rank == rank
    check_invariants(world.state)


def test_signing_out_with_work_is_refused_or_waits_for_the_end_of_it() -> None:
    world = World()
    world.sign_in("an")
    contact_id = world.write()
    world.accept("an")
    leave = SetPresence(actor="an", actor_role=Role.AGENT, agent_id="an", presence=Presence.SIGNED_OUT)
    made = world.give(leave)
    assert made.refused is not None
    assert made.refused.code == "has_work"
    world.give(
        SetPresence(actor="an", actor_role=Role.AGENT, agent_id="an", presence=Presence.SIGNED_OUT, after_current=True)
    )
    assert world.presence_of("an") is Presence.NOT_READY
    world.complete("an", contact_id)
    assert world.presence_of("an") is Presence.SIGNED_OUT


def test_automatic_mail_that_belongs_to_nothing_is_deflected_and_counted() -> None:
    world = World()
    world.sign_in("an")
    world.write(Channel.EMAIL, automatic=True)
    ends = [one for _, made in world.log for one in made.decisions if isinstance(one, d.ContactEnded)]
    assert [one.state for one in ends] == [ContactState.DEFLECTED]
    check_invariants(world.state)


def test_mails_of_the_night_do_not_delay_a_morning_call() -> None:
    world = World(a_catalogue(an_agent("an", channels={"phone": 1, "email": 1})))
    for _ in range(50):
        world.write(Channel.EMAIL)
        world.wait(60)
    world.call(CallEventName.OFFERED)
    world.sign_in("an")
    assert world.offered_to(CALL) == "an"


def test_i3_the_latest_word_of_the_switch_about_a_phone_counts_in_any_order() -> None:
    for order in ((1, 2), (2, 1)):
        world = World()
        for at in order:
            world.give(PhoneRegistered(endpoint="hotline", phone="PJSIP/an", registered=at == 2, at=at))
        assert world.state.agents["an"].phone_registered
