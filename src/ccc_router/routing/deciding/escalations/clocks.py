"""The two clocks of an escalation, in its department's business time, and when something must happen next."""

from typing import Final

import msgspec

from ....events.vocabulary import EscalationState
from ...calendar import add_business, business_minutes_between
from ...policy import Calendar, Deadline, Department, Text
from ...rows import Escalation
from ...state import State

ALWAYS_OPEN: Final = Calendar(id="", intervals=())
USUAL: Final = Deadline(acknowledge_min=240, answer_min=2400)
SHORTEST_STEP_MIN: Final = 60
_GONE: Final = Department("", Text("", ""), "")
"""Stands for a department that is no longer in the catalogue."""
OPEN: Final = frozenset({EscalationState.RAISED, EscalationState.ACKNOWLEDGED, EscalationState.ANSWERED})
WORKED_ON: Final = frozenset({EscalationState.RAISED, EscalationState.ACKNOWLEDGED})


def deadline_of(department: Department | None, case_kind: str, urgency: str) -> Deadline:
    """The terms of a department for a kind of case; an urgent one has at most the terms the department names ``urgent``."""
    terms = department.deadlines if department else {}
    usual = terms.get(case_kind) or terms.get("default") or USUAL
    urgent = terms.get("urgent") if urgency == "urgent" else None
    if urgent is None:
        return usual
    return Deadline(
        acknowledge_min=min(usual.acknowledge_min, urgent.acknowledge_min),
        answer_min=min(usual.answer_min, urgent.answer_min),
    )


def calendar_of(state: State, department_id: str) -> Calendar:
    """A department's calendar; one that is no longer in the catalogue is taken to be always open."""
    department = state.book.departments.get(department_id)
    return state.book.calendars.get(department.calendar, ALWAYS_OPEN) if department else ALWAYS_OPEN


def terms_of(state: State, escalation: Escalation) -> Deadline:
    """The terms that hold for an escalation now."""
    case = state.cases.get(escalation.case_id)
    kind = case.kind.value if case else ""
    return deadline_of(state.book.departments.get(escalation.department), kind, escalation.urgency)


def started(state: State, escalation: Escalation, now: int) -> Escalation:
    """The escalation with both clocks of its present department beginning ``now``, nothing of them used up."""
    terms = terms_of(state, escalation)
    calendar = calendar_of(state, escalation.department)
    fresh = msgspec.structs.replace(
        escalation,
        clock_from=now,
        acknowledge_by=add_business(calendar, now, terms.acknowledge_min),
        answer_by=add_business(calendar, now, terms.answer_min),
        reminded=False,
        acknowledge_overdue=False,
        answer_overdue=False,
        rung=0,
        asked_until=0,
    )
    return rearmed(state, fresh, now)


def moved(state: State, escalation: Escalation, answer_by: int, now: int) -> Escalation:
    """The escalation with another deadline to answer; being reminded and overdue begins anew."""
    fresh = msgspec.structs.replace(
        escalation, answer_by=answer_by, reminded=False, answer_overdue=False, rung=0, asked_until=0
    )
    return rearmed(state, fresh, now)


def after_rejection(state: State, escalation: Escalation, now: int) -> int:
    """When a rejected answer is due again: what was left when it came, at least the term to acknowledge, counted from now.

    The time an answer lay with the centre is not the department's.
    """
    calendar = calendar_of(state, escalation.department)
    left = business_minutes_between(calendar, escalation.answered_at, escalation.answer_by)
    return add_business(calendar, now, max(left, terms_of(state, escalation).acknowledge_min))


def remind_at(state: State, escalation: Escalation) -> int:
    """When ``remind_percent`` of the time to answer is used up."""
    department = state.book.departments.get(escalation.department)
    percent = (department or _GONE).remind_percent
    calendar = calendar_of(state, escalation.department)
    whole = business_minutes_between(calendar, escalation.clock_from, escalation.answer_by)
    return add_business(calendar, escalation.clock_from, whole * percent // 100)


def rearmed(state: State, escalation: Escalation, now: int) -> Escalation:
    """The escalation with its next timer set. Once overdue, the next step up the ladder keeps its time."""
    if escalation.state is EscalationState.ANSWERED:
        return msgspec.structs.replace(escalation, due_at=now + 1000 * state.book.rules.case_follow_up_s)
    if escalation.state not in WORKED_ON:
        return msgspec.structs.replace(escalation, due_at=0)
    if escalation.answer_overdue:
        return escalation
    dues = [escalation.answer_by]
    if not escalation.reminded:
        dues.append(remind_at(state, escalation))
    if escalation.state is EscalationState.RAISED and not escalation.acknowledge_overdue:
        dues.append(escalation.acknowledge_by)
    return msgspec.structs.replace(escalation, due_at=min(dues))


def next_step_at(state: State, escalation: Escalation, now: int) -> int:
    """When an overdue escalation goes one rung further up: after half of its term again."""
    half = max(terms_of(state, escalation).answer_min // 2, SHORTEST_STEP_MIN)
    return add_business(calendar_of(state, escalation.department), now, half)
