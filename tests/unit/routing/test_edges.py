"""Where two rules of the core meet: what happened at the seams of lifecycles, capacity, catalogue and calls."""

import msgspec

from ccc_router.events.commands import (
    ActivateCatalogue,
    AssignContact,
    CloseContact,
    CompleteContact,
    EditCase,
    LinkContact,
    SendMessage,
    SetPresence,
    TransferContact,
    WaitForCustomer,
)
from ccc_router.events.envelope import CaseFound, Resolved
from ccc_router.events.facts import AgentLost, DeliveryReported, PhoneRegistered, ReceiptReceived
from ccc_router.events.vocabulary import (
    CallEventName,
    CaseState,
    Channel,
    ContactState,
    ControlCommand,
    DeliveryKind,
    DeliveryState,
    Presence,
    Role,
    Visibility,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Catalogue, Rules
from ccc_router.routing.rows import Case
from tests.support.matcher import Watched as World
from tests.support.world import a_catalogue, an_agent, check_invariants

CALL = derive("ct", "hotline", "call", "c1")
WEEK = 7 * 86_400


def words(world: World) -> list[ControlCommand | None]:
    return [
        one.command
        for _, made in world.log
        for one in made.decisions
        if isinstance(one, d.DeliveryOwed) and one.command is not None
    ]


def handled(world: World, agent: str = "an") -> str:
    """A message that the agent has accepted."""
    contact_id = world.write()
    world.accept(agent)
    return contact_id


def sends(world: World, contact_id: str, then: str) -> None:
    world.give(
        msgspec.convert(
            {
                "kind": "SendMessage", "actor": "an", "actor_role": "agent", "contact_id": contact_id, "message_id": "ms_r",
                "visibility": "public", "then": then, "disposition": "answered" if then == "complete" else "",
            },
            SendMessage,
        )
    )  # fmt: skip


def closed_case(world: World) -> Case:
    """A case that was resolved and has closed by itself, as its row stands in the tables."""
    contact_id = handled(world)
    case = world.state.cases[world.contact(contact_id).case_id]
    world.complete("an", contact_id)
    world.wait(WEEK + 60)
    assert case.id not in world.state.cases
    return case


def found(case: Case) -> Resolved:
    return Resolved(case_id=case.id, case=CaseFound(msgspec.to_builtins(case)))


def activate(world: World, catalogue: Catalogue, version: int = 2) -> str:
    document = msgspec.to_builtins(catalogue) | {"version": version}
    command = ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=version, catalogue=document)
    refused = world.give(command).refused
    return refused.code if refused is not None else ""


def test_i5_a_contact_that_comes_back_leaves_room_for_what_is_being_offered() -> None:
    world = World()
    world.sign_in("an")
    first = handled(world)
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=first, until=world.now + 600_000))
    handled(world)
    assert world.offered_to(world.write()) == "an", "two of 34 fit into 100, a third does not"
    world.write(case_id=world.contact(first).case_id)
    assert world.state_of(first) is ContactState.QUEUED
    world.accept("an")
    check_invariants(world.state)


def test_r6_what_comes_back_does_not_lie_with_an_agent_on_a_break() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    world.give(WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=contact_id, until=world.now + 600_000))
    world.sign_in("an", Presence.NOT_READY)
    world.sign_in("binh")
    world.write(case_id=world.contact(contact_id).case_id)
    assert world.offered_to(contact_id) == "binh"


def test_i9_a_case_whose_waiting_contact_was_closed_is_followed_up() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    sends(world, contact_id, "wait")
    world.give(CloseContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=contact_id, reason="stuck"))
    check_invariants(world.state)
    assert world.state.cases["cs_1"].state is CaseState.OPEN


def test_i9_a_contact_linked_to_a_resolved_or_closed_case_opens_it() -> None:
    world = World()
    world.sign_in("an")
    case = closed_case(world)
    contact_id = handled(world)
    link = LinkContact(actor="an", actor_role=Role.AGENT, contact_id=contact_id, case_id=case.id)
    world.give(link, found(case))
    assert world.state.cases[case.id].state is CaseState.OPEN
    world.give(
        CompleteContact(
            actor="an", actor_role=Role.AGENT, contact_id=contact_id, disposition="answered", resolution="unresolved"
        )
    )
    check_invariants(world.state)
    world.wait(2 * WEEK)
    assert world.state.cases[case.id].attention


def test_a_bounce_opens_a_closed_case_for_a_person() -> None:
    world = World()
    world.sign_in("an")
    case = closed_case(world)
    world.give(ReceiptReceived(channel=Channel.EMAIL, endpoint="mailbox", receipt="failed"), found(case))
    after = world.state.cases[case.id]
    assert (after.state, after.attention) == (CaseState.OPEN, True)


def test_an_answer_that_could_not_be_sent_is_a_persons_business() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    case_id = world.contact(contact_id).case_id
    sends(world, contact_id, "complete")
    report = DeliveryReported(
        delivery_id="dl_1", state=DeliveryState.FAILED, attempt=1, delivery=DeliveryKind.REPLY, contact_id=contact_id,
        case_id=case_id, message_id="ms_r",
    )  # fmt: skip
    world.give(msgspec.structs.replace(report, delivery=DeliveryKind.ACKNOWLEDGEMENT))
    assert world.state.cases[case_id].state is CaseState.RESOLVED
    world.give(report)
    after = world.state.cases[case_id]
    assert (after.state, after.attention) == (CaseState.OPEN, True)
    check_invariants(world.state)


def test_an_open_contact_says_that_its_answer_could_not_be_sent() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    sends(world, contact_id, "keep")
    world.give(
        DeliveryReported(
            delivery_id="dl_1", state=DeliveryState.PARKED, attempt=9, delivery=DeliveryKind.REPLY, contact_id=contact_id,
            case_id=world.contact(contact_id).case_id, message_id="ms_r",
        )
    )  # fmt: skip
    assert world.contact(contact_id).attention == "undelivered"


def test_a_closed_case_that_was_only_looked_at_leaves_the_memory() -> None:
    world = World()
    world.sign_in("an")
    case = closed_case(world)
    world.tables.watching = False  # nobody takes what changed before we look
    edit = EditCase(actor="an", actor_role=Role.AGENT, case_id=case.id, province="01")
    world.give(edit, found(case))
    assert case.id not in world.state.cases
    left = world.state.just_left(case.id)
    assert left is not None, "what was edited is still written"
    assert left.province == "01"


def test_a_supervisors_case_stays_on_the_list_when_its_timer_fires_while_it_is_worked_on() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    case = world.state.cases[world.contact(contact_id).case_id]
    case.due_at, case.attention = world.now + 1000, True
    world.state.touch_case(case)
    world.wait(2)
    assert (case.due_at, case.attention) == (0, True)


def test_what_was_assigned_to_somebody_about_to_leave_is_anyones_when_he_has_left() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    leave = SetPresence(
        actor="an", actor_role=Role.AGENT, agent_id="an", presence=Presence.SIGNED_OUT, after_current=True
    )
    world.give(leave)
    other = world.write()
    world.give(
        AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=other, agent_id="an", reason="asked for")
    )
    world.complete("an", contact_id)
    assert world.presence_of("an") is Presence.SIGNED_OUT
    assert world.contact(other).reserved_for == ""


def test_the_default_of_offer_times_counts() -> None:
    world = World(a_catalogue(rules=Rules(offer_s={"default": 7})))
    world.sign_in("an")
    contact_id = world.write()
    assert world.state.offers[world.contact(contact_id).offer_id].expires_at == world.now + 7000


def test_of_two_catalogues_made_from_the_same_one_the_second_is_refused() -> None:
    world = World()
    assert activate(world, world.catalogue) == ""
    assert activate(world, world.catalogue) == "catalogue_changed"


def test_an_endpoint_over_which_a_customer_waits_does_not_go() -> None:
    """What the check before could not see yet: he wrote while the catalogue was being checked."""
    world = World()
    endpoints = tuple(one for one in world.catalogue.endpoints if one.id != "site")
    smaller = msgspec.structs.replace(world.catalogue, endpoints=endpoints)
    world.sign_in("an")
    contact_id = world.write()
    assert activate(world, smaller) == "endpoint_in_use"
    world.accept("an")
    world.complete("an", contact_id)
    assert activate(world, smaller) == ""


def test_i5_an_offer_that_no_longer_fits_the_new_catalogue_goes_to_another() -> None:
    world = World()
    world.sign_in("an")
    handled(world)
    contact_id = world.write()
    world.sign_in("binh")
    less = {"phone": 1, "email": 1, "fanpage": 1, "portal": 1, "internal": 1}
    assert activate(world, a_catalogue(an_agent("an", channels=less), an_agent("binh"))) == ""
    assert world.offered_to(contact_id) == "binh"
    check_invariants(world.state)


def test_a_call_that_comes_back_to_an_agent_is_not_answered_by_his_earlier_leg() -> None:
    for named in (True, False):
        world = World(a_catalogue(an_agent("an"), an_agent("binh")))
        world.sign_in("an")
        world.call(CallEventName.OFFERED)
        for number, (agent, to) in enumerate((("an", "binh"), ("binh", "an"))):
            world.accept(agent)
            leg = {"leg": f"l{number}", "agent": f"PJSIP/{agent}", "offer_id": world.contact(CALL).offer_id * named}
            world.call(CallEventName.ESTABLISHED, **leg)
            assert world.state_of(CALL) is ContactState.ACTIVE
            world.sign_in(to)
            world.give(TransferContact(actor=agent, actor_role=Role.AGENT, contact_id=CALL, agent_id=to))
            world.call(CallEventName.CONNECTION_CLEARED, **leg)
        world.accept("an")
        again = {"leg": "l9", "agent": "PJSIP/an", "offer_id": world.contact(CALL).offer_id * named}
        world.call(CallEventName.DELIVERED, **again)
        assert world.state_of(CALL) is ContactState.CONNECTING
        world.call(CallEventName.ESTABLISHED, **again)
        world.call(CallEventName.DELIVERED, **again)
        assert world.state_of(CALL) is ContactState.ACTIVE
        assert ControlCommand.HANGUP not in words(world)


def test_i7_the_phone_of_a_lost_agent_stops_ringing_when_his_call_goes_to_another() -> None:
    world = World(a_catalogue(rules=Rules(connect_s=60, lost_grace_s=30)))
    world.sign_in("an")
    world.call(CallEventName.OFFERED)
    world.accept("an")
    world.give(AgentLost(agent_id="an"))
    world.wait(31)
    assert words(world)[-1] is ControlCommand.CANCEL
    assert world.state_of(CALL) is ContactState.QUEUED


def test_i9_a_watched_call_whose_end_is_never_told_is_over_after_its_silence() -> None:
    """R-10: every state that is no rest ends by a time; what the switch never tells ends too."""
    world = World()
    world.call(CallEventName.OFFERED, endpoint="tracked")
    world.wait(10_000)
    world.call(CallEventName.ESTABLISHED, leg="other", endpoint="tracked")
    tracked = derive("ct", "tracked", "call", "c1")
    world.wait(10_000)
    assert world.state_of(tracked) is ContactState.ACTIVE, "every event puts the end off"
    world.wait(5_000)
    assert tracked not in world.state.contacts
    check_invariants(world.state)


def test_a_call_dialled_by_hand_is_watched_and_offered_to_nobody() -> None:
    world = World()
    world.sign_in("an")
    world.call(CallEventName.OFFERED, leg="a1", agent="PJSIP/binh", outbound=True)
    world.call(CallEventName.ESTABLISHED, leg="a1", agent="PJSIP/binh", outbound=True)
    assert world.state_of(CALL) is ContactState.ACTIVE
    world.call(CallEventName.CONNECTION_CLEARED, leg="a1", agent="PJSIP/binh", outbound=True)
    world.call(CallEventName.OFFERED, outbound=True)
    world.call(CallEventName.CONNECTION_CLEARED, outbound=True)
    assert world.state_of(CALL) is ContactState.CLOSED
    assert not words(world)


def test_a_phone_is_known_by_its_switch() -> None:
    there = msgspec.structs.replace(an_agent("binh"), phone="PJSIP/an", phone_endpoint="tracked")
    world = World(a_catalogue(an_agent("an"), there))
    world.give(PhoneRegistered(endpoint="tracked", phone="PJSIP/an", registered=False))
    assert world.state.agents["an"].phone_registered
    assert not world.state.agents["binh"].phone_registered


def test_notes_reach_nobody_outside() -> None:
    world = World()
    world.sign_in("an")
    contact_id = handled(world)
    note = SendMessage(
        actor="an", actor_role=Role.AGENT, contact_id=contact_id, message_id="ms_n", visibility=Visibility.NOTE
    )
    assert not [one for one in world.give(note).decisions if isinstance(one, d.DeliveryOwed)]


def test_an_answer_of_a_case_does_not_reach_whoever_was_linked_away_from_it() -> None:
    """R-24: joining contacts to one case is a link that can be undone."""
    world = World()
    world.sign_in("an")
    right = handled(world)
    world.complete("an", right)
    case_id = "cs_1"
    wrong = world.write(case_id=case_id)
    world.accept("an")
    assert world.state.cases[case_id].reply_contact == wrong
    other = world.write()
    world.accept("an")
    there = world.contact(other).case_id
    world.give(LinkContact(actor="an", actor_role=Role.AGENT, contact_id=wrong, case_id=there))
    assert world.state.cases[case_id].reply_contact == "", "nobody knows whose the earlier one was: a person calls"
    assert world.state.cases[there].reply_contact == wrong
    world.give(LinkContact(actor="an", actor_role=Role.AGENT, contact_id=wrong, case_id=case_id))
    assert world.state.cases[case_id].reply_contact == wrong
    assert world.state.cases[there].reply_contact == other
