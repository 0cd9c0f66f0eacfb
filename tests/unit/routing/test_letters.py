"""What customers write, what is said about it afterwards, and what it does to contact and case (DESIGN 6)."""

from typing import Any, Literal

import msgspec
import pytest

from ccc_router.events import commands as c
from ccc_router.events.envelope import Input, Resolved
from ccc_router.events.facts import AnsweredOutside, MessageChanged, MessageReceived, ReceiptReceived
from ccc_router.events.vocabulary import CaseKind, CaseState, Channel, ContactState, DeliveryKind, Role, Visibility
from ccc_router.kernel.ids import derive
from ccc_router.routing import Step, step
from ccc_router.routing import decisions as d
from ccc_router.routing.policy import Topic
from ccc_router.routing.rows import Identification
from tests.support.world import START, World, a_catalogue, text
from tests.unit.routing.test_invariants import check_three_ways

AN: dict[str, Any] = {"actor": "an", "actor_role": Role.AGENT}


def a_world() -> World:
    world = World()
    world.sign_in("an")
    return world


def letter(world: World, number: int = 1, case_id: str = "", **more: Any) -> Step:
    """The customer of case ``cs_1`` writes."""
    fact = MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id=f"ms_{number}", contact_id=f"ct_{number}",
        case_id=f"cs_{number}",
    )  # fmt: skip
    resolved = Resolved(customer_id="cu_1", customer_new=not case_id, case_id=case_id)
    return world.give(msgspec.structs.replace(fact, **more), resolved)


def kinds(made: Step) -> list[str]:
    return [type(one).__name__ for one in made.decisions]


def outside(world: World, case_id: str = "cs_1", endpoint: str = "mailbox", channel: Channel = Channel.EMAIL) -> Step:
    fact = AnsweredOutside(channel=channel, endpoint=endpoint, message_id="ms_echo")
    return world.give(fact, Resolved(case_id=case_id))


def test_a_new_customer_is_met_once() -> None:
    world = a_world()
    assert d.CustomerMet("cu_1") in letter(world).decisions
    assert "CustomerMet" not in kinds(letter(world, 2, "cs_1"))


def test_messages_are_counted_and_the_last_of_the_customers_is_known() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    world.give(c.SendMessage(**AN, contact_id="ct_1", message_id="ms_a", visibility=Visibility.PUBLIC))
    contact = world.contact("ct_1")
    assert (contact.messages, contact.customer_message) == (2, 1)
    made = letter(world, 2, "cs_1")
    assert d.MessageCounted("ct_1", "ms_2", 3, customer=True) in made.decisions
    assert (contact.messages, contact.customer_message) == (3, 3)
    world.give(c.SendMessage(**AN, contact_id="ct_1", message_id="ms_n", visibility=Visibility.NOTE))
    assert (contact.messages, contact.customer_message) == (4, 3)


def test_a_note_is_answered_to_nobody() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    note = world.give(c.SendMessage(**AN, contact_id="ct_1", message_id="ms_n", visibility=Visibility.NOTE))
    assert kinds(note) == ["MessageCounted"]
    said = world.give(c.SendMessage(**AN, contact_id="ct_1", message_id="ms_a", visibility=Visibility.PUBLIC))
    assert kinds(said) == ["MessageCounted", "DeliveryOwed"]
    assert said.result == {"message_id": "ms_a", "number": 3}


@pytest.mark.parametrize("asked", [True, False])
def test_a_first_letter_is_acknowledged_if_the_channel_asks_for_it(asked: bool) -> None:
    owed = [one for one in letter(a_world(), acknowledge=asked).decisions if isinstance(one, d.DeliveryOwed)]
    assert [(one.delivery, one.contact_id, one.message_id) for one in owed] == (
        [(DeliveryKind.ACKNOWLEDGEMENT, "ct_1", "ms_1")] if asked else []
    )


def test_automatic_mail_joins_what_is_open_and_wakes_nobody() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    world.give(c.WaitForCustomer(**AN, contact_id="ct_1", until=0))
    made = letter(world, 2, "cs_1", automatic=True)
    assert made.decisions == [d.MessageCounted("ct_1", "ms_2", 2, customer=False)]
    assert world.state_of("ct_1") is ContactState.WAITING
    assert world.state.cases["cs_1"].state is CaseState.WAITING_CUSTOMER


def test_automatic_mail_reopens_no_case() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    world.complete("an", "ct_1")
    made = letter(world, 2, "cs_1", automatic=True)
    assert made.decisions == [d.MessageMarked("ms_2", "automatic")]
    assert world.state.cases["cs_1"].state is CaseState.RESOLVED


def test_a_letter_to_a_waiting_contact_brings_it_back_and_opens_its_case() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    world.give(c.WaitForCustomer(**AN, contact_id="ct_1", until=0))
    letter(world, 2, "cs_1")
    assert world.state_of("ct_1") is ContactState.ACTIVE
    assert world.state.cases["cs_1"].state is CaseState.OPEN


def test_a_letter_to_who_finishes_brings_him_back_to_it() -> None:
    """Wrap-up after the case went to a department: the customer's word comes first."""
    world = a_world()
    letter(world)
    world.accept("an")
    world.give(c.RaiseEscalation(**AN, contact_id="ct_1", escalation_id="es_1", department="d_hi", keep=False))
    assert world.state_of("ct_1") is ContactState.WRAP_UP
    letter(world, 2, "cs_1", automatic=True)
    assert world.state_of("ct_1") is ContactState.WRAP_UP
    letter(world, 3, "cs_1")
    assert world.state_of("ct_1") is ContactState.ACTIVE
    assert world.state.cases["cs_1"].state is CaseState.ESCALATED


def test_a_letter_to_an_open_case_moves_nothing_but_its_contact() -> None:
    world = a_world()
    letter(world)
    assert kinds(letter(world, 2, "cs_1")) == ["MessageCounted"]


@pytest.mark.parametrize("other", [{"channel": Channel.PORTAL, "endpoint": "site"}, {"endpoint": "mailbox-2"}])
def test_a_letter_on_another_channel_or_endpoint_is_a_contact_of_its_own(other: dict[str, Any]) -> None:
    world = a_world()
    letter(world)
    letter(world, 2, "cs_1", **other)
    assert world.state.cases["cs_1"].contacts == ("ct_1", "ct_2")
    assert world.contact("ct_1").messages == 1


def test_a_portal_form_begins_a_case_of_its_own() -> None:
    world = a_world()
    letter(world)
    letter(world, 2, "cs_1", fresh_case=True)
    assert world.contact("ct_2").case_id == "cs_2"


def test_a_letter_speaks_its_own_language_or_that_of_its_mailbox() -> None:
    plain = a_catalogue()
    endpoints = tuple(
        msgspec.structs.replace(one, language="en" if one.id == "mailbox" else "") for one in plain.endpoints
    )
    world = World(msgspec.structs.replace(plain, endpoints=endpoints))
    letter(world)
    letter(world, 2, language="vi")
    letter(world, 3, endpoint="unheard-of")
    assert [world.contact(f"ct_{number}").language for number in (1, 2, 3)] == ["en", "vi", ""]


def test_a_topic_gives_kind_priority_and_queue_where_the_letter_does_not() -> None:
    plain = a_catalogue()
    topic = Topic("fraud", text("Fraud"), "health", case_kind=CaseKind.COMPLAINT, priority=2)
    world = World(msgspec.structs.replace(plain, topics=(*plain.topics, topic)))
    letter(world, topic="fraud", priority=1)
    case, contact = world.state.cases["cs_1"], world.contact("ct_1")
    assert (case.kind, case.priority, case.topic) == (CaseKind.COMPLAINT, 2, "fraud")
    assert (contact.queue, contact.priority) == ("health", 2)
    letter(world, 2, topic="fraud", priority=3, case_kind="petition", queue="general")
    case, contact = world.state.cases["cs_2"], world.contact("ct_2")
    assert (case.kind, case.priority, contact.queue, contact.priority) == (CaseKind.PETITION, 2, "general", 3)
    letter(world, 3, topic="unheard-of", queue="nowhere", endpoint="nowhere")
    case, contact = world.state.cases["cs_3"], world.contact("ct_3")
    assert (case.topic, case.kind, case.priority, contact.queue) == ("", CaseKind.QUESTION, 0, "general")


def test_who_answered_outside_is_told_once_and_the_customers_next_word_takes_it_back() -> None:
    world = a_world()
    letter(world)
    assert outside(world).decisions == [
        d.MessageCounted("ct_1", "ms_echo", 2, customer=False), d.ContactMarked("ct_1", answered_outside=True),
    ]  # fmt: skip
    assert world.contact("ct_1").answered_outside
    assert outside(world).decisions == [d.MessageCounted("ct_1", "ms_echo", 3, customer=False)]
    letter(world, 2, "cs_1")
    assert not world.contact("ct_1").answered_outside


def test_who_answered_elsewhere_answered_nothing_here() -> None:
    world = a_world()
    letter(world)
    for made in (
        outside(world, case_id=""),
        outside(world, endpoint="mailbox-2"),
        outside(world, channel=Channel.FANPAGE),
    ):
        assert made.decisions == []


def test_of_the_contacts_of_a_case_the_one_answered_outside_is_marked() -> None:
    world = a_world()
    letter(world)
    letter(world, 2, "cs_1", channel=Channel.PORTAL, endpoint="site")
    outside(world, channel=Channel.PORTAL, endpoint="site")
    assert [world.contact(one).answered_outside for one in ("ct_1", "ct_2")] == [False, True]


@pytest.mark.parametrize("change", ["edited", "deleted", "hidden"])
def test_what_changed_at_its_source_is_written_down(change: Any) -> None:
    world = a_world()
    letter(world)
    fact = MessageChanged(channel=Channel.EMAIL, endpoint="mailbox", message_id="ms_1", change=change)
    assert world.give(fact, Resolved(case_id="cs_1")).decisions == [d.MessageMarked("ms_1", change)]


def test_only_a_failed_receipt_asks_for_a_person() -> None:
    world = a_world()
    letter(world)
    expected: tuple[tuple[Literal["delivered", "read", "failed"], str], ...]
    expected = (("delivered", ""), ("read", ""), ("failed", "bounced"))
    for receipt, attention in expected:
        fact = ReceiptReceived(channel=Channel.EMAIL, endpoint="mailbox", receipt=receipt, message_ids=("ms_a", "ms_b"))
        made = world.give(fact, Resolved(case_id="cs_1"))
        assert made.decisions[:2] == [d.MessageMarked("ms_a", receipt), d.MessageMarked("ms_b", receipt)]
        assert world.contact("ct_1").attention == attention


def test_a_case_keeps_what_an_edit_does_not_name() -> None:
    world = a_world()
    letter(world)
    edits: list[dict[str, Any]] = [
        {"topic": "card"}, {"case_kind": CaseKind.COMPLAINT}, {"province": "79"}, {"priority": 3},
        {"topic": ""}, {"province": ""}, {"priority": 0},
    ]  # fmt: skip
    seen = []
    case = world.state.cases["cs_1"]
    for edit in edits[:4]:
        world.give(c.EditCase(**AN, case_id="cs_1", **edit))
        seen.append((case.topic, case.kind.value, case.province, case.priority))
    assert seen == [
        ("card", "question", "", 0), ("card", "complaint", "", 0), ("card", "complaint", "79", 0), ("card", "complaint", "79", 3),
    ]  # fmt: skip
    for edit in edits[5:]:
        world.give(c.EditCase(**AN, case_id="cs_1", **edit))
    assert (case.topic, case.kind.value, case.province, case.priority) == ("card", "complaint", "", 0)
    for refused, code in (({"topic": "unheard-of"}, "unknown_topic"), ({"case_id": "cs_none"}, "case_over")):
        made = world.give(c.EditCase(**{**AN, "case_id": "cs_1", **refused}))
        assert made.refused is not None
        assert made.refused.code == code


def test_a_person_changes_the_rank_by_the_priority_and_from_the_same_arrival() -> None:
    world = World()
    letter(world)
    world.wait(7)
    before = world.contact("ct_1").rank
    sup: dict[str, Any] = {"actor": "sup", "actor_role": Role.SUPERVISOR}
    made = world.give(c.SetPriority(**sup, contact_id="ct_1", priority=1, reason="asked"))
    assert made.result == {"contact_id": "ct_1", "rank": before - 60_000}
    assert (world.contact("ct_1").rank, world.contact("ct_1").priority) == (before - 60_000, 1)


def test_case_and_contact_are_linked_and_linked_back() -> None:
    """R-24."""
    world = a_world()
    letter(world)
    world.accept("an")
    letter(world, 2)
    made = world.give(c.LinkContact(**AN, contact_id="ct_1", case_id="cs_2"))
    assert made.result == {"contact_id": "ct_1", "case_id": "cs_2", "from_case": "cs_1"}
    assert (world.state.cases["cs_1"].contacts, world.state.cases["cs_2"].contacts) == ((), ("ct_2", "ct_1"))
    assert world.state.cases["cs_1"].due_at == START + 1000 * world.state.book.rules.case_follow_up_s
    assert (world.state.cases["cs_2"].reply_contact, world.state.cases["cs_1"].reply_contact) == ("ct_1", "")
    made = world.give(c.LinkContact(**AN, contact_id="ct_1", case_id="cs_2"))
    assert (kinds(made), made.result is not None) == ([], True), "it is there already"
    world.give(c.LinkContact(**AN, contact_id="ct_1", case_id="cs_1"))
    assert (world.state.cases["cs_1"].contacts, world.state.cases["cs_2"].contacts) == (("ct_1",), ("ct_2",))
    assert (world.state.cases["cs_1"].due_at, world.state.cases["cs_1"].reply_contact) == (0, "ct_1")


def identify(world: World, resolved: Resolved, **who: Any) -> Step:
    return world.give(c.IdentifyCustomer(**{**AN, **who}, contact_id="ct_1", evidence="asked"), resolved)


def test_who_proves_a_handle_is_that_customer() -> None:
    """R-25."""
    world = a_world()
    letter(world)
    world.accept("an")
    assert identify(world, Resolved()).result == {"customer_id": "cu_1"}
    same = Identification(START, "cu_1", "cu_1", "cs_1", "cu_1")
    assert identify(world, Resolved(customer_id="cu_1")).decisions == [d.CustomerIdentified("ct_1", same)]
    made = identify(world, Resolved(customer_id="cu_9", customer_new=True))
    other = Identification(START, "cu_9", "cu_1", "cs_1", "cu_1")
    identified = d.CustomerIdentified("ct_1", other)
    assert made.decisions == [d.CustomerMet("cu_9"), identified, d.CustomerChanged("ct_1", "cs_1", "cu_9")]
    assert (world.contact("ct_1").customer_id, world.state.cases["cs_1"].customer_id) == ("cu_9", "cu_9")
    made = identify(world, Resolved(customer_id="cu_8"), actor="sup", actor_role=Role.SUPERVISOR)
    assert made.decisions[1:] == [d.CustomerChanged("ct_1", "cs_1", "cu_8")]


def undo(world: World, **who: Any) -> Step:
    return world.give(c.UndoIdentification(**{**AN, **who}, contact_id="ct_1", reason="another person"))


def whose(world: World) -> tuple[str, str]:
    return world.contact("ct_1").customer_id, world.state.cases["cs_1"].customer_id


def test_r25_identifications_are_undone_one_after_the_other() -> None:
    """R-25, I16: one command, and the entries say who and why and whose it was."""
    world = a_world()
    letter(world)
    world.accept("an")
    for customer in ("cu_8", "cu_8", "cu_9"):
        identify(world, Resolved(customer_id=customer))
    assert undo(world).result == {"customer_id": "cu_8"}
    undo(world, actor="sup", actor_role=Role.SUPERVISOR)
    assert whose(world) == ("cu_8", "cu_8"), "he was identified as that one twice"
    made = undo(world)
    assert made.decisions == [
        d.IdentificationUndone("ct_1", Identification(START, "cu_8", "cu_1", "cs_1", "cu_1"), with_case=True)
    ]
    assert whose(world) == ("cu_1", "cu_1")
    refused = undo(world).refused
    assert refused is not None
    assert refused.code == "not_identified"
    check_three_ways(world)


def test_r25_nobody_undoes_what_is_not_before_him() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    identify(world, Resolved(customer_id="cu_8"))
    for who in ({"actor": "binh"}, {"actor": "cu_8", "actor_role": Role.CUSTOMER}):
        refused = undo(world, **who).refused
        assert refused is not None
        assert refused.code == "not_yours"
    world.give(c.WaitForCustomer(**AN, contact_id="ct_1", until=0))
    refused = undo(world).refused
    assert refused is not None
    assert refused.code == "not_yours", "it waits for its customer, in nobody's hands"
    assert whose(world) == ("cu_8", "cu_8")


def test_r25_a_case_that_somebody_else_identified_since_stays_as_it_is() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    identify(world, Resolved(customer_id="cu_8"))
    letter(world, case_id="cs_1", channel=Channel.PORTAL, contact_id="ct_2", message_id="ms_2")
    world.accept("an")
    world.give(c.IdentifyCustomer(**AN, contact_id="ct_2", evidence="asked"), Resolved(customer_id="cu_9"))
    assert undo(world).result == {"customer_id": "cu_1"}
    assert whose(world) == ("cu_1", "cu_9")


def test_r25_a_case_it_was_linked_away_from_stays_as_it_is() -> None:
    world = a_world()
    letter(world)
    world.accept("an")
    identify(world, Resolved(customer_id="cu_8"))
    letter(world, 2)
    world.give(c.LinkContact(**AN, contact_id="ct_1", case_id="cs_2"))
    undo(world)
    assert whose(world) == ("cu_1", "cu_8")
    assert world.state.cases["cs_2"].customer_id == "cu_1", "it was never anybody else's"


def test_the_ids_of_what_is_made_come_from_where_it_stands() -> None:
    """I13: a replay makes the same ones."""
    world = a_world()
    made = letter(world)
    given = world.log[-1][0]
    offer = next(one for one in made.decisions if isinstance(one, d.OfferMade))
    assert offer.offer_id == derive("of", "main", given.position + 1 + made.decisions.index(offer))


@pytest.mark.parametrize(("received_at", "arrived_at"), [(START - 5_000, START - 5_000), (0, START)])
def test_a_letter_arrived_when_it_was_received_however_late_it_is_read(received_at: int, arrived_at: int) -> None:
    world = World()
    fact = MessageReceived(
        channel=Channel.PORTAL, endpoint="site", message_id="ms_1", contact_id="ct_1", case_id="cs_1"
    )
    step(world.state, Input(1, START, fact, Resolved(customer_id="cu_1"), received_at=received_at))
    contact = world.contact("ct_1")
    assert (contact.arrived_at, contact.rank, contact.state_since) == (arrived_at, arrived_at, START)
