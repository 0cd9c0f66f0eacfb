"""Callbacks: who waits may hang up and keeps his place (R-32); he is called as often as policy says, and never lost (I9)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccc_router.events.commands import (
    AssignContact,
    CloseContact,
    PromiseCallback,
    RequeueContact,
    SetPriority,
    TransferContact,
)
from ccc_router.events.envelope import Resolved
from ccc_router.events.facts import CallEvent, DeliveryReported, MessageReceived
from ccc_router.events.vocabulary import CallEventName as E
from ccc_router.events.vocabulary import (
    Channel,
    ContactState,
    ControlCommand,
    DeliveryState,
    Direction,
    OfferReason,
    Presence,
    Role,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.calendar import is_open
from ccc_router.routing.explain import Terms, stops
from ccc_router.routing.explain.reasons import TooEarly
from ccc_router.routing.policy import Calendar, Endpoint, Interval, Rules
from tests.support.world import START, World, a_catalogue, an_agent, check_invariants, text

CALL = derive("ct", "hotline", "call", "c1")
HOUR = 3600


def controls(made: Step) -> list[ControlCommand | None]:
    return [one.command for one in made.decisions if isinstance(one, d.DeliveryOwed)]


def ends(world: World, contact_id: str) -> list[tuple[ContactState, str, str]]:
    return [
        (one.state, one.by, one.disposition)
        for _, made in world.log
        for one in made.decisions
        if isinstance(one, d.ContactEnded) and one.contact_id == contact_id
    ]


def promised(world: World, call_id: str = "c1", **more: Any) -> str:
    """A call waits, its caller chooses to be called back and hangs up."""
    world.call(E.OFFERED, call_id)
    world.call(E.CALL_BACK, call_id, **more)
    world.call(E.CONNECTION_CLEARED, call_id)
    return derive("ct", "hotline", "call", call_id)


def leg(world: World, contact_id: str, event: E, who: str, **more: Any) -> Step:
    """An event of the call that was made for the contact."""
    contact = world.contact(contact_id)
    assert contact.call is not None
    fact = CallEvent(
        at=world.now, endpoint="hotline", call_id=contact.call.call_id, leg_id=f"{who}-{contact.call.call_id}",
        contact_id=contact_id, case_id="cs_no", event=event, outbound=True,
    )  # fmt: skip
    if who == "agent":
        more = {"role": "agent", "offer_id": contact.offer_id} | more
    return world.give(msgspec.structs.replace(fact, **more), Resolved(contact_id=contact_id))


def dialled(world: World, agent: str = "an") -> None:
    """The agent accepts, and his phone is answered."""
    world.accept(agent)
    leg(world, CALL, E.ESTABLISHED, "agent")


def ask(world: World, contact_id: str = "", *, role: Role = Role.SUPERVISOR, actor: str = "sup", **more: Any) -> Step:
    return world.give(PromiseCallback(actor=actor, actor_role=role, contact_id=contact_id, **more))


# the promise


def test_a_caller_who_chooses_a_callback_waits_on_with_his_place() -> None:
    """R-32: the same contact, its rank kept; he hears so, is hung up, and has not abandoned."""
    world = World()
    world.call(E.OFFERED)
    rank = world.contact(CALL).rank
    world.wait(30)
    made = world.call(E.CALL_BACK)
    assert controls(made) == [ControlCommand.ANNOUNCE, ControlCommand.HANGUP]
    made = world.call(E.CONNECTION_CLEARED)
    assert controls(made) == []
    contact = world.contact(CALL)
    assert (contact.state, contact.rank, contact.direction) == (ContactState.QUEUED, rank, Direction.OUTBOUND)
    assert contact.callback is not None
    assert contact.callback.by == "customer"
    check_invariants(world.state)


def test_a_callback_is_offered_in_its_turn_and_says_what_it_is() -> None:
    world = World()
    contact_id = promised(world)
    world.wait(5)
    world.call(E.OFFERED, "c2")
    world.sign_in("an")
    assert world.offered_to(contact_id) == "an"
    [offer] = world.state.offers.values()
    assert offer.reason is OfferReason.CALLBACK


def test_accepting_it_dials_the_customer_through_the_agents_switch_and_its_events_are_the_contacts() -> None:
    catalogue = a_catalogue(an_agent("an"))
    branch = Endpoint("branch", "phone", text("Branch"), "general", control_url="http://127.0.0.1:2/")
    an = msgspec.structs.replace(catalogue.agents[0], phone_endpoint="branch")
    world = World(msgspec.structs.replace(catalogue, agents=(an,), endpoints=(*catalogue.endpoints, branch)))
    promised(world)
    world.sign_in("an")
    made = world.accept("an")
    [owed] = [one for one in made.decisions if isinstance(one, d.DeliveryOwed)]
    assert (owed.command, owed.target, owed.data["agent_endpoint"]) == (ControlCommand.DIAL, "branch", "PJSIP/an")
    assert owed.data["call_id"] == f"{CALL}.1"
    assert owed.data["offer_id"] == world.contact(CALL).offer_id
    leg(world, CALL, E.ESTABLISHED, "agent")
    assert (world.state_of(CALL), world.contact(CALL).answered_at) == (ContactState.ACTIVE, 0)
    leg(world, CALL, E.OFFERED, "cust")
    world.wait(4)
    leg(world, CALL, E.ESTABLISHED, "cust")
    contact = world.contact(CALL)
    assert (contact.callback, contact.answered_at) == (None, world.now)
    leg(world, CALL, E.CONNECTION_CLEARED, "cust")
    assert world.state_of(CALL) is ContactState.WRAP_UP
    world.complete("an", CALL)
    assert ends(world, CALL) == [(ContactState.CLOSED, "completed", "answered")]


def test_late_events_of_the_call_he_hung_up_change_nothing() -> None:
    """I3: that call is over; the contact's call is the one that was made since."""
    world = World()
    world.call(E.OFFERED)
    world.call(E.CALL_BACK)
    world.sign_in("an")
    dialled(world)
    made = world.call(E.CONNECTION_CLEARED)
    assert made.decisions == []
    assert world.state_of(CALL) is ContactState.ACTIVE


@settings(max_examples=100, deadline=None)
@given(order=st.permutations([E.OFFERED, E.QUEUED, E.CALL_BACK, E.CONNECTION_CLEARED] * 2))
def test_what_he_chose_counts_in_every_order_of_the_events(order: list[E]) -> None:
    """I3: also when we hear of it after he has left."""
    world = World()
    for event in order:
        world.call(event, at=START + 1000 * [E.OFFERED, E.QUEUED, E.CALL_BACK, E.CONNECTION_CLEARED].index(event))
        world.wait(1)
        check_invariants(world.state)
    contact = world.contact(CALL)
    assert contact.state is ContactState.QUEUED
    assert contact.callback is not None
    assert world.state.cases[contact.case_id].contacts == (CALL,)


def test_one_who_is_being_connected_is_taken_back() -> None:
    """I4: nobody owns what waits for a call."""
    world = World()
    world.call(E.OFFERED)
    world.sign_in("an")
    world.accept("an")
    made = world.call(E.CALL_BACK)
    assert controls(made)[:2] == [ControlCommand.CANCEL, ControlCommand.ANNOUNCE]
    assert world.offered_to(CALL) == "an"
    assert world.state.agents["an"].assignments == ()


def test_only_what_a_person_assigned_stays_with_its_agent() -> None:
    """R-31: a supervisor's word holds for the callback as for the call; one that merely was kept for an agent is anybody's."""
    for assigned in (True, False):
        world = World()
        world.sign_in("an")
        world.call(E.OFFERED)
        world.accept("an")
        world.call(E.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
        command: AssignContact | TransferContact = (
            AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=CALL, agent_id="binh", reason="asked")
            if assigned
            else TransferContact(actor="an", actor_role=Role.AGENT, contact_id=CALL, agent_id="binh")
        )
        world.sign_in("binh", Presence.NOT_READY)
        world.give(command)
        ask(world, CALL, not_before=world.now + HOUR * 1000)
        assert world.contact(CALL).reserved_for == ("binh" if assigned else "")


def test_a_call_that_was_answered_is_promised_nothing() -> None:
    world = World()
    world.call(E.OFFERED)
    world.sign_in("an")
    world.accept("an")
    world.call(E.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    world.call(E.CALL_BACK)
    assert world.state_of(CALL) is ContactState.ACTIVE
    assert world.contact(CALL).callback is None


def test_a_switch_that_only_tells_promises_nothing() -> None:
    world = World()
    world.call(E.OFFERED, endpoint="tracked")
    world.call(E.CALL_BACK, endpoint="tracked")
    assert world.state_of(derive("ct", "tracked", "call", "c1")) is ContactState.ARRIVED


# not before


def test_nobody_is_called_before_the_time_he_named_and_somebody_then() -> None:
    """I12: not early; the wait until then is on nobody's list."""
    world = World()
    world.sign_in("an", Presence.NOT_READY)
    promised(world, not_before=START + 2 * HOUR * 1000)
    world.sign_in("an")
    world.wait(2 * HOUR - 1)
    contact = world.contact(CALL)
    assert (contact.state, contact.attention) == (ContactState.QUEUED, "")
    check_invariants(world.state)
    world.wait(1)
    assert world.offered_to(CALL) == "an"


def test_why_nobody_is_offered_it_yet_is_that_it_is_too_early() -> None:
    world = World()
    world.sign_in("an")
    world.sign_in("an", Presence.NOT_READY)
    promised(world, not_before=START + HOUR * 1000)
    world.sign_in("an")
    assert stops(Terms(world.catalogue, ()), world.contact(CALL), world.state.agents["an"], {}) == (
        TooEarly(START + HOUR * 1000),
    )


def test_a_time_of_the_switch_that_is_too_far_away_is_the_last_one_possible() -> None:
    world = World()
    promised(world, not_before=START + 400 * 24 * HOUR * 1000)
    callback = world.contact(CALL).callback
    assert callback is not None
    assert callback.not_before == START + 30 * 24 * HOUR * 1000


def test_one_assigned_for_later_goes_to_another_when_his_agent_has_left() -> None:
    """I8, I9: nobody waits for somebody who is not there."""
    world = World()
    world.sign_in("an", Presence.NOT_READY)
    promised(world, not_before=START + HOUR * 1000)
    world.give(AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=CALL, agent_id="an", reason="asked"))
    world.sign_in("an")
    world.wait(60)
    assert world.state_of(CALL) is ContactState.QUEUED
    world.sign_in("an", Presence.SIGNED_OUT)
    world.sign_in("binh")
    world.wait(HOUR)
    assert world.offered_to(CALL) == "binh"


# called in vain


@pytest.mark.parametrize(("event", "cause"), [(E.FAILED, "busy"), (E.CONNECTION_CLEARED, "no_answer")])
def test_who_cannot_be_reached_is_called_again_after_a_pause_and_then_his_case_waits_for_a_person(
    event: E, cause: str
) -> None:
    """I9: nothing is dropped; R-32: attempts are counted and come to an end that says so."""
    world = World(a_catalogue(rules=Rules(callback_attempts=2, callback_pause_s=600)))
    promised(world)
    rank = world.contact(CALL).rank
    world.sign_in("an")
    dialled(world)
    made = leg(world, CALL, event, "cust", cause=cause)
    assert controls(made) == [ControlCommand.HANGUP]
    contact = world.contact(CALL)
    assert (contact.state, contact.rank, contact.agent_id) == (ContactState.QUEUED, rank, "")
    assert contact.callback is not None
    assert (contact.callback.tries, contact.callback.not_before) == (1, world.now + 600_000)
    check_invariants(world.state)
    world.wait(600)
    world.accept("an")
    assert world.contact(CALL).call is not None
    leg(world, CALL, E.ESTABLISHED, "agent")
    leg(world, CALL, event, "cust", cause=cause)
    assert ends(world, CALL) == [(ContactState.CLOSED, f"unreached:{cause}", "not_reached")]
    case = world.state.cases[world.contact(CALL).case_id]
    assert case.due_at > world.now


def test_a_customer_who_fails_before_the_agents_phone_is_answered_is_unreached_too() -> None:
    world = World()
    promised(world)
    world.sign_in("an")
    world.accept("an")
    made = leg(world, CALL, E.FAILED, "cust", cause="busy")
    assert controls(made) == [ControlCommand.CANCEL]
    callback = world.contact(CALL).callback
    assert callback is not None
    assert callback.tries == 1


def test_an_agents_phone_that_is_not_answered_is_no_call_in_vain() -> None:
    world = World()
    promised(world)
    world.sign_in("an")
    world.sign_in("binh")
    taker = world.offered_to(CALL)
    world.accept(taker)
    leg(world, CALL, E.FAILED, "agent", cause="no_answer")
    contact = world.contact(CALL)
    assert contact.callback is not None
    assert contact.callback.tries == 0
    assert world.offered_to(CALL) not in ("", taker)
    assert "phone" in world.state.agents[taker].penalties


def test_a_call_the_switch_did_not_make_is_one_in_vain_and_no_fault_of_the_agent() -> None:
    """A number that was erased, a switch that is away: it ends some time."""
    world = World()
    promised(world)
    world.sign_in("an")
    world.accept("an")
    offer_id = world.contact(CALL).offer_id
    world.give(
        DeliveryReported(
            delivery_id="dl_x", state=DeliveryState.FAILED, attempt=1, reason="no_number", contact_id=CALL, offer_id=offer_id,
            command=ControlCommand.DIAL,
        )
    )  # fmt: skip
    callback = world.contact(CALL).callback
    assert callback is not None
    assert callback.tries == 1
    assert world.state.agents["an"].penalties == {}


def test_an_agent_who_hangs_up_before_the_customer_was_there_has_called_in_vain() -> None:
    world = World()
    promised(world)
    world.sign_in("an")
    dialled(world)
    leg(world, CALL, E.CONNECTION_CLEARED, "agent")
    world.wait(31)
    callback = world.contact(CALL).callback
    assert callback is not None
    assert callback.tries == 1
    assert world.state.agents["an"].assignments == ()


def test_that_he_was_reached_after_all_ends_it() -> None:
    """I3: the word that he took the call comes after the one that he left."""
    world = World()
    promised(world)
    world.sign_in("an")
    dialled(world)
    leg(world, CALL, E.CONNECTION_CLEARED, "cust", at=world.now + 5000)
    assert world.state_of(CALL) is ContactState.QUEUED
    leg(world, CALL, E.ESTABLISHED, "cust")
    assert ends(world, CALL) == [(ContactState.CLOSED, "late_event", "not_given")]


def test_a_callback_given_back_while_it_rings_is_hung_up_and_called_again() -> None:
    world = World()
    promised(world)
    world.sign_in("an")
    dialled(world)
    made = world.give(RequeueContact(actor="an", actor_role=Role.AGENT, contact_id=CALL))
    assert controls(made) == [ControlCommand.HANGUP]
    world.accept(world.offered_to(CALL))
    contact = world.contact(CALL)
    assert contact.call is not None
    assert contact.call.call_id == f"{CALL}.2"


def test_a_customer_who_is_on_the_line_is_connected_to_the_next_agent_not_dialled_again() -> None:
    world = World()
    promised(world)
    world.sign_in("an")
    dialled(world)
    leg(world, CALL, E.ESTABLISHED, "cust")
    made = world.give(RequeueContact(actor="an", actor_role=Role.AGENT, contact_id=CALL))
    assert controls(made) == [ControlCommand.QUEUE]
    made = world.accept(world.offered_to(CALL))
    assert controls(made) == [ControlCommand.CONNECT]


# one customer, one place


def test_a_customer_who_calls_again_has_the_place_of_his_callback_which_is_over() -> None:
    world = World()
    first = promised(world)
    customer, rank = world.contact(first).customer_id, world.contact(first).rank
    case_id = world.contact(first).case_id
    world.wait(60)
    second = derive("ct", "hotline", "call", "c2")
    fact = CallEvent(
        at=world.now,
        endpoint="hotline",
        call_id="c2",
        leg_id="cust",
        contact_id=second,
        case_id="cs_2",
        event=E.OFFERED,
    )
    world.give(fact, Resolved(customer_id=customer))
    assert ends(world, first) == [(ContactState.MERGED, f"merged_into:{second}", "")]
    contact = world.contact(second)
    assert (contact.rank, contact.place_from, contact.case_id) == (rank, first, case_id)
    world.call(E.CALL_BACK, "c2")
    assert world.state.promised.of(customer) == [second]


def test_one_whose_call_shows_only_later_who_he_is_is_promised_one_callback_and_not_two() -> None:
    """He called without a number while a callback waited for him; with the next event we know him, and he chooses one again."""
    world = World()
    first = promised(world)
    customer, rank = world.contact(first).customer_id, world.contact(first).rank
    second = derive("ct", "hotline", "call", "c2")
    told: dict[str, Any] = {
        "endpoint": "hotline",
        "call_id": "c2",
        "leg_id": "cust",
        "contact_id": second,
        "case_id": "cs_2",
    }
    world.wait(60)
    world.give(CallEvent(at=world.now, event=E.OFFERED, **told), Resolved())
    assert world.state_of(first) is ContactState.QUEUED
    world.give(CallEvent(at=world.now, event=E.QUEUED, **told), Resolved(customer_id=customer, contact_id=second))
    world.call(E.CALL_BACK, "c2")
    assert world.state.promised.of(customer) == [second]
    assert ends(world, first) == [(ContactState.MERGED, f"merged_into:{second}", "")]
    assert (world.contact(second).rank, world.contact(second).place_from) == (rank, first)
    check_invariants(world.state)


def test_a_call_to_another_queue_leaves_the_callback_alone() -> None:
    world = World()
    first = promised(world)
    fact = CallEvent(
        at=world.now, endpoint="hotline", call_id="c2", leg_id="cust", contact_id="ct_2", case_id="cs_2", event=E.OFFERED,
        queue="health",
    )  # fmt: skip
    world.give(fact, Resolved(customer_id=world.contact(first).customer_id))
    assert world.state_of(first) is ContactState.QUEUED


def test_who_goes_on_in_writing_keeps_the_place_of_his_callback_once() -> None:
    world = World()
    first = promised(world)
    rank, case_id = world.contact(first).rank, world.contact(first).case_id
    world.wait(90)
    written = world.write(Channel.PORTAL, case_id=case_id)
    assert (world.contact(written).rank, world.contact(written).place_from) == (rank, first)
    assert ends(world, first) == [(ContactState.MERGED, f"merged_into:{written}", "")]
    world.write(Channel.PORTAL, case_id=case_id)
    assert len(ends(world, first)) == 1
    check_invariants(world.state)


def test_who_writes_while_he_is_on_the_line_takes_his_place_with_him_when_he_hangs_up() -> None:
    world = World()
    world.call(E.OFFERED)
    rank, case_id = world.contact(CALL).rank, world.contact(CALL).case_id
    world.wait(60)
    written = world.write(Channel.PORTAL, case_id=case_id)
    assert world.state_of(CALL) is ContactState.QUEUED
    assert world.contact(written).rank > rank
    world.call(E.CONNECTION_CLEARED)
    assert ends(world, CALL) == [(ContactState.MERGED, f"merged_into:{written}", "")]
    assert world.contact(written).rank == rank


def test_who_writes_in_the_moment_he_calls_goes_on_there() -> None:
    world = World()
    world.call(E.OFFERED)
    written = world.write(Channel.PORTAL, case_id=world.contact(CALL).case_id)
    world.call(E.CONNECTION_CLEARED)
    assert ends(world, CALL) == [(ContactState.MERGED, f"merged_into:{written}", "")]


def test_who_wrote_before_he_called_and_hangs_up_has_abandoned_the_call() -> None:
    world = World()
    written = world.write(Channel.PORTAL)
    world.wait(60)
    case_id = world.contact(written).case_id
    fact = CallEvent(
        at=world.now, endpoint="hotline", call_id="c1", leg_id="cust", contact_id=CALL, case_id="cs_2", event=E.OFFERED
    )
    world.give(fact, Resolved(customer_id="cu_x", case_id=case_id))
    world.call(E.CONNECTION_CLEARED)
    assert world.state_of(CALL) is ContactState.ABANDONED


def test_what_waits_in_writing_gives_its_place_to_the_callback_asked_for_on_the_portal() -> None:
    world = World()
    written = world.write(Channel.PORTAL)
    rank, case_id = world.contact(written).rank, world.contact(written).case_id
    world.wait(90)
    made = ask(world, case_id=case_id, role=Role.CUSTOMER, actor=written)
    assert made.result is not None
    contact = world.contact(str(made.result["contact_id"]))
    assert (contact.channel, contact.endpoint, contact.rank) == (Channel.PHONE, "hotline", rank)
    assert contact.place_from == written
    assert ends(world, written) == [(ContactState.MERGED, f"merged_into:{contact.id}", "")]
    again = ask(world, case_id=case_id, role=Role.CUSTOMER, actor=written)
    assert again.result == made.result


def test_what_waits_on_one_case_is_not_merged_into_the_callback_of_another() -> None:
    """I9: who calls would not read it. One promise a customer and queue all the same."""
    world = World()
    first = world.write(Channel.PORTAL)
    made = ask(world, first)
    assert made.result is not None
    fact = MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id="ms_x", contact_id="ct_x", case_id="cs_x"
    )
    world.give(fact, Resolved(customer_id=world.contact(str(made.result["contact_id"])).customer_id))
    again = ask(world, "ct_x")
    assert again.result == made.result
    assert world.state_of("ct_x") is ContactState.QUEUED


def test_a_promise_that_was_merged_before_anybody_called_is_forgotten_whole() -> None:
    """What no call was made for leaves the memory at its end, and the promise with it."""
    world = World()
    written = world.write(Channel.PORTAL)
    case_id = world.contact(written).case_id
    made = ask(world, case_id=case_id, role=Role.CUSTOMER, actor=written)
    assert made.result is not None
    customer = world.state.cases[case_id].customer_id
    assert world.state.promised.of(customer) == [made.result["contact_id"]]
    world.write(Channel.EMAIL, case_id=case_id)
    assert made.result["contact_id"] not in world.state.contacts
    assert world.state.promised.of(customer) == []
    assert ask(world, case_id=case_id, role=Role.CUSTOMER, actor=written).refused is None


def test_another_priority_moves_a_place_that_was_taken_by_the_credit_alone() -> None:
    world = World()
    first = promised(world)
    rank = world.contact(first).rank
    world.wait(90)
    written = world.write(Channel.PORTAL, case_id=world.contact(first).case_id)
    world.give(SetPriority(actor="sup", actor_role=Role.SUPERVISOR, contact_id=written, priority=1, reason="x"))
    assert world.contact(written).rank == rank - 60_000


# by a person


def test_a_supervisor_promises_a_waiting_call_and_moves_the_time() -> None:
    world = World()
    world.call(E.OFFERED)
    made = ask(world, CALL, not_before=START + HOUR * 1000)
    assert controls(made) == [ControlCommand.ANNOUNCE, ControlCommand.HANGUP]
    ask(world, CALL, not_before=START + 2 * HOUR * 1000)
    callback = world.contact(CALL).callback
    assert callback is not None
    assert (callback.by, callback.not_before) == ("supervisor:sup", START + 2 * HOUR * 1000)
    world.sign_in("an")
    ask(world, CALL)
    assert world.offered_to(CALL) == "an"
    ask(world, CALL, not_before=world.now + HOUR * 1000)
    assert (world.state_of(CALL), world.state.agents["an"].offer_id) == (ContactState.QUEUED, "")
    check_invariants(world.state)


def test_an_agent_promises_in_his_wrap_up_only_his_own_contact() -> None:
    world = World()
    world.call(E.OFFERED)
    world.sign_in("an")
    world.accept("an")
    world.call(E.ESTABLISHED, leg="a1", offer_id=world.contact(CALL).offer_id)
    live = ask(world, CALL, role=Role.AGENT, actor="an")
    assert live.refused == d.CommandRefused("wrong_state", "active")
    world.call(E.CONNECTION_CLEARED)
    foreign = ask(world, CALL, role=Role.AGENT, actor="binh")
    assert foreign.refused == d.CommandRefused("not_yours", "an")
    made = ask(world, CALL, role=Role.AGENT, actor="an", not_before=START + HOUR * 1000)
    assert controls(made) == []
    assert world.state_of(CALL) is ContactState.QUEUED
    assert world.state.agents["an"].assignments == ()


def test_an_agent_with_a_letter_has_the_customer_called_on_its_case() -> None:
    world = World()
    written = world.write(Channel.EMAIL)
    world.sign_in("an")
    world.accept("an")
    made = ask(world, written, role=Role.AGENT, actor="an", not_before=START + HOUR * 1000)
    assert made.result is not None
    contact = world.contact(str(made.result["contact_id"]))
    assert contact.case_id == world.contact(written).case_id
    assert world.state_of(written) is ContactState.ACTIVE


def test_without_a_switch_that_dials_nothing_is_promised() -> None:
    catalogue = a_catalogue()
    tracked = tuple(msgspec.structs.replace(one, control_url="") for one in catalogue.endpoints)
    world = World(msgspec.structs.replace(catalogue, endpoints=tracked))
    written = world.write(Channel.PORTAL)
    assert ask(world, written).refused == d.CommandRefused("no_control")
    assert ask(world, case_id="cs_none").refused == d.CommandRefused("case_over")


def test_a_supervisor_ends_a_promise() -> None:
    world = World()
    promised(world)
    world.give(CloseContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=CALL, reason="he came by"))
    assert world.state_of(CALL) is ContactState.CLOSED
    assert world.state.promised.of(world.contact(CALL).customer_id) == []
    world.call(E.CALL_BACK)
    assert world.state_of(CALL) is ContactState.CLOSED


# opening hours


def by_day(way: str, **more: Any) -> World:
    """A queue that is open for half an hour at a time: when the world begins, two hours before and two hours after."""
    catalogue = a_catalogue(an_agent("an"))
    minute = (START // 60_000 + 420) % 1440
    spans = tuple(
        Interval(day, opens, opens + 30) for day in range(7) for opens in (minute - 10, minute - 120, minute + 120)
    )
    general = msgspec.structs.replace(catalogue.queues[0], hours={"phone": "day"}, when_closed={"phone": way}, **more)
    return World(
        msgspec.structs.replace(
            catalogue,
            queues=(general, *catalogue.queues[1:]),
            calendars=(*catalogue.calendars, Calendar("day", spans)),
        )
    )


def test_who_calls_a_closed_queue_with_a_callback_list_is_hung_up_and_called_when_it_opens() -> None:
    world = by_day("callback_list")
    world.sign_in("an")
    world.wait(HOUR)
    made = world.call(E.OFFERED)
    assert controls(made) == [ControlCommand.QUEUE, ControlCommand.ANNOUNCE, ControlCommand.HANGUP]
    world.call(E.CONNECTION_CLEARED)
    contact = world.contact(CALL)
    rank = contact.rank
    assert contact.callback is not None
    assert contact.callback.by == "closed"
    check_invariants(world.state)
    world.wait(HOUR)
    assert (world.offered_to(CALL), world.contact(CALL).rank) == ("an", rank)


def test_who_hides_his_number_cannot_be_called_and_hears_that_it_is_closed() -> None:
    world = by_day("callback_list")
    world.wait(HOUR)
    fact = CallEvent(
        at=1, endpoint="hotline", call_id="c1", leg_id="cust", contact_id=CALL, case_id="cs", event=E.OFFERED
    )
    world.give(fact, Resolved())
    assert world.state_of(CALL) is ContactState.DEFLECTED


def test_nobody_is_called_outside_the_hours_although_the_queue_drains() -> None:
    world = by_day("wait", drains=True)
    promised(world)
    world.wait(HOUR)
    world.sign_in("an")
    assert world.state_of(CALL) is ContactState.QUEUED
    world.wait(HOUR)
    assert world.offered_to(CALL) == "an"


def test_a_time_outside_the_hours_is_refused_to_a_person() -> None:
    world = by_day("wait")
    world.call(E.OFFERED)
    calendar = world.catalogue.calendars[-1]
    shut, opened = START + HOUR * 1000, START + 2 * HOUR * 1000 + 60_000
    assert (is_open(calendar, shut), is_open(calendar, opened)) == (False, True)
    assert ask(world, CALL, not_before=shut).refused == d.CommandRefused("outside_hours", "general")
    late = opened + 60 * 24 * HOUR * 1000
    assert ask(world, CALL, not_before=late).refused == d.CommandRefused("outside_hours", "general")
    assert ask(world, CALL, not_before=opened).refused is None


def test_i9_who_was_reached_and_handed_on_is_not_cut_off_by_a_phone_that_does_not_answer() -> None:
    """The call was made by us, but its customer is on the line: he waits on, as any caller does."""
    world = World()
    promised(world)
    world.sign_in("an")
    dialled(world)
    leg(world, CALL, E.ESTABLISHED, "cust")
    world.sign_in("binh")
    world.give(TransferContact(actor="an", actor_role=Role.AGENT, contact_id=CALL, agent_id="binh"))
    leg(world, CALL, E.CONNECTION_CLEARED, "agent", offer_id="", leg_id="agent-an")
    world.accept("binh")
    made = leg(world, CALL, E.FAILED, "agent", leg_id="agent-binh")
    assert ends(world, CALL) == []
    assert any(isinstance(one, d.ContactQueued) for one in made.decisions)
    assert world.state_of(CALL) in {ContactState.QUEUED, ContactState.OFFERED}
    check_invariants(world.state)
