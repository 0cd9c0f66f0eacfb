"""Watching: reminders, overdue clocks, and what became of a notice to a department."""

from collections.abc import Iterator

import msgspec

from ....events.envelope import Input
from ....events.facts import DeliveryReported, TimerFired
from ....events.vocabulary import DeliveryState, EscalationState
from ...decisions import Decision, EscalationSet
from ...rows import Escalation
from ...state import State
from .clocks import next_step_at, rearmed
from .notices import call_supervisor, internal_contact, owe, tell_agent


def escalation_due(state: State, given: Input, timer: TimerFired) -> Iterator[Decision]:
    """The timer of an escalation: remind, go up the ladder, or look after an answer nobody took. A moved timer does nothing."""
    escalation = state.escalations.get(timer.ref)
    if escalation is None or not escalation.due_at or escalation.due_at > given.at:
        return
    if escalation.state is EscalationState.ANSWERED:
        yield from _look_after_answer(state, given, escalation)
    elif _is_overdue(escalation, given.at):
        yield from _go_up(state, given, escalation)
    else:
        reminded = msgspec.structs.replace(escalation, reminded=True)
        yield EscalationSet("reminded", rearmed(state, reminded, given.at))
        yield owe(state, given, reminded, "reminded", message_id=reminded.summary_id)


def delivery_reported(state: State, _given: Input, fact: DeliveryReported) -> Iterator[Decision]:
    """A notice that could not be delivered calls a supervisor; the escalation itself goes on, answering is still possible."""
    escalation = state.escalations.get(fact.escalation_id)
    if escalation is not None and fact.state in (DeliveryState.FAILED, DeliveryState.PARKED):
        yield EscalationSet("undelivered", escalation)
        yield from call_supervisor(state, escalation)


def _is_overdue(escalation: Escalation, now: int) -> bool:
    unacknowledged = escalation.state is EscalationState.RAISED and not escalation.acknowledge_overdue
    return escalation.answer_by <= now or (unacknowledged and escalation.acknowledge_by <= now)


def _go_up(state: State, given: Input, escalation: Escalation) -> Iterator[Decision]:
    """Tell the department, the next one up its ladder, and the agent. At the top a supervisor is called as well."""
    now = given.at
    department = state.book.departments.get(escalation.department)
    ladder = department.ladder if department else ()
    rung = min(escalation.rung + 1, len(ladder))
    higher = msgspec.structs.replace(escalation, rung=rung)
    if escalation.answer_by <= now:
        higher.answer_overdue, higher.reminded = True, True
        higher.due_at = next_step_at(state, escalation, now)
    if escalation.state is EscalationState.RAISED and escalation.acknowledge_by <= now:
        higher.acknowledge_overdue = True
    higher = rearmed(state, higher, now)
    clock = "answer" if higher.answer_overdue else "acknowledge"
    yield EscalationSet("overdue", higher)
    about = {"clock": clock, "rung": str(rung)}
    yield owe(state, given, higher, "overdue", message_id=higher.summary_id, **about)
    if rung and ladder[rung - 1] != escalation.department:
        yield owe(state, given, higher, "overdue", to=ladder[rung - 1], message_id=higher.summary_id, **about)
    yield from tell_agent(state, given, higher, "overdue")
    if rung >= len(ladder):
        yield from call_supervisor(state, higher)


def _look_after_answer(state: State, given: Input, escalation: Escalation) -> Iterator[Decision]:
    """An answer nobody accepted or rejected yet: if no contact stands for it any more, open one again."""
    yield EscalationSet("answer_waiting", rearmed(state, escalation, given.at))
    case = state.cases.get(escalation.case_id)
    if case is not None and internal_contact(state, case) is None:
        yield from tell_agent(state, given, escalation, "answered")
