"""Agents as supervisors see them, and what supervisors decide about contacts. A person's decision wins over the engine's."""

from fastapi import APIRouter

from ...events.commands import AssignContact, CloseContact, SetPresence, SetPriority
from ...events.vocabulary import Presence
from ...kernel.errors import NotFound
from ...rest.access import ONLY_LEADERS, AsLeader, Guarded
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.problems import answers
from ...rest.schemas import Code, Id
from ...routing.policy import Agent as Profile
from ...routing.rows import Agent, Contact
from ..bodies import AgentPresenceBody, AssignBody, PriorityBody, ReasonBody
from ..documents import ContactView
from ..services import CommandKey, Room, do
from ..shaping import contact_view, presence_view
from .documents import AgentView

router = APIRouter(prefix="/v1", tags=["supervision"], route_class=Guarded)


@router.get("/agents", summary="The agents", dependencies=[ONLY_LEADERS])
async def list_agents(room: Room, limit: Limit = 50, cursor: Cursor = "") -> Page[AgentView]:
    """Of the catalogue in force, by id, with what they do now."""
    after = decode(cursor, str)
    known = sorted(
        (one for one in room.catalogue.agents if after is None or one.id > str(after[0])), key=lambda one: one.id
    )
    shown = known[:limit]
    rows = await room.staff.some([one.id for one in shown])
    more = encode(shown[-1].id) if len(known) > limit else None
    owned = await room.contacts.owned_by_some([row.id for row in rows.values() if row.assignments])
    return Page(items=[_view(one, rows.get(one.id), owned.get(one.id, [])) for one in shown], next=more)


def _view(profile: Profile, row: Agent | None, owned: list[Contact]) -> AgentView:
    agent = row or Agent(id=profile.id)
    return AgentView.model_validate(
        presence_view(agent, owned).model_dump()
        | {
            "name": profile.name,
            "team": profile.team,
            "queues": [one.queue for one in profile.profiles],
            "skills": profile.skills,
            "contacts": list(agent.assignments),
        }
    )


@router.put("/agents/{agent}/presence", summary="Set an agent's presence", responses=answers(409))
async def set_presence(
    caller: AsLeader, agent: Code, body: AgentPresenceBody, room: Room, key: CommandKey
) -> AgentView:
    """With a reason; it is journalled."""
    profile = room.current.agent(agent)
    if profile is None:
        raise NotFound
    command = SetPresence(
        actor=caller.subject,
        actor_role=caller.role,
        agent_id=agent,
        presence=Presence(body.state),
        reason=body.reason,
        after_current=True,
    )
    await do(room, command, key)
    return _view(profile, await room.staff.agent(agent), await room.contacts.owned_by(agent))


@router.post("/contacts/{contact_id}/assign", summary="Give the contact to an agent", responses=answers(409))
async def assign(caller: AsLeader, contact_id: Id, body: AssignBody, room: Room, key: CommandKey) -> ContactView:
    """The engine never overrides it."""
    await room.contact_for(caller, contact_id)
    command = AssignContact(
        actor=caller.subject, actor_role=caller.role, contact_id=contact_id, agent_id=body.agent, reason=body.reason
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/contacts/{contact_id}/close", summary="End the contact", responses=answers(409))
async def close(caller: AsLeader, contact_id: Id, body: ReasonBody, room: Room, key: CommandKey) -> ContactView:
    """With a reason; it is journalled."""
    await room.contact_for(caller, contact_id)
    command = CloseContact(actor=caller.subject, actor_role=caller.role, contact_id=contact_id, reason=body.reason)
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))


@router.post("/contacts/{contact_id}/priority", summary="Change how urgent it is", responses=answers(409))
async def set_priority(
    caller: AsLeader, contact_id: Id, body: PriorityBody, room: Room, key: CommandKey
) -> ContactView:
    """Its rank is computed anew from its arrival."""
    await room.contact_for(caller, contact_id)
    command = SetPriority(
        actor=caller.subject, actor_role=caller.role, contact_id=contact_id, priority=body.priority, reason=body.reason
    )
    await do(room, command, key)
    return await contact_view(room, await room.contact_for(caller, contact_id))
