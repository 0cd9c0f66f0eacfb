"""Whom an escalation concerns and what they are told: departments by a delivery, agents by an internal contact."""

from collections.abc import Iterator
from typing import Literal

from ....events.envelope import Input
from ....events.vocabulary import CaseState, Channel, DeliveryKind
from ....kernel.ids import derive
from ...decisions import CaseMoved, Decision, DeliveryOwed
from ...rows import Case, Contact, Escalation
from ...state import ENDED, State
from ..contacts import open_internal

Notice = Literal["raised", "reminded", "overdue", "withdrawn", "reply", "rejected"]


def owe(
    state: State,
    given: Input,
    escalation: Escalation,
    notice: Notice,
    *,
    to: str = "",
    message_id: str = "",
    **more: str,
) -> DeliveryOwed:
    """What is owed to a department (``to``: another than the escalation's, such as its head) about an escalation.

    ``data`` freezes the ids and attributes of this moment, so that the body is the same whenever it is first built.
    """
    target = to or escalation.department
    return DeliveryOwed(
        delivery_id=derive("dl", state.pool, given.position, escalation.id, notice, target),
        delivery=_way(state, target),
        lane=f"department:{target}",
        target=target,
        contact_id=escalation.contact_id,
        case_id=escalation.case_id,
        escalation_id=escalation.id,
        message_id=message_id,
        type=f"ccc.escalation.{notice}.v1",
        data=_attributes(state, given, escalation) | {key: value for key, value in more.items() if value},
    )


def tell_agent(
    state: State, given: Input, escalation: Escalation, reason: str, message_id: str = ""
) -> Iterator[Decision]:
    """Open, or join, the internal contact on the case, kept for the agent who knows it; the text is one turn of it."""
    case = state.cases.get(escalation.case_id)
    if case is None:
        return
    yield from open_internal(state, given, case, reason, escalation.id, message_id)


def internal_contact(state: State, case: Case) -> Contact | None:
    """The open internal contact of a case."""
    for contact_id in case.contacts:
        contact = state.contacts.get(contact_id)
        if contact is not None and contact.channel is Channel.INTERNAL and contact.state not in ENDED:
            return contact
    return None


def call_supervisor(state: State, escalation: Escalation, *, attention: bool = True) -> Iterator[Decision]:
    """Put the case on the supervisors' list, or take it off."""
    case = state.cases.get(escalation.case_id)
    if case is not None and case.attention != attention:
        yield CaseMoved(case.id, case.state, due_at=case.due_at, attention=attention)


def case_with_department(state: State, escalation: Escalation) -> Iterator[Decision]:
    """The case is escalated now; the escalation's timer is its next action."""
    case = state.cases.get(escalation.case_id)
    if case is not None and case.state is not CaseState.ESCALATED:
        yield CaseMoved(case.id, CaseState.ESCALATED, attention=case.attention)


def case_back(state: State, given: Input, escalation: Escalation, *, attention: bool = False) -> Iterator[Decision]:
    """The escalation is over (it left the state already): the case is the centre's again unless another is open."""
    case = state.cases.get(escalation.case_id)
    if case is None:
        return
    if case.state is CaseState.ESCALATED and not case.escalations:
        follow_up = given.at + 1000 * state.book.rules.case_follow_up_s
        yield CaseMoved(case.id, CaseState.OPEN, due_at=follow_up, attention=case.attention or attention)
    elif attention:
        yield from call_supervisor(state, escalation)


def result(escalation: Escalation) -> dict[str, object]:
    """What the caller of a command is told (times in ms)."""
    return {
        "escalation_id": escalation.id,
        "case_id": escalation.case_id,
        "department": escalation.department,
        "state": escalation.state.value,
        "acknowledge_by": escalation.acknowledge_by,
        "answer_by": escalation.answer_by,
        "asked_until": escalation.asked_until,
    }


def _way(state: State, department_id: str) -> DeliveryKind:
    """Webhook, or mail to a department that has only that. One with neither gets a webhook that will be parked and seen."""
    department = state.book.departments.get(department_id)
    mail_only = department is not None and not department.url and department.email
    return DeliveryKind.DEPARTMENT_MAIL if mail_only else DeliveryKind.WEBHOOK


def _attributes(state: State, given: Input, escalation: Escalation) -> dict[str, str]:
    case = state.cases.get(escalation.case_id)
    found = {
        "at": str(given.at),
        "department": escalation.department,
        "state": escalation.state.value,
        "urgency": escalation.urgency,
        "acknowledge_by": str(escalation.acknowledge_by),
        "answer_by": str(escalation.answer_by),
        "summary_id": escalation.summary_id,
    }
    if case is not None:
        found |= {
            "reference": case.reference,
            "topic": case.topic,
            "case_kind": case.kind.value,
            "province": case.province,
        }
    return {key: value for key, value in found.items() if value}
