"""Cases, customers and escalations change here."""

import msgspec

from ...events.envelope import Input
from ...events.vocabulary import CaseState, EscalationState
from .. import decisions as d
from ..lifecycles import check
from ..lifecycles.case import CASE
from ..lifecycles.escalation import ESCALATION
from ..rows import Case
from ..state import State

_ESCALATION_ENDS = frozenset({EscalationState.ACCEPTED, EscalationState.RETURNED, EscalationState.WITHDRAWN})


def customer_met(_: State, __: Input, ___: d.CustomerMet) -> None:
    """Customers are rows of the tables only: no decision depends on them."""


def case_opened(state: State, given: Input, made: d.CaseOpened) -> None:
    case = Case(
        id=made.case_id,
        customer_id=made.customer_id,
        state=CaseState.OPEN,
        opened_at=given.at,
        reference=made.reference,
        topic=made.topic,
        kind=made.case_kind,
        province=made.province,
        priority=made.priority,
    )
    state.cases[case.id] = case
    state.touch_case(case)


def case_moved(state: State, _: Input, moved: d.CaseMoved) -> None:
    case = state.cases[moved.case_id]
    check(CASE, case.state, moved.state, case.id)
    case.state, case.due_at, case.attention = moved.state, moved.due_at, moved.attention
    if case.state is CaseState.CLOSED:
        state.forget_case(case)
    else:
        state.touch_case(case)


def case_edited(state: State, _: Input, edited: d.CaseEdited) -> None:
    case = state.cases[edited.case_id]
    case.topic = case.topic if edited.topic is None else edited.topic
    case.kind = case.kind if edited.case_kind is None else edited.case_kind
    case.province = case.province if edited.province is None else edited.province
    case.priority = case.priority if edited.priority is None else edited.priority
    state.touch_case(case)


def case_returned(state: State, _: Input, returned: d.CaseReturned) -> None:
    case = state.cases[returned.case_id]
    case.returns = returned.returns
    state.touch_case(case)


def escalation_set(state: State, _: Input, made: d.EscalationSet) -> None:
    escalation = msgspec.structs.replace(made.escalation)
    before = state.escalations.get(escalation.id)
    if before is not None:
        check(ESCALATION, before.state, escalation.state, escalation.id)
    ended = escalation.state in _ESCALATION_ENDS
    state.escalations[escalation.id] = escalation
    state.touch_escalation(escalation, ended=ended)
    case = state.cases.get(escalation.case_id)
    if case is not None:
        others = tuple(other for other in case.escalations if other != escalation.id)
        case.escalations = others if ended else (*others, escalation.id)
        state.touch_case(case)


def nothing(_: State, __: Input, ___: d.Decision) -> None:
    """What is owed, marked or refused lives in the tables; no decision depends on it."""


def incident_set(state: State, _: Input, made: d.IncidentSet) -> None:
    state.touch_incident(msgspec.structs.replace(made.incident))


def case_attached(state: State, _: Input, made: d.CaseAttached) -> None:
    case = state.cases[made.case_id]
    for incident_id, change in ((case.incident_id, -1), (made.incident_id, 1)):
        incident = state.incidents.get(incident_id)
        if incident is not None:
            incident.attached += change
            state.touch_incident(incident)
    case.incident_id = made.incident_id
    state.touch_case(case)


def incident_told(state: State, given: Input, made: d.IncidentTold) -> None:
    incident = state.incidents[made.incident_id]
    incident.told += made.told
    if made.over:
        incident.resolved_at, incident.resolved_by, incident.outcome_id = given.at, made.by, made.message_id
    state.touch_incident(incident)
