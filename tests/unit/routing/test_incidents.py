"""Incidents: one trouble that many cases have in common; everybody attached is told once how it ended (I9, I16, I18)."""

from typing import Any

from ccc_router.events.commands import AttachCases, OpenIncident, ResolveIncident, SetSurge
from ccc_router.events.facts import MessageReceived
from ccc_router.events.vocabulary import (
    CallEventName,
    CaseState,
    Channel,
    ContactState,
    DeliveryKind,
    LegRole,
    Newcomers,
    Role,
)
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step
from ccc_router.routing import decisions as d
from ccc_router.routing.deciding.crowds.incidents import PORTION
from ccc_router.routing.rows import Case, Incident
from tests.support.world import START, World, check_invariants
from tests.unit.routing.test_invariants import check_three_ways

LEAD: dict[str, Any] = {"actor": "mai", "actor_role": Role.SUPERVISOR}


def begin(world: World, **more: str) -> Step:
    """A supervisor opens incident ``in_1``."""
    named: dict[str, Any] = {"incident_id": "in_1", "title_vi": "VssID ngừng", "title_en": "VssID is down"} | more
    return world.give(OpenIncident(**LEAD, **named))


def resolve(world: World, incident_id: str = "in_1") -> Step:
    """It is over."""
    return world.give(ResolveIncident(**LEAD, incident_id=incident_id, message_id="ms_out"))


def attach(world: World, *cases: str, on: bool = True, incident_id: str = "in_1") -> Step:
    """By hand."""
    return world.give(AttachCases(**LEAD, incident_id=incident_id, cases=cases, attach=on))


def case_of(world: World, contact_id: str) -> Case:
    return world.state.cases[world.contact(contact_id).case_id]


def told(step: Step) -> list[tuple[str, str]]:
    """To whom something is owed: contact and message."""
    owed = [one for one in step.decisions if isinstance(one, d.DeliveryOwed) and one.delivery is DeliveryKind.REPLY]
    return [(one.contact_id, one.message_id) for one in owed]


def message(case: Case) -> str:
    return derive("ms", "ms_out", case.id)


def code(step: Step) -> str:
    return step.refused.code if step.refused is not None else ""


def test_who_comes_to_its_queue_or_about_its_topic_is_attached_by_itself() -> None:
    """Only newcomers: who was here before is attached by hand."""
    world = World()
    before = world.write()
    begin(world, queue="general", topic="card")
    by_queue = world.write(Channel.EMAIL)
    elsewhere = world.write(queue="health")
    about = MessageReceived(
        channel=Channel.PORTAL, endpoint="site", message_id="ms_t", contact_id="ct_t", case_id="cs_t", topic="card"
    )
    world.give(about)
    assert [case_of(world, one).incident_id for one in (before, by_queue, elsewhere, "ct_t")] == [
        "",
        "in_1",
        "",
        "in_1",
    ]
    assert world.contact("ct_t").queue == "health"
    assert world.state.incidents["in_1"].attached == 2
    assert attach(world, case_of(world, before).id).decisions == [d.CaseAttached(case_of(world, before).id, "in_1")]
    assert world.state.incidents["in_1"].attached == 3


def test_everybody_attached_is_told_once_over_the_channel_he_wrote_on() -> None:
    """What nobody had in hands is over with it and its case resolved; what an agent has is his to end."""
    world = World()
    world.sign_in("an")
    begin(world, queue="general")
    in_hands = world.write(Channel.EMAIL)
    world.accept("an")
    waiting = [world.write(), world.write(Channel.FANPAGE)]
    cases = [case_of(world, one) for one in (in_hands, *waiting)]
    other = world.write(queue="health")
    made = resolve(world)
    assert sorted(told(made)) == sorted((case.reply_contact, message(case)) for case in cases)
    counted = [one for one in made.decisions if isinstance(one, d.MessageCounted)]
    assert {(one.contact_id, one.number, one.customer) for one in counted} == {
        (one, 2, False) for one in (in_hands, *waiting)
    }
    assert not set(waiting) & world.state.contacts.keys()
    assert [case.state for case in cases] == [CaseState.OPEN, CaseState.RESOLVED, CaseState.RESOLVED]
    assert world.contact(in_hands).agent_id == "an"
    assert other in world.state.contacts
    check_invariants(world.state)
    assert code(resolve(world)) == "incident_over", "once"
    world.complete("an", in_hands)
    check_invariants(world.state)


def test_an_offered_contact_is_taken_back_before_it_ends() -> None:
    """I6: its offer ends once, and the agent may have something else at once."""
    world = World()
    world.sign_in("an")
    begin(world, queue="general")
    offered = world.write()
    assert world.offered_to(offered) == "an"
    made = resolve(world)
    assert [one.by for one in made.decisions if isinstance(one, d.OfferEnded)] == ["incident"]
    after = world.write(Channel.EMAIL)
    assert world.offered_to(after) == "an"


def test_who_was_turned_away_on_the_phone_gets_a_follow_up() -> None:
    """I9: his call is over, so an internal contact on his case brings the outcome to an agent who calls him."""
    world = World()
    begin(world, queue="general")
    until = world.now + 3_600_000
    world.give(
        SetSurge(
            **LEAD, queue="general", reason="outage", newcomers=Newcomers.DEFLECT, until=until, announcement="down"
        )
    )  # fmt: skip
    world.call(CallEventName.OFFERED)
    contact = derive("ct", "hotline", "call", "c1")
    case = case_of(world, contact)
    assert (world.state_of(contact), case.incident_id) == (ContactState.DEFLECTED, "in_1")
    made = resolve(world)
    [opened] = [one for one in made.decisions if isinstance(one, d.ContactOpened)]
    assert (opened.channel, opened.case_id, opened.cause) == (Channel.INTERNAL, case.id, "incident_resolved")
    assert [one.message_id for one in made.decisions if isinstance(one, d.MessageCounted)] == [message(case)]
    assert told(made) == []
    check_invariants(world.state)
    world.sign_in("an")
    assert world.offered_to(opened.contact_id) == "an"


def test_a_caller_on_the_line_stays_and_his_agent_reads_how_it_ended() -> None:
    world = World()
    world.sign_in("an")
    begin(world, queue="general")
    world.call(CallEventName.OFFERED)
    contact = derive("ct", "hotline", "call", "c1")
    world.accept("an")
    world.call(
        CallEventName.ESTABLISHED, leg="agent", offer_id=world.contact(contact).offer_id, agent="an", role=LegRole.AGENT
    )
    made = resolve(world)
    assert [(one.contact_id, one.customer) for one in made.decisions if isinstance(one, d.MessageCounted)] == [
        (contact, False)
    ]
    assert not any(isinstance(one, d.ContactEnded | d.ContactOpened | d.DeliveryOwed) for one in made.decisions)
    check_invariants(world.state)


def test_a_customer_who_wrote_and_was_answered_is_told_as_well() -> None:
    """His contact is over, his case is not closed yet: the text goes where he wrote."""
    world = World()
    world.sign_in("an")
    contact = world.write()
    case = case_of(world, contact)
    world.accept("an")
    world.complete("an", contact)
    begin(world)
    attach(world, case.id)
    made = resolve(world)
    assert told(made) == [(contact, message(case))]
    assert not any(isinstance(one, d.MessageCounted) for one in made.decisions)
    assert case.state is CaseState.RESOLVED


def test_detached_is_not_told_and_a_case_has_one_incident() -> None:
    world = World()
    one, two = world.write(), world.write()
    begin(world)
    begin(world, incident_id="in_2")
    attach(world, case_of(world, one).id, case_of(world, two).id)
    attach(world, case_of(world, one).id, on=False)
    attach(world, case_of(world, two).id, incident_id="in_2")
    assert attach(world, case_of(world, two).id, on=False).decisions == [], "it is not attached to this one"
    assert [world.state.incidents[name].attached for name in ("in_1", "in_2")] == [0, 1]
    assert told(resolve(world)) == []
    assert [contact for contact, _ in told(resolve(world, "in_2"))] == [two]
    assert one in world.state.contacts


def test_what_is_refused() -> None:
    world = World()
    case = case_of(world, world.write())
    assert code(begin(world, topic="none")) == "unknown_topic"
    assert code(begin(world, queue="none")) == "unknown_queue"
    assert code(attach(world, case.id)) == "incident_over"
    assert code(resolve(world)) == "incident_over"
    begin(world)
    assert code(attach(world, case.id, "cs_none")) == "case_over"
    assert case.incident_id == "", "all of them or none"


def test_i16_who_opened_and_who_ended_it_is_written_down_and_i2_twice_is_once() -> None:
    world = World()
    [made] = begin(world, topic="card", message_id="ms_notice").decisions
    wanted = Incident("in_1", START, "supervisor:mai", "VssID ngừng", "VssID is down", "card", notice_id="ms_notice")
    assert made == d.IncidentSet(wanted)
    again = begin(world)
    assert (again.decisions, code(again)) == ([], "")
    assert resolve(world).decisions == [d.IncidentTold("in_1", "ms_out", 0, "supervisor:mai", over=True)]


def test_mails_are_acknowledged_with_its_text_rather_than_the_surges() -> None:
    """The incident is about this very contact."""
    world = World()
    until = world.now + 3_600_000
    surge = SetSurge(
        **LEAD, queue="general", reason="x", newcomers=Newcomers.ANNOUNCE, until=until, announcement="s",
        message_id="ms_surge",
    )  # fmt: skip
    world.give(surge)
    begin(world, queue="general", message_id="ms_incident")
    assert acknowledged(world, "a") == {"notice": "ms_incident"}
    resolve(world)
    assert acknowledged(world, "b") == {"notice": "ms_surge"}


def acknowledged(world: World, name: str) -> dict[str, str]:
    """What the acknowledgement of a new mail is told to bear."""
    fact = MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id=f"ms_{name}", contact_id=f"ct_{name}", case_id=f"cs_{name}",
        acknowledge=True,
    )  # fmt: skip
    kinds = (DeliveryKind.ACKNOWLEDGEMENT,)
    [owed] = [one for one in world.give(fact).decisions if isinstance(one, d.DeliveryOwed) and one.delivery in kinds]
    return owed.data


def test_many_are_told_in_portions_each_once_and_it_is_open_until_all_are() -> None:
    """One step never keeps the engine for long; who comes meanwhile is told as well."""
    world = World()
    begin(world, queue="general")
    wrote = [world.write() for _ in range(PORTION + 2)]
    first = resolve(world)
    assert (first.result, len(told(first))) == ({"incident_id": "in_1", "left": 2}, PORTION)
    incident = world.state.incidents["in_1"]
    assert (incident.attached, incident.told, incident.resolved_at) == (2, PORTION, 0)
    wrote.append(world.write())
    last = resolve(world)
    assert last.result == {"incident_id": "in_1", "left": 0}
    assert sorted(contact for contact, _ in told(first) + told(last)) == sorted(wrote)
    assert (incident.attached, incident.told, incident.resolved_at) == (0, PORTION + 3, world.now)
    assert "in_1" not in world.state.incidents


def test_i13_an_open_incident_survives_a_reload() -> None:
    world = World()
    begin(world, queue="general")
    world.write()
    world.write(Channel.EMAIL)
    check_three_ways(world)
