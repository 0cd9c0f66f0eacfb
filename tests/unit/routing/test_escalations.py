"""What becomes of a case that is handed to a department (DESIGN 6): states, clocks, ladder, and what comes back."""

import pytest

from ccc_router.events.facts import DeliveryReported
from ccc_router.events.vocabulary import CaseState, ContactState, DeliveryKind, DeliveryState, EscalationState, Role
from ccc_router.routing import Step
from ccc_router.routing.decisions import CaseReturned, DeliveryOwed, EscalationSet, MessageCounted
from tests.support.escalated import HOUR, MINUTE, MONDAY_8, Action, Escalated
from tests.support.world import check_invariants

S = EscalationState


@pytest.fixture
def world() -> Escalated:
    return Escalated()


def refusal(made: Step) -> str:
    return made.refused.code if made.refused else ""


def whats(made: Step) -> list[str]:
    return [one.what for one in made.decisions if isinstance(one, EscalationSet)]


def test_raising_starts_both_clocks_and_owes_the_department_a_notice(world: Escalated) -> None:
    made = world.escalate()
    assert made.result is not None
    assert made.result["state"] == "raised"
    assert world.escalation().acknowledge_by == MONDAY_8 + HOUR
    assert world.escalation().answer_by == MONDAY_8 + 9 * HOUR  # eight hours of work, one of lunch
    assert world.case().state is CaseState.ESCALATED
    [owed] = world.owed()
    assert owed.type == "ccc.escalation.raised.v1"
    assert (owed.delivery, owed.lane, owed.target) == (DeliveryKind.WEBHOOK, "department:d_hi", "d_hi")
    assert (owed.escalation_id, owed.message_id) == ("es_1", "ms_es_1")
    assert owed.data["answer_by"] == str(world.escalation().answer_by)
    check_invariants(world.state)


def test_a_department_without_a_system_is_owed_a_mail(world: Escalated) -> None:
    world.escalate("d_mail")
    assert world.owed()[0].delivery is DeliveryKind.DEPARTMENT_MAIL


def test_the_terms_are_those_of_the_kind_and_an_urgent_one_has_shorter_ones() -> None:
    complaint, urgent = Escalated(), Escalated()
    complaint.case().kind = type(complaint.case().kind).COMPLAINT
    complaint.escalate()
    assert complaint.escalation().acknowledge_by == MONDAY_8 + 30 * MINUTE
    urgent.escalate(urgent=True)
    assert urgent.escalation().acknowledge_by == MONDAY_8 + 15 * MINUTE
    assert urgent.escalation().answer_by == MONDAY_8 + 2 * HOUR


def test_raising_again_under_the_same_id_changes_nothing(world: Escalated) -> None:
    first = world.escalate()
    again = world.escalate()
    assert again.result == first.result
    assert again.decisions == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"contact_id": "ct_other"}, "contact_over"),
        ({"actor": "binh"}, "not_yours"),
        ({"department": "d_none"}, "unknown_department"),
    ],
)
def test_raising_is_refused(world: Escalated, more: dict[str, str], code: str) -> None:
    assert refusal(world.escalate(**more)) == code
    assert not world.state.escalations


def test_the_agent_keeps_the_contact_or_lets_it_go() -> None:
    keeps, lets_go = Escalated(), Escalated()
    keeps.escalate(keep=True)
    assert keeps.state_of(keeps.contact_id) is ContactState.ACTIVE
    lets_go.escalate(keep=False)
    assert lets_go.state_of(lets_go.contact_id) is ContactState.WRAP_UP


def test_the_whole_way_raised_acknowledged_asked_answered_rejected_answered_accepted(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    assert (world.escalation().state, world.escalation().acknowledged_at) == (S.ACKNOWLEDGED, MONDAY_8)
    world.act("ask")
    assert world.escalation().state is S.ACKNOWLEDGED
    world.act("reply")
    assert [one.type for one in world.owed()] == ["ccc.escalation.raised.v1", "ccc.escalation.reply.v1"]
    world.act("answer")
    assert world.escalation().state is S.ANSWERED
    world.act("reject")
    assert (world.escalation().state, world.escalation().rejections) == (S.ACKNOWLEDGED, 1)
    assert world.owed("rejected")
    world.act("answer")
    made = world.act("accept")
    assert made.result is not None
    assert made.result["state"] == "accepted"
    assert not world.state.escalations
    assert world.case().state is CaseState.OPEN
    check_invariants(world.state)


def test_acknowledging_needs_no_delivery_and_twice_is_the_same(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    again = world.act("acknowledge")
    assert again.result is not None
    assert again.decisions == []


def test_answering_shows_that_it_was_seen(world: Escalated) -> None:
    world.escalate()
    world.act("answer")
    assert world.escalation().acknowledged_at == MONDAY_8


@pytest.mark.parametrize("action", ["ask", "progress", "answer", "return"])
def test_what_comes_back_opens_an_internal_contact_for_the_agent_who_knows_the_case(
    world: Escalated, action: Action
) -> None:
    world.escalate()
    world.complete("an", world.contact_id)
    world.sign_in("binh")
    world.wait(60)
    world.sign_in("an")  # idle for a shorter time than the other
    made = world.act(action)
    [internal] = world.internal()
    assert world.offered_to(internal.id) == "an"
    assert internal.escalation_id == "es_1"
    counted = [one for one in made.decisions if isinstance(one, MessageCounted)]
    assert [one.contact_id for one in counted] == [internal.id]
    assert counted[0].message_id.startswith("ms_")
    check_invariants(world.state)


def test_what_comes_back_joins_the_open_internal_contact(world: Escalated) -> None:
    world.escalate()
    for action in ("ask", "progress", "answer"):
        world.act(action)
    [internal] = world.internal()
    assert internal.messages == 3


@pytest.mark.parametrize("action", ["acknowledge", "answer", "return"])
def test_an_overdue_or_undelivered_one_can_still_be_worked_on(world: Escalated, action: Action) -> None:
    world.escalate()
    world.give(
        DeliveryReported(delivery_id="dl_1", state=DeliveryState.PARKED, attempt=10, escalation_id="es_1", reason="x")
    )
    assert world.case().attention
    world.advance(MONDAY_8 + 30 * HOUR)
    assert world.escalation().answer_overdue
    assert world.act(action).refused is None


def test_reminder_then_overdue_up_the_ladder_and_the_agent_is_told(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    world.complete("an", world.contact_id)
    world.advance(MONDAY_8 + 7 * HOUR - 1)
    assert not world.owed("reminded")
    world.advance(MONDAY_8 + 7 * HOUR)  # 75 % of eight hours: six, and lunch
    assert world.escalation().reminded
    assert [one.target for one in world.owed("reminded")] == ["d_hi"]
    world.advance(MONDAY_8 + 9 * HOUR)
    assert world.escalation().answer_overdue
    assert [one.target for one in world.owed("overdue")] == ["d_hi", "h_hi"]
    assert len(world.internal()) == 1
    assert not world.case().attention
    world.advance(MONDAY_8 + 28 * HOUR)  # half of the term again, on Tuesday at noon
    assert [one.target for one in world.owed("overdue")] == ["d_hi", "h_hi", "d_hi", "dg"]
    assert [one.delivery for one in world.owed("overdue")][-1] is DeliveryKind.DEPARTMENT_MAIL
    assert world.case().attention
    assert world.escalation().due_at > world.now
    check_invariants(world.state)


def test_an_unacknowledged_one_is_overdue_by_its_first_clock(world: Escalated) -> None:
    world.escalate()
    world.advance(MONDAY_8 + HOUR)
    assert world.escalation().acknowledge_overdue
    assert not world.escalation().answer_overdue
    assert {one.data["clock"] for one in world.owed("overdue")} == {"acknowledge"}
    world.act("acknowledge")
    assert world.escalation().due_at == MONDAY_8 + 7 * HOUR


def test_clocks_stand_still_outside_business_time(world: Escalated) -> None:
    """R-23: one calendar: several intervals a day, holidays and make-up days; adding is the inverse of counting; clocks stop where they should."""
    world.advance(MONDAY_8 + 9 * HOUR + 1)  # Monday, after five
    world.escalate()
    assert world.escalation().acknowledge_by == MONDAY_8 + 25 * HOUR
    world.advance(MONDAY_8 + 24 * HOUR)
    assert not world.owed("overdue")


def test_progress_stops_no_clock(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    before = (world.escalation().acknowledge_by, world.escalation().answer_by, world.escalation().due_at)
    world.advance(MONDAY_8 + HOUR)
    world.act("progress")
    assert (world.escalation().acknowledge_by, world.escalation().answer_by, world.escalation().due_at) == before


def test_several_of_one_case_have_their_own_clocks_and_the_case_waits_for_all(world: Escalated) -> None:
    world.escalate("d_hi", escalation_id="es_1")
    world.advance(MONDAY_8 + HOUR // 2)
    world.escalate("d_si", escalation_id="es_2")
    assert world.state.escalations["es_2"].acknowledge_by == MONDAY_8 + HOUR * 3 // 2
    world.act("return", escalation_id="es_1")
    assert world.case().state is CaseState.ESCALATED
    world.act("return", escalation_id="es_2")
    assert world.case().state is CaseState.OPEN


def test_returned_twice_is_ping_pong_and_goes_to_a_supervisor(world: Escalated) -> None:
    world.escalate("d_hi", escalation_id="es_1")
    made = world.act("return", escalation_id="es_1")
    assert [one.returns for one in made.decisions if isinstance(one, CaseReturned)] == [1]
    assert not world.case().attention
    world.escalate("d_si", escalation_id="es_2")
    world.act("return", escalation_id="es_2")
    assert world.case().returns == 2
    assert world.case().attention


def test_forwarding_starts_new_clocks_with_the_new_department(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    world.advance(MONDAY_8 + 2 * HOUR)
    made = world.act("forward", department="d_si")
    assert (world.escalation().department, world.escalation().state) == ("d_si", S.RAISED)
    assert world.escalation().acknowledge_by == MONDAY_8 + 3 * HOUR
    assert world.escalation().forwarded_by == ("d_hi",)
    [owed] = [one for one in made.decisions if isinstance(one, DeliveryOwed)]
    assert (owed.lane, owed.type, owed.message_id) == ("department:d_si", "ccc.escalation.raised.v1", "ms_es_1")
    assert owed.data["note_id"].startswith("ms_")
    assert refusal(world.act("answer", actor="d_hi")) == "unknown"


def test_a_chain_of_forwards_has_an_end_and_going_back_calls_a_supervisor(world: Escalated) -> None:
    """R-21: what acts by itself acts once, and never in a circle."""
    world.escalate()
    assert refusal(world.act("forward", department="d_hi")) == "same_department"
    assert refusal(world.act("forward", department="d_none")) == "unknown_department"
    world.act("forward", department="d_si")
    assert not world.case().attention
    world.act("forward", department="d_hi")
    assert world.case().attention
    world.act("forward", department="d_mail")
    assert refusal(world.act("forward", department="d_si")) == "chain_too_long"


def test_an_extension_is_asked_by_the_department_and_granted_by_a_supervisor(world: Escalated) -> None:
    world.escalate()
    later = MONDAY_8 + 33 * HOUR
    assert refusal(world.act("extend", until=MONDAY_8 + HOUR)) == "invalid_until"
    assert refusal(world.act("grant")) == "wrong_state"
    world.act("extend", until=later)
    assert world.escalation().asked_until == later
    assert world.escalation().answer_by == MONDAY_8 + 9 * HOUR
    assert world.case().attention
    assert refusal(world.act("grant", role=Role.AGENT)) == "not_yours"
    world.act("grant")
    assert world.escalation().answer_by == later
    assert not world.case().attention
    assert world.owed("reply")[0].data["extension"] == "granted"
    world.advance(MONDAY_8 + 10 * HOUR)
    assert not world.escalation().answer_overdue


def test_a_refused_extension_leaves_the_clock(world: Escalated) -> None:
    world.escalate()
    world.act("extend", until=MONDAY_8 + 33 * HOUR)
    world.act("refuse")
    assert world.escalation().answer_by == MONDAY_8 + 9 * HOUR
    assert world.owed("reply")[0].data["extension"] == "refused"


def test_a_rejected_answer_gets_what_was_left_when_it_came(world: Escalated) -> None:
    world.escalate()
    world.act("acknowledge")
    world.advance(MONDAY_8 + 6 * HOUR)  # five hours of work used, three left
    world.act("answer")
    world.advance(MONDAY_8 + 24 * HOUR)
    world.act("reject")
    assert world.escalation().answer_by == MONDAY_8 + 27 * HOUR


def test_rejected_too_often_calls_a_supervisor(world: Escalated) -> None:
    world.escalate()
    for _ in range(2):
        world.act("answer")
        world.act("reject")
    assert world.case().attention


def test_an_answer_that_nobody_looks_at_comes_up_again(world: Escalated) -> None:
    """I9: an answered escalation whose contact is gone gets one again."""
    world.escalate(keep=False)
    world.wait(60)
    world.act("answer")
    [internal] = world.internal()
    world.accept("an")
    world.complete("an", internal.id)
    assert not world.internal()
    world.wait(2 * 86_400)
    assert len(world.internal()) == 1
    check_invariants(world.state)


def test_withdrawing_tells_the_department(world: Escalated) -> None:
    world.escalate()
    world.act("withdraw")
    assert world.owed("withdrawn")
    assert world.case().state is CaseState.OPEN
    assert refusal(world.act("acknowledge", actor="d_hi")) == "escalation_over"


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ((), "accept"),
        ((), "reject"),
        (("answer",), "answer"),
        (("answer",), "ask"),
        (("answer",), "return"),
        (("answer",), "forward"),
        (("answer",), "acknowledge"),
    ],
)
def test_a_wrong_state_is_refused_with_its_name(world: Escalated, before: tuple[Action, ...], action: Action) -> None:
    world.escalate()
    for step in before:
        world.act(step)
    made = world.act(action, department="d_si")
    assert refusal(made) == "wrong_state"
    assert made.refused is not None
    assert made.refused.detail == world.escalation().state.value


@pytest.mark.parametrize(
    ("action", "actor", "role", "code"),
    [
        ("acknowledge", "d_si", Role.DEPARTMENT, "unknown"),
        ("withdraw", "d_hi", Role.DEPARTMENT, "not_yours"),
        ("acknowledge", "an", Role.AGENT, "not_yours"),
        ("withdraw", "binh", Role.AGENT, "not_yours"),
        ("grant", "an", Role.AGENT, "not_yours"),
        ("withdraw", "x", Role.CUSTOMER, "not_yours"),
    ],
)
def test_nobody_acts_for_another(world: Escalated, action: Action, actor: str, role: Role, code: str) -> None:
    world.escalate()
    assert refusal(world.act(action, actor=actor, role=role)) == code


def test_the_deliveries_of_one_input_have_ids_of_their_own(world: Escalated) -> None:
    world.escalate()
    world.advance(MONDAY_8 + 30 * HOUR)
    ids = [one.delivery_id for one in world.owed()]
    assert len(ids) == len(set(ids))
    assert len(ids) > 3


def test_a_moved_timer_does_nothing(world: Escalated) -> None:
    """I12: effective once."""
    world.escalate()
    world.advance(MONDAY_8 + HOUR - 1)
    world.act("acknowledge")
    sets = sum(len(whats(made)) for _, made in world.log)
    world.advance(MONDAY_8 + 2 * HOUR)
    assert sum(len(whats(made)) for _, made in world.log) == sets
