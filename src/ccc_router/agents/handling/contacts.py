"""Reading a contact: its document and its timeline; and the draft of an answer."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from ...events.facts import DraftKept
from ...events.inbox import Submission
from ...events.vocabulary import ContactState
from ...kernel.clock import from_ms
from ...kernel.text import clean
from ...rest.access import ONLY_LEADERS, AsAgent, AsStaff, Guarded
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.schemas import Code, Id, moment
from ...routing.rows import awaits_action
from ..bodies import DraftBody
from ..documents import AttachmentView, ContactView, DraftView, TimelineItem
from ..services import Room
from ..shaping import contact_view, contact_views
from ..store.messages import Message
from ..store.records import Entry

router = APIRouter(prefix="/v1/contacts", tags=["contacts"], route_class=Guarded)

_EVENTS: Final = (
    "ContactOpened",
    "ContactQueued",
    "OfferMade",
    "ContactActive",
    "ContactHeld",
    "ContactWaiting",
    "WrapUpStarted",
    "AssignmentEnded",
    "ContactRanked",
    "ContactNeedsAttention",
    "ContactLinked",
    "CustomerIdentified",
    "IdentificationUndone",
    "ContactEnded",
    "ContactHandedOver",
    "FactForwarded",
)
_DETAILS: Final = ("pool", "queue", "reason", "why", "disposition", "state", "by")


@router.get("", summary="Contacts by queue and state", tags=["supervision"], dependencies=[ONLY_LEADERS])
async def list_contacts(
    room: Room,
    queue: Annotated[Code | None, Query(description="Only of this queue.")] = None,
    state: Annotated[
        list[ContactState] | None, Query(max_length=13, description="Only in these states; left out: every open one.")
    ] = None,
    attention: Annotated[bool, Query(description="Only those that need a person's attention.")] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[ContactView]:
    """Oldest first."""
    states = [one.value for one in state or ()]
    found = await room.contacts.listed(
        queue=queue or "",
        states=states,
        attention=attention,
        after=decode(cursor, int, str),
        limit=limit + 1,
    )
    shown = found[:limit]
    more = encode(shown[-1].arrived_at, shown[-1].id) if len(found) > limit else None
    return Page(items=await contact_views(room, shown), next=more)


@router.get("/{contact_id}", summary="A contact")
async def get_contact(caller: AsStaff, contact_id: Id, room: Room) -> ContactView:
    """An agent sees what he is offered, owns or handled; everything else is 404."""
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.get("/{contact_id}/timeline", summary="What was said and what happened")
async def timeline(
    caller: AsStaff, contact_id: Id, room: Room, limit: Limit = 100, cursor: Cursor = ""
) -> Page[TimelineItem]:
    """The messages of the contact's case on all its channels, and what happened to this contact, in order."""
    contact = await room.contact_for(caller, contact_id)
    after = decode(cursor, int)
    position = int(after[0]) if after else 0
    messages = await room.messages.of_case(contact.case_id, after=position, limit=limit + 1)
    entries = await room.records.of_contact(contact.id, _EVENTS, after=position, limit=limit + 1)
    items = sorted([*map(_said, messages), *map(_happened, entries)], key=lambda item: item.position)
    shown = items[:limit]
    return Page(items=shown, next=encode(shown[-1].position) if len(items) > limit else None)


def _said(message: Message) -> TimelineItem:
    return TimelineItem(
        at=from_ms(message.at),
        position=message.position,
        kind="message",
        contact_id=message.contact_id,
        message_id=message.message_id,
        number=message.number,
        direction=message.direction,
        visibility=message.visibility,
        author=message.author,
        form=message.form,
        subject=message.subject,
        text=message.text,
        html=message.html,
        delivery=message.delivery_state,
        mark=message.mark,
        deleted=message.deleted,
        attachments=[
            AttachmentView(
                attachment_id=one.attachment_id,
                name=one.name,
                media_type=one.media_type,
                size=one.size,
                inline=one.inline,
            )
            for one in message.attachments
        ],
    )


def _happened(entry: Entry) -> TimelineItem:
    document = entry.document()
    return TimelineItem(
        at=from_ms(entry.at),
        position=entry.position,
        kind="event",
        contact_id=str(document["contact_id"]),
        event=entry.kind,
        agent=str(document.get("agent_id") or ""),
        detail=next((str(document[name]) for name in _DETAILS if document.get(name)), ""),
    )


@router.get("/{contact_id}/draft", summary="My unfinished answer")
async def get_draft(caller: AsAgent, contact_id: Id, room: Room) -> DraftView:
    """Empty when there is none."""
    contact = await room.contact_for(caller, contact_id)
    text, at = await room.messages.draft(contact.id, caller.subject)
    return DraftView(text=text, updated_at=moment(at))


@router.put("/{contact_id}/draft", summary="Keep my unfinished answer")
async def put_draft(caller: AsAgent, contact_id: Id, body: DraftBody, room: Room) -> DraftView:
    """Kept for me alone, until it is sent or replaced. The first one shows that I have begun."""
    contact = await room.contact_for(caller, contact_id)
    now = room.clock.now_ms()
    text = clean(body.text)
    await room.messages.keep_draft(contact.id, caller.subject, text, now)
    if text.strip() and contact.agent_id == caller.subject and awaits_action(contact):
        fact = DraftKept(at=now, contact_id=contact.id, agent_id=caller.subject)
        await room.inbox.append([Submission(caller.source, f"drafted:{contact.offer_id}", fact)])
    return DraftView(text=text, updated_at=moment(now))
