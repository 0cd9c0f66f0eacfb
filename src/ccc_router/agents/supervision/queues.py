"""Queues and how they do."""

from fastapi import APIRouter

from ...events.commands import SetSurge
from ...events.facts import Private
from ...kernel.clock import to_ms
from ...kernel.errors import NotFound
from ...kernel.ids import derive
from ...rest.access import A_REPORT, ONLY_LEADERS, AsLeader, Guarded
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.problems import answers
from ...rest.schemas import Code
from ...routing.policy import Queue
from ...routing.rows import QueueState
from ..bodies import SurgeBody
from ..documents import WhyText
from ..services import AgentsRoom, CommandKey, Room, do
from .documents import AllReadings, QueueReadings, QueueView, RequirementView, SurgeView
from .reading import readings

router = APIRouter(prefix="/v1", tags=["supervision"], route_class=Guarded)


@router.get("/queues", summary="The queues", dependencies=[ONLY_LEADERS])
async def list_queues(room: Room, limit: Limit = 50, cursor: Cursor = "") -> Page[QueueView]:
    """Of the catalogue in force, by id."""
    after = decode(cursor, str)
    queues = sorted(
        (one for one in room.catalogue.queues if after is None or one.id > str(after[0])), key=lambda one: one.id
    )
    shown = queues[:limit]
    more = encode(shown[-1].id) if len(queues) > limit else None
    states = await _states(room)
    return Page(items=[_view(room, one, states.get(one.id)) for one in shown], next=more)


@router.post("/queues/{queue}/surge", summary="Begin or end a surge", responses=answers(409))
async def surge(caller: AsLeader, queue: Code, body: SurgeBody, room: Room, key: CommandKey) -> QueueView:
    """What newcomers hear, and whether callers are turned away with it, until the time given: then everything is as before, whoever
    forgets it. Sent again it takes the place of the one before. Several queues: once for each."""
    found = room.current.queue(queue)
    if found is None:
        raise NotFound
    on = body.mode == "on"
    until = to_ms(body.until) if body.until is not None else await room.engine_now() + 1000 * (body.duration_s or 0)
    extra = {"en": body.text.en} if body.text is not None and body.text.en else {}
    command = SetSurge(
        actor=caller.subject,
        actor_role=caller.role,
        private=Private(text=body.text.vi, extra=extra) if body.text is not None else None,
        queue=queue,
        reason=body.reason,
        newcomers=body.newcomers if on else None,
        until=until if on else 0,
        announcement=body.announcement if on else "",
        message_id=derive("ms", caller.source, key) if body.text is not None else "",
    )
    await do(room, command, key)
    return _view(room, found, (await _states(room)).get(queue))


async def _states(room: AgentsRoom) -> dict[str, QueueState]:
    return {row.id: row for row in await room.staff.queue_states()}


def _view(room: AgentsRoom, queue: Queue, state: QueueState | None) -> QueueView:
    serving = sum(1 for agent in room.catalogue.agents if any(profile.queue == queue.id for profile in agent.profiles))
    return QueueView(
        queue=queue.id,
        name=WhyText(vi=queue.name.vi, en=queue.name.en),
        requirements=[RequirementView(skill=one.skill, level=one.level) for one in queue.requirements],
        channels=list(queue.channels),
        service_level_percent=queue.service_level.percent,
        service_level_s=queue.service_level.seconds,
        overflow=queue.overflow,
        agents=serving,
        surge=SurgeView.of(state),
    )


@router.get("/queues/{queue}/readings", summary="How one queue does", dependencies=[ONLY_LEADERS, A_REPORT])
async def queue_readings(queue: Code, room: Room) -> QueueReadings:
    """Now, and since midnight in Vietnam."""
    found = await readings(room, queue)
    if not found:
        raise NotFound
    return found[0]


@router.get("/readings", summary="How every queue does", dependencies=[ONLY_LEADERS, A_REPORT])
async def all_readings(room: Room) -> AllReadings:
    """Now, and since midnight in Vietnam; the bounds of the last hour and day are made beside, when somebody looks."""
    return AllReadings(items=await readings(room), bounds=room.bounds())
