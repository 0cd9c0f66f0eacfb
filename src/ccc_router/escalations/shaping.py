"""Escalations as their readers may see them."""

from typing import Literal

from ..events.vocabulary import CaseKind, Role
from ..kernel.clock import from_ms
from ..rest.principal import Principal
from ..rest.schemas import moment
from ..routing.rows import Case, Escalation
from .documents import EscalationItem, EscalationView, FileView, HandleView, MessageView, NoticeView, PersonView
from .services import EscalationsRoom
from .store import Message, Notified, Person


def item(escalation: Escalation, case: Case | None) -> EscalationItem:
    """One line of a list."""
    return EscalationItem.model_validate(_fields(escalation, case))


async def view(room: EscalationsRoom, caller: Principal, escalation: Escalation) -> EscalationView:
    """The whole, as the caller may see it."""
    case = await room.store.case(escalation.case_id)
    staff = caller.role is not Role.DEPARTMENT
    person = None
    if case is not None and (staff or may_know(room, caller.subject, escalation, case)):
        person = _person(await room.store.person(case.customer_id))
    messages = [_message(one, escalation, staff=staff) for one in await room.store.messages(escalation)]
    notices = [_notice(one) for one in await room.store.notified(escalation.id)] if staff else None
    whole = _fields(escalation, case) | {"customer": person, "messages": messages, "notices": notices}
    return EscalationView.model_validate(whole)


def may_know(room: EscalationsRoom, department_id: str, escalation: Escalation, case: Case) -> bool:
    """Whether a department may know who the customer is: a denouncer only if he agreed and the department is one that may."""
    if case.kind is not CaseKind.DENUNCIATION:
        return True
    department = room.current.department(department_id)
    return department is not None and department.sees_denouncer and escalation.reveal_identity


def _fields(escalation: Escalation, case: Case | None) -> dict[str, object]:
    return {
        "escalation_id": escalation.id,
        "case_id": escalation.case_id,
        "reference": case.reference if case else "",
        "department": escalation.department,
        "state": escalation.state,
        "urgency": escalation.urgency,
        "topic": case.topic if case else "",
        "case_kind": case.kind if case else CaseKind.QUESTION,
        "province": case.province if case else "",
        "raised_at": from_ms(escalation.raised_at),
        "acknowledge_by": from_ms(escalation.acknowledge_by),
        "answer_by": from_ms(escalation.answer_by),
        "acknowledged_at": moment(escalation.acknowledged_at),
        "answered_at": moment(escalation.answered_at),
        "overdue": escalation.acknowledge_overdue or escalation.answer_overdue,
        "rung": escalation.rung,
        "extension_asked_until": moment(escalation.asked_until),
        "rejections": escalation.rejections,
        "forwarded_by": list(escalation.forwarded_by),
    }


def _person(person: Person) -> PersonView:
    handles = [HandleView(kind=kind, value=value, verified=verified) for kind, value, verified in person.handles]
    return PersonView(name=person.name, handles=handles)


def _message(message: Message, escalation: Escalation, *, staff: bool) -> MessageView:
    """Departments learn each other's ids, but not who at the centre wrote."""
    role, _, author = message.author.partition(":")
    by: Literal["department", "other_department", "care_centre"] = "care_centre"
    if role == Role.DEPARTMENT.value:
        by = "department" if author == escalation.department else "other_department"
    return MessageView(
        message_id=message.message_id,
        by=by,
        author=author if staff or by != "care_centre" else "",
        at=from_ms(message.at),
        text=message.text,
        attachments=[
            FileView(attachment_id=one.attachment_id, name=one.name, media_type=one.media_type, size=one.size)
            for one in message.attachments
        ],
    )


def _notice(notice: Notified) -> NoticeView:
    return NoticeView(
        delivery_id=notice.delivery_id,
        department=notice.target,
        type=notice.type,
        state=notice.state,
        attempts=notice.attempts,
        last_error=notice.last_error,
        created_at=from_ms(notice.created_at),
        updated_at=from_ms(notice.updated_at),
    )
