"""Handling a contact: answering, the call, handing over, ending."""

from typing import Literal

from fastapi import APIRouter

from ...events.commands import (
    CompleteContact,
    ControlCall,
    ExtendWrapUp,
    IdentifyCustomer,
    LinkContact,
    RaiseEscalation,
    RequeueContact,
    SendMessage,
    TransferContact,
    UndoIdentification,
    WaitForCustomer,
)
from ...events.facts import Attachment, Handle, Private
from ...events.vocabulary import Visibility
from ...kernel import ids
from ...kernel.clock import to_ms
from ...kernel.errors import Invalid, NotBuilt, NotFound
from ...kernel.text import clean
from ...rest.access import AsAgent, AsStaff, Guarded
from ...rest.bodiless import NO_BODY
from ...rest.principal import Principal
from ...rest.problems import answers
from ...rest.schemas import Id
from .. import bodies
from ..documents import CallAsked, ContactView, EscalationRaised, MessageTaken
from ..services import AgentsRoom, CommandKey, Room, do
from ..shaping import contact_view
from .naming import handle_value

router = APIRouter(prefix="/v1/contacts/{contact_id}", tags=["contacts"], route_class=Guarded)


@router.post("/messages", status_code=202, summary="Answer the customer, or note something", responses=answers(409))
async def send_message(
    caller: AsAgent, contact_id: Id, body: bodies.MessageBody, room: Room, key: CommandKey
) -> MessageTaken:
    """202: the message is counted and its delivery owed; how far it came is in the timeline. 409 `customer_wrote` when the
    customer wrote after `seen_up_to`. A note goes to the staff only."""
    await room.contact_for(caller, contact_id)
    files = await _uploads(room, caller, body.attachments)
    message_id = ids.derive("ms", caller.source, key)
    command = SendMessage(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(text=body.text, attachments=files),
        contact_id=contact_id,
        message_id=message_id,
        visibility=body.visibility,
        seen_up_to=body.seen_up_to,
        then=body.then,
        wait_until=to_ms(body.wait_until) if body.wait_until else 0,
        disposition=body.disposition or "",
    )
    await do(room, command, key)
    if body.visibility is not Visibility.NOTE:
        await room.messages.keep_draft(contact_id, caller.subject, "", room.clock.now_ms())
    delivery: Literal["owed", ""] = "" if body.visibility is Visibility.NOTE else "owed"
    return MessageTaken(message_id=message_id, contact_id=contact_id, delivery=delivery)


async def _uploads(room: AgentsRoom, caller: Principal, wanted: list[str]) -> tuple[Attachment, ...]:
    found = {one.attachment_id: one for one in await room.messages.uploads(wanted, caller.source)} if wanted else {}
    if len(found) != len(set(wanted)):
        raise Invalid("An attachment is not an upload of yours.", code="unknown_attachment")
    return tuple(found[one] for one in dict.fromkeys(wanted))


async def _control(
    room: AgentsRoom, caller: Principal, contact_id: str, action: Literal["hold", "resume", "hangup"], key: str
) -> CallAsked:
    await room.contact_for(caller, contact_id)
    command = ControlCall(actor=caller.subject, actor_role=caller.role, contact_id=contact_id, action=action)
    await do(room, command, key)
    return CallAsked(contact_id=contact_id, asked=action)


@router.post("/hold", dependencies=[NO_BODY], status_code=202, summary="Hold the call", responses=answers(409))
async def hold(caller: AsAgent, contact_id: Id, room: Room, key: CommandKey) -> CallAsked:
    """202: the switch is asked; the state follows its events."""
    return await _control(room, caller, contact_id, "hold", key)


@router.post(
    "/resume", dependencies=[NO_BODY], status_code=202, summary="Take the call off hold", responses=answers(409)
)
async def resume(caller: AsAgent, contact_id: Id, room: Room, key: CommandKey) -> CallAsked:
    """202: the switch is asked; the state follows its events."""
    return await _control(room, caller, contact_id, "resume", key)


@router.post("/hangup", dependencies=[NO_BODY], status_code=202, summary="End the call", responses=answers(409))
async def hangup(caller: AsAgent, contact_id: Id, room: Room, key: CommandKey) -> CallAsked:
    """202: the switch is asked; wrap-up begins when the customer's leg is gone."""
    return await _control(room, caller, contact_id, "hangup", key)


@router.post(
    "/consult",
    summary="Ask a colleague during the call (reserved)",
    response_model=None,
    status_code=501,
    responses=answers(501),
)
async def consult(caller: AsAgent, contact_id: Id, room: Room) -> None:
    """Comes with the telephony edition."""
    await room.contact_for(caller, contact_id)
    raise NotBuilt


@router.post("/wait", summary="It is the customer's turn", responses=answers(409))
async def wait(caller: AsAgent, contact_id: Id, body: bodies.WaitBody, room: Room, key: CommandKey) -> ContactView:
    """Frees my capacity until `until`. His message brings the contact back to me if I take contacts then and have room."""
    contact = await room.contact_for(caller, contact_id)
    command = WaitForCustomer(
        actor=caller.subject, actor_role=caller.role, contact_id=contact.id, until=to_ms(body.until)
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/transfer", summary="Hand over to a queue or an agent", responses=answers(409))
async def transfer(
    caller: AsAgent, contact_id: Id, body: bodies.TransferBody, room: Room, key: CommandKey
) -> ContactView:
    """Its rank is kept."""
    await room.contact_for(caller, contact_id)
    command = TransferContact(
        actor=caller.subject,
        actor_role=caller.role,
        contact_id=contact_id,
        queue=body.queue or "",
        agent_id=body.agent or "",
        exclude=tuple(body.exclude),
        prefer=tuple(body.prefer),
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/requeue", summary="Give the contact back", responses=answers(409))
async def requeue(
    caller: AsStaff, contact_id: Id, room: Room, key: CommandKey, body: bodies.RequeueBody | None = None
) -> ContactView:
    """An agent gives his own contact back; a supervisor anyone's, and says why and perhaps for whom. Its rank is kept."""
    await room.contact_for(caller, contact_id)
    if body is None and caller.leads:
        raise Invalid("A supervisor says why.", code="reason_missing")
    reason = body.reason if body else ""
    exclude, prefer = (tuple(body.exclude), tuple(body.prefer)) if body else ((), ())
    command = RequeueContact(
        actor=caller.subject,
        actor_role=caller.role,
        contact_id=contact_id,
        reason=reason,
        exclude=exclude,
        prefer=prefer,
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/escalate", status_code=201, summary="Hand the case to a department", responses=answers(409))
async def escalate(
    caller: AsAgent, contact_id: Id, body: bodies.EscalateBody, room: Room, key: CommandKey
) -> EscalationRaised:
    """The department gets a signed webhook (or a mail), two deadlines in its business time, and the case until it answers."""
    contact = await room.contact_for(caller, contact_id)
    files = await _uploads(room, caller, body.attachments)
    escalation_id = ids.derive("es", caller.source, key)
    command = RaiseEscalation(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(text=body.summary, attachments=files),
        contact_id=contact_id,
        escalation_id=escalation_id,
        message_id=ids.derive("ms", caller.source, key),
        department=body.department,
        urgency=body.urgency,
        keep=body.keep,
        reveal_identity=body.reveal_identity,
    )
    await do(room, command, key)
    return EscalationRaised(escalation_id=escalation_id, case_id=contact.case_id, department=body.department)


@router.post("/wrap-up", summary="More time for wrap-up", responses=answers(409))
async def wrap_up(caller: AsAgent, contact_id: Id, body: bodies.WrapUpBody, room: Room, key: CommandKey) -> ContactView:
    """When the time is over the contact closes with the disposition `not_given`."""
    await room.contact_for(caller, contact_id)
    command = ExtendWrapUp(
        actor=caller.subject,
        actor_role=caller.role,
        contact_id=contact_id,
        extend_ms=body.extend_s * 1000,
        reason=body.reason,
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/complete", summary="End the handling", responses=answers(409))
async def complete(
    caller: AsAgent, contact_id: Id, body: bodies.CompleteBody, room: Room, key: CommandKey
) -> ContactView:
    """409 `call_live` while the call is on. `resolution` decides what becomes of the case."""
    await room.contact_for(caller, contact_id)
    command = CompleteContact(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(text=clean(body.note)) if body.note.strip() else None,
        contact_id=contact_id,
        disposition=body.disposition,
        resolution=body.resolution,
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/link", summary="The contact belongs to another case", responses=answers(409))
async def link(caller: AsAgent, contact_id: Id, body: bodies.LinkBody, room: Room, key: CommandKey) -> ContactView:
    """By its id, if it is yours, or by the reference the customer says. Undone by linking it back."""
    await room.contact_for(caller, contact_id)
    command = LinkContact(
        actor=caller.subject,
        actor_role=caller.role,
        contact_id=contact_id,
        case_id=await _case_named(room, caller, body.case),
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


async def _case_named(room: AgentsRoom, caller: Principal, text: str) -> str:
    if text.startswith("cs_"):
        return (await room.case_for(caller, text)).id
    reference = ids.parse_reference(text)
    # Who knows the reference was told it by the customer; that is why it is long and has a check character.
    found = await room.cases.by_reference(reference) if reference else None
    if found is None:
        raise NotFound
    return found.id


@router.post("/identify", summary="Say who it is", responses=answers(409))
async def identify(
    caller: AsAgent, contact_id: Id, body: bodies.IdentifyBody, room: Room, key: CommandKey
) -> ContactView:
    """The person proved a handle; the contact and its case become this customer's. How he proved it is kept."""
    await room.contact_for(caller, contact_id)
    handle = Handle(kind=body.handle.kind, value=handle_value(body.handle.kind, body.handle.value), verified=True)
    command = IdentifyCustomer(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(handles=(handle,)),
        contact_id=contact_id,
        evidence=body.evidence,
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/unidentify", summary="It was somebody else", responses=answers(409))
async def unidentify(
    caller: AsStaff, contact_id: Id, body: bodies.UnidentifyBody, room: Room, key: CommandKey
) -> ContactView:
    """Undoes the last identification of my contact, or as a supervisor of anybody's: contact and case are again whose they were, and the
    handle is proved no more unless something else proves it. 409 `not_identified` when there is none left."""
    await room.contact_for(caller, contact_id)
    command = UndoIdentification(
        actor=caller.subject, actor_role=caller.role, contact_id=contact_id, reason=body.reason
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))
