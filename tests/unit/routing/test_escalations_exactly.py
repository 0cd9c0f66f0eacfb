"""What each action changes of an escalation, and what it leaves; and what the case's contacts hear of it (DESIGN 6)."""

from typing import Any

import msgspec
import pytest

from ccc_router.events import commands as c
from ccc_router.events.facts import DeliveryReported, TimerFired
from ccc_router.events.vocabulary import CaseState, Channel, ContactState, DeliveryState, EscalationState, Role
from ccc_router.routing.decisions import DeliveryOwed
from ccc_router.routing.rows import Escalation
from tests.support.escalated import HOUR, MINUTE, Action, Escalated

NOW = 10 * MINUTE
"""When the action comes, after the escalation was raised."""


def rows(escalation: Escalation) -> dict[str, Any]:
    return {name: getattr(escalation, name) for name in escalation.__struct_fields__}


def changes(before: tuple[Action, ...], action: Action, **more: Any) -> dict[str, Any]:
    """The fields that an action changes; moments count from when the escalation was raised."""
    world = Escalated()
    world.escalate()
    raised = world.escalation().raised_at
    for one in before:
        world.act(one, until=raised + 24 * HOUR)
    known = rows(world.escalation())
    world.wait(NOW / 1000)
    made = world.act(action, **more)
    assert made.refused is None
    now = rows(world.escalation())
    found = {name: value for name, value in now.items() if value != known[name]}
    return {
        name: value - raised if isinstance(value, int) and value > raised else value for name, value in found.items()
    }


def test_raised_it_has_both_clocks_and_nothing_else() -> None:
    world = Escalated()
    world.escalate()
    here = world.escalation()
    known = rows(here)
    assert {name for name, value in known.items() if value} == {
        "id", "case_id", "contact_id", "department", "state", "raised_at", "raised_by", "acknowledge_by", "answer_by",
        "urgency", "due_at", "clock_from", "summary_id",
    }  # fmt: skip
    assert (here.acknowledge_by - world.now, here.clock_from, here.due_at) == (HOUR, world.now, here.acknowledge_by)


def test_an_escalation_that_was_just_made_is_late_for_nothing() -> None:
    made = Escalation("es", "cs", "ct", "d", EscalationState.RAISED, 1, "an", 2, 3)
    left = {name: value for name, value in rows(made).items() if name not in ("urgency", "summary_id", "forwarded_by")}
    assert not any(list(left.values())[9:])


@pytest.mark.parametrize(
    ("before", "action", "changed"),
    [
        ((), "acknowledge", {"state": EscalationState.ACKNOWLEDGED, "acknowledged_at": NOW}),
        ((), "progress", {"state": EscalationState.ACKNOWLEDGED, "acknowledged_at": NOW}),
        ((), "ask", {"state": EscalationState.ACKNOWLEDGED, "acknowledged_at": NOW}),
        (("acknowledge",), "acknowledge", {}),
        (("acknowledge",), "progress", {}),
        (("acknowledge",), "reply", {}),
        (("acknowledge", "extend"), "refuse", {"asked_until": 0}),
    ],
)
def test_an_action_changes_what_it_is_about(
    before: tuple[Action, ...], action: Action, changed: dict[str, Any]
) -> None:
    found = changes(before, action)
    found.pop("due_at", None)
    assert found == changed


def test_an_answer_takes_back_what_was_asked_for_and_waits_a_day_for_a_look() -> None:
    found = changes(("acknowledge", "extend"), "answer")
    assert found == {
        "state": EscalationState.ANSWERED, "answered_at": NOW, "asked_until": 0, "due_at": NOW + 24 * HOUR,
    }  # fmt: skip


def test_a_forward_begins_anew_with_another() -> None:
    found = changes(("acknowledge", "extend"), "forward", department="d_si")
    assert found == {
        "department": "d_si", "state": EscalationState.RAISED, "acknowledged_at": 0, "asked_until": 0,
        "forwarded_by": ("d_hi",), "clock_from": NOW, "acknowledge_by": NOW + HOUR, "due_at": NOW + HOUR,
        "answer_by": found["answer_by"],
    }  # fmt: skip


def test_a_rejection_counts_and_nothing_was_answered() -> None:
    found = changes(("answer",), "reject")
    assert (found["state"], found["rejections"], found["answered_at"]) == (EscalationState.ACKNOWLEDGED, 1, 0)
    assert "acknowledged_at" not in found


def test_a_granted_extension_is_late_for_nothing_any_more() -> None:
    world = Escalated()
    world.escalate()
    until = world.now + 240 * HOUR
    world.act("extend", until=until)
    world.act("grant")
    here = world.escalation()
    assert (here.answer_by, here.asked_until, here.rung, here.reminded, here.answer_overdue) == (
        until,
        0,
        0,
        False,
        False,
    )
    assert not world.case().attention


def test_one_rejection_is_no_ping_pong() -> None:
    world = Escalated()
    world.escalate()
    for attention in (False, True):
        world.act("answer")
        world.act("reject")
        assert world.case().attention is attention


@pytest.mark.parametrize("action", ["grant", "refuse"])
def test_who_asked_for_more_time_is_told_and_the_supervisor_has_done_his_part(action: Action) -> None:
    world = Escalated()
    world.escalate()
    world.act("extend", until=world.now + 240 * HOUR)
    assert world.case().attention
    made = world.act(action)
    assert [one.target for one in made.decisions if isinstance(one, DeliveryOwed)] == ["d_hi"]
    assert not world.case().attention


@pytest.mark.parametrize(("channel", "seconds"), [(Channel.PORTAL, 30), (Channel.EMAIL, 30)])
def test_who_does_not_keep_the_contact_finishes_it(channel: Channel, seconds: int) -> None:
    world = Escalated()
    contact_id = world.write(channel)
    world.accept("an")
    world.escalate(contact_id=contact_id, keep=False)
    assert world.state_of(contact_id) is ContactState.WRAP_UP
    assert world.contact(contact_id).ends_at == world.now + 1000 * seconds
    world.wait(seconds)
    assert contact_id not in world.state.contacts


def test_a_case_that_is_with_a_department_does_not_wait_for_its_customer() -> None:
    world = Escalated()
    world.escalate()
    world.give(c.WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=world.contact_id, until=0))
    assert world.case().state is CaseState.ESCALATED


def test_a_case_comes_back_with_a_follow_up_when_the_last_escalation_is_over() -> None:
    world = Escalated()
    world.escalate()
    world.escalate("d_si", escalation_id="es_2")
    world.complete("an", world.contact_id)
    case = world.case()
    assert (case.state, case.due_at) == (CaseState.ESCALATED, 0)
    world.act("withdraw", escalation_id="es_2")
    assert (case.state, case.due_at) == (CaseState.ESCALATED, 0)
    world.act("withdraw")
    assert (case.state, case.due_at) == (CaseState.OPEN, world.now + 1000 * world.state.book.rules.case_follow_up_s)


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.PARKED])
def test_i10_a_notice_that_did_not_arrive_calls_a_supervisor_and_leaves_the_escalation(state: DeliveryState) -> None:
    world = Escalated()
    world.escalate()
    before = rows(world.escalation())
    made = world.give(DeliveryReported(delivery_id="dl_1", state=state, attempt=9, escalation_id="es_1"))
    kinds = [type(one).__name__ for one in made.decisions]
    assert kinds == ["DeliveryEnded", "EscalationSet", "CaseMoved"]
    assert (rows(world.escalation()), world.case().attention) == (before, True)
    made = world.give(DeliveryReported(delivery_id="dl_1", state=DeliveryState.SENT, attempt=9, escalation_id="es_1"))
    assert [type(one).__name__ for one in made.decisions] == ["DeliveryEnded"]


def test_i12_a_timer_of_an_escalation_that_is_early_or_of_none_does_nothing() -> None:
    world = Escalated()
    world.escalate()
    for ref in ("es_1", "es_none"):
        assert world.give(TimerFired(timer="escalation", ref=ref, due=world.escalation().due_at)).decisions == []


def test_only_agents_of_the_case_speak_for_it() -> None:
    """Who raised it, who knows the case, who has one of its contacts; nobody else."""
    world = Escalated()
    world.escalate()
    world.sign_in("binh")
    assert [world.act("reply", actor=one).refused is None for one in ("an", "binh")] == [True, False]
    other = world.write(Channel.EMAIL, case_id=world.case().id)
    world.give(c.AssignContact(actor="sup", actor_role=Role.SUPERVISOR, contact_id=other, agent_id="binh", reason="x"))
    assert world.act("reply", actor="binh").refused is not None, "he is only offered it"
    world.accept("binh")
    assert world.act("reply", actor="binh").refused is None


def test_what_comes_back_to_an_internal_contact_that_waits_brings_it_back() -> None:
    world = Escalated()
    world.escalate()
    world.act("progress")
    [internal] = world.internal()
    world.accept("an")
    world.give(c.WaitForCustomer(actor="an", actor_role=Role.AGENT, contact_id=internal.id, until=0))
    assert internal.state is ContactState.WAITING
    world.act("progress")
    assert (internal.state, internal.messages, internal.customer_message) == (ContactState.ACTIVE, 2, 2)
    assert len(world.internal()) == 1


def test_what_goes_along_with_a_notice_is_what_was_true_then() -> None:
    world = Escalated()
    made = world.escalate(urgent=True)
    [owed] = [one for one in made.decisions if type(one).__name__ == "DeliveryOwed"]
    case = world.case()
    assert msgspec.to_builtins(owed)["data"] == {
        "at": str(world.now), "department": "d_hi", "state": "raised", "urgency": "urgent",
        "acknowledge_by": str(world.escalation().acknowledge_by), "answer_by": str(world.escalation().answer_by),
        "summary_id": "ms_es_1", "reference": case.reference, "case_kind": "question",
    }  # fmt: skip


def test_i9_an_escalation_to_a_department_that_is_gone_still_has_its_clocks() -> None:
    """It is always open then, and has the usual terms: a deadline too early is seen by people."""
    world = Escalated()
    world.escalate("d_si")
    document = msgspec.to_builtins(
        msgspec.structs.replace(
            world.catalogue,
            version=2,
            departments=tuple(one for one in world.catalogue.departments if one.id != "d_si"),
        )
    )
    world.give(c.ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=2, catalogue=document))
    due = world.escalation().due_at
    world.advance(due)
    here = world.escalation()
    assert here.acknowledge_overdue
    assert world.case().attention, "there is nobody higher"
    assert here.due_at > due
    world.advance(here.answer_by)
    assert world.escalation().answer_overdue
