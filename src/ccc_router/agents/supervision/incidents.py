"""Incidents: one trouble that many cases have in common, from the first word to the last."""

from typing import Annotated

from fastapi import APIRouter, Query

from ...events.commands import AttachCases, OpenIncident, ResolveIncident
from ...events.facts import Private
from ...kernel.clock import from_ms
from ...kernel.errors import NotFound
from ...kernel.ids import derive
from ...rest.access import ONLY_LEADERS, AsLeader, Guarded
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.problems import answers
from ...rest.schemas import Id, moment
from ...routing.rows import Incident
from ..bodies import AttachBody, BothTexts, IncidentBody, ResolveBody
from ..documents import WhyText
from ..services import AgentsRoom, CommandKey, Room, do
from .documents import IncidentView

router = APIRouter(prefix="/v1/incidents", tags=["supervision"], route_class=Guarded)


@router.post("", status_code=201, summary="Open an incident", responses=answers(409))
async def open_incident(caller: AsLeader, body: IncidentBody, room: Room, key: CommandKey) -> IncidentView:
    """Who comes about its topic, or to its queue, is attached from now on. Mails are acknowledged with its text."""
    incident_id = derive("in", caller.source, key)
    command = OpenIncident(
        actor=caller.subject,
        actor_role=caller.role,
        private=_private(body.text) if body.text is not None else None,
        incident_id=incident_id,
        title_vi=body.title.vi,
        title_en=body.title.en,
        topic=body.topic or "",
        queue=body.queue or "",
        message_id=derive("ms", caller.source, key) if body.text is not None else "",
    )
    await do(room, command, key)
    return await _shown(room, incident_id)


@router.get("", summary="The incidents", dependencies=[ONLY_LEADERS])
async def list_incidents(
    room: Room,
    live: Annotated[bool, Query(description="Only those that are not over.")] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[IncidentView]:
    """By id."""
    after = decode(cursor, str)
    rows = await room.cases.incidents(live=live, after=str(after[0]) if after else "", limit=limit + 1)
    shown = rows[:limit]
    return Page(items=[_view(row) for row in shown], next=encode(shown[-1].id) if len(rows) > limit else None)


@router.post("/{incident_id}/attach", summary="Say which contacts belong to it", responses=answers(409))
async def attach(caller: AsLeader, incident_id: Id, body: AttachBody, room: Room, key: CommandKey) -> IncidentView:
    """Their cases are attached: also those of contacts that are over, as long as the case is not. All of them or none."""
    await _shown(room, incident_id)
    cases = [(await room.contact_for(caller, contact_id)).case_id for contact_id in body.contacts]
    command = AttachCases(
        actor=caller.subject,
        actor_role=caller.role,
        incident_id=incident_id,
        cases=tuple(dict.fromkeys(cases)),
        attach=body.attach,
    )
    await do(room, command, key)
    return await _shown(room, incident_id)


@router.post("/{incident_id}/resolve", summary="It is over: tell everybody", responses=answers(409))
async def resolve(caller: AsLeader, incident_id: Id, body: ResolveBody, room: Room, key: CommandKey) -> IncidentView:
    """Every attached customer gets the text over the channel he wrote on; who only called gets a follow-up by an agent. What waits for
    an agent ends with it; what an agent has in hands stays his to end. 503 while not everybody is told: send it again."""
    await _shown(room, incident_id)
    command = ResolveIncident(
        actor=caller.subject,
        actor_role=caller.role,
        private=_private(body.text),
        incident_id=incident_id,
        message_id=derive("ms", caller.source, key),
    )
    portion = 0
    while (await do(room, command, f"{key}.{portion}"))["left"]:
        portion += 1
    return await _shown(room, incident_id)


def _private(text: BothTexts) -> Private:
    return Private(text=text.vi, extra={"en": text.en} if text.en else {})


async def _shown(room: AgentsRoom, incident_id: str) -> IncidentView:
    row = await room.cases.incident(incident_id)
    if row is None:
        raise NotFound
    return _view(row)


def _view(row: Incident) -> IncidentView:
    return IncidentView(
        incident_id=row.id,
        title=WhyText(vi=row.title_vi, en=row.title_en),
        topic=row.topic,
        queue=row.queue,
        opened_at=from_ms(row.opened_at),
        opened_by=row.by,
        cases=row.attached + row.told,
        told=row.told,
        resolved_at=moment(row.resolved_at),
        resolved_by=row.resolved_by,
    )
