"""`/agents/me/presence` and the heartbeat."""

from fastapi import APIRouter

from ...events.commands import SetPresence
from ...events.vocabulary import Presence
from ...rest.access import AsAgent, Guarded
from ...rest.problems import answers
from ..bodies import PresenceBody
from ..documents import CommandDone, PresenceView
from ..reading import presence_of
from ..services import CommandKey, Room, do

router = APIRouter(prefix="/v1/agents/me", tags=["presence"], route_class=Guarded)


@router.get("/presence", summary="Whether I take contacts")
async def get_presence(caller: AsAgent, room: Room) -> PresenceView:
    """What I said of myself, and what follows from my work."""
    return await presence_of(room, room.me(caller).id)


@router.put("/presence", summary="Say whether I take contacts", responses=answers(409))
async def put_presence(caller: AsAgent, body: PresenceBody, room: Room, key: CommandKey) -> PresenceView:
    """`not_ready` and `signed_out` rescind a pending offer. `signed_out` with work at hand is 409 `has_work`, unless
    `after_current`."""
    agent = room.me(caller)
    command = SetPresence(
        actor=caller.subject,
        actor_role=caller.role,
        agent_id=agent.id,
        presence=Presence(body.state),
        reason=body.reason,
        after_current=body.after_current,
    )
    await do(room, command, key)
    return await presence_of(room, agent.id)


@router.post("/heartbeat", summary="I am here")
async def heartbeat(caller: AsAgent, room: Room) -> CommandDone:
    """Any authenticated request counts; this is for clients that have nothing else to ask. The lease is 30 s."""
    room.me(caller)
    return CommandDone()
