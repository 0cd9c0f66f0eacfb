"""The REST of escalations: departments work on them, agents take what comes back, supervisors grant more time."""

from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import Response

from ..events.vocabulary import EscalationState, Role
from ..kernel.clock import to_ms
from ..kernel.errors import NotFound
from ..rest.access import AsDepartment, AsLeader, AsStaff, AsStaffOrDepartment, Guarded
from ..rest.bodiless import NO_BODY
from ..rest.paging import Cursor, Limit, Page, decode, encode
from ..rest.problems import answers
from ..rest.schemas import Id
from . import documents as doc
from .asking import act, done, say, uploads
from .services import CommandKey, Room
from .shaping import item, view

router: Final = APIRouter(prefix="/v1/escalations", tags=["escalations"], route_class=Guarded)

_CONFLICT: Final = answers(409)
_UNREAD: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
_CONTENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        },
    }
}


@router.get("", summary="Escalations, newest first")
async def listed(
    caller: AsStaffOrDepartment,
    room: Room,
    state: Annotated[list[EscalationState] | None, Query(description="Only in these states.")] = None,
    overdue: Annotated[bool, Query(description="Only those that are overdue.")] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[doc.EscalationItem]:
    """A department sees its own and those that are overdue up to it; an agent those of his cases; a supervisor all."""
    is_department = caller.role is Role.DEPARTMENT
    found = await room.store.page(
        department=caller.subject if is_department else None,
        agent=caller.subject if caller.role is Role.AGENT else None,
        watched=room.watched_by(caller.subject) if is_department else {},
        states=[one.value for one in state or ()],
        overdue=overdue,
        after=decode(cursor, int, str),
        limit=limit + 1,
    )
    more, found = len(found) > limit, found[:limit]
    cases = await room.store.cases([one.case_id for one in found])
    return Page(
        items=[item(one, cases.get(one.case_id)) for one in found],
        next=encode(found[-1].raised_at, found[-1].id) if more else None,
    )


@router.get("/{escalation_id}", summary="An escalation")
async def one(caller: AsStaffOrDepartment, escalation_id: Id, room: Room) -> doc.EscalationView:
    """With what was written about it. Who the customer is, where the caller may know."""
    return await view(room, caller, await room.seen_by(caller, escalation_id))


@router.get(
    "/{escalation_id}/attachments/{attachment_id}", summary="A file", response_class=Response, responses=_CONTENT
)
async def file(caller: AsStaffOrDepartment, escalation_id: Id, attachment_id: Id, room: Room) -> Response:
    """One that came with a text of the escalation, always as a download."""
    escalation = await room.seen_by(caller, escalation_id)
    found = await room.store.file(escalation.id, attachment_id)
    if found is None:
        raise NotFound
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found[0], safe='')}"}
    return Response(found[1], media_type="application/octet-stream", headers=headers | _UNREAD)


@router.post("/{escalation_id}/acknowledge", dependencies=[NO_BODY], summary="We have it", responses=_CONFLICT)
async def acknowledge(caller: AsDepartment, escalation_id: Id, room: Room, key: CommandKey) -> doc.EscalationView:
    """Stops the first clock. Again: the same answer again."""
    await room.owned_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "acknowledge", key), key)


@router.post("/{escalation_id}/ask", summary="Ask the centre", responses=_CONFLICT)
async def ask(
    caller: AsDepartment, escalation_id: Id, body: doc.TextBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """The question goes to the agent who knows the case. It stops no clock; ask for an extension if you need one."""
    await room.owned_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "ask", key, body.text), key)


@router.post("/{escalation_id}/progress", summary="Say how it goes", responses=_CONFLICT)
async def progress(
    caller: AsDepartment, escalation_id: Id, body: doc.TextBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """Stops no clock."""
    await room.owned_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "progress", key, body.text), key)


@router.post("/{escalation_id}/answer", summary="Answer", responses=_CONFLICT)
async def answer(
    caller: AsDepartment, escalation_id: Id, body: doc.AnswerBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """Stops the clocks until the agent accepts or rejects it."""
    await room.owned_by(caller, escalation_id)
    files = await uploads(room, caller, body.attachments)
    return await done(room, caller, say(caller, escalation_id, "answer", key, body.text, files), key)


@router.post("/{escalation_id}/return", summary="Give it back", responses=_CONFLICT)
async def give_back(
    caller: AsDepartment, escalation_id: Id, body: doc.ReasonBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """It is not ours to solve. Ends it; the case goes back to the centre."""
    await room.owned_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "return", key, body.reason), key)


@router.post("/{escalation_id}/forward", summary="Pass it on to another department", responses=_CONFLICT)
async def forward(
    caller: AsDepartment, escalation_id: Id, body: doc.ForwardBody, room: Room, key: CommandKey
) -> doc.EscalationItem:
    """Both clocks start anew with the other department; it is not yours any more."""
    await room.owned_by(caller, escalation_id)
    command = say(caller, escalation_id, "forward", key, body.text or "", department=body.department)
    await act(room, command, key)
    after = await room.store.escalation(escalation_id)
    if after is None:
        raise NotFound
    return item(after, await room.store.case(after.case_id))


@router.post("/{escalation_id}/extend", summary="Ask for more time", responses=_CONFLICT)
async def extend(
    caller: AsDepartment, escalation_id: Id, body: doc.ExtendBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """A supervisor grants or refuses it; until then the clock goes on."""
    await room.owned_by(caller, escalation_id)
    command = say(caller, escalation_id, "extend", key, body.reason, until=to_ms(body.until))
    return await done(room, caller, command, key)


@router.post("/{escalation_id}/grant", summary="Grant the extension asked for", responses=_CONFLICT)
async def grant(
    caller: AsLeader, escalation_id: Id, body: doc.DecideBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """The department is told."""
    await room.seen_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "grant", key, body.text or ""), key)


@router.post("/{escalation_id}/refuse", summary="Refuse the extension asked for", responses=_CONFLICT)
async def refuse(
    caller: AsLeader, escalation_id: Id, body: doc.DecideBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """The clock stays; the department is told."""
    await room.seen_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "refuse", key, body.text or ""), key)


@router.post("/{escalation_id}/reply", summary="Write to the department", responses=_CONFLICT)
async def reply(
    caller: AsStaff, escalation_id: Id, body: doc.AnswerBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """An answer to its question, or anything it should know."""
    await room.seen_by(caller, escalation_id)
    files = await uploads(room, caller, body.attachments)
    return await done(room, caller, say(caller, escalation_id, "reply", key, body.text, files), key)


@router.post("/{escalation_id}/accept", dependencies=[NO_BODY], summary="The answer is good", responses=_CONFLICT)
async def accept(caller: AsStaff, escalation_id: Id, room: Room, key: CommandKey) -> doc.EscalationView:
    """Ends it. Telling the customer is the next thing to do."""
    await room.seen_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "accept", key), key)


@router.post("/{escalation_id}/reject", summary="The answer does not solve it", responses=_CONFLICT)
async def reject(
    caller: AsStaff, escalation_id: Id, body: doc.ReasonBody, room: Room, key: CommandKey
) -> doc.EscalationView:
    """Back to the department, with the time that was left when it answered."""
    await room.seen_by(caller, escalation_id)
    return await done(room, caller, say(caller, escalation_id, "reject", key, body.reason), key)


@router.post("/{escalation_id}/withdraw", summary="It is not needed any more", responses=_CONFLICT)
async def withdraw(
    caller: AsStaff, escalation_id: Id, room: Room, key: CommandKey, body: doc.DecideBody | None = None
) -> doc.EscalationView:
    """Ends it; the department is told."""
    await room.seen_by(caller, escalation_id)
    text = body.text if body is not None and body.text else ""
    return await done(room, caller, say(caller, escalation_id, "withdraw", key, text), key)
