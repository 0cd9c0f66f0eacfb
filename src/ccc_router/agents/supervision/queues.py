"""Queues and how they do."""

from fastapi import APIRouter

from ...kernel.errors import NotFound
from ...rest.access import ONLY_LEADERS, Guarded
from ...rest.paging import Cursor, Limit, Page, decode, encode
from ...rest.schemas import Code
from ...routing.policy import Queue
from ..documents import WhyText
from ..services import AgentsRoom, Room
from .documents import AllReadings, QueueReadings, QueueView, RequirementView
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
    return Page(items=[_view(room, one) for one in shown], next=more)


def _view(room: AgentsRoom, queue: Queue) -> QueueView:
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
    )


@router.get("/queues/{queue}/readings", summary="How one queue does", dependencies=[ONLY_LEADERS])
async def queue_readings(queue: Code, room: Room) -> QueueReadings:
    """Now, and since midnight in Vietnam."""
    found = await readings(room, queue)
    if not found:
        raise NotFound
    return found[0]


@router.get("/readings", summary="How every queue does", dependencies=[ONLY_LEADERS])
async def all_readings(room: Room) -> AllReadings:
    """Now, and since midnight in Vietnam; the bounds of the last hour and day are made beside, when somebody looks."""
    return AllReadings(items=await readings(room), bounds=room.bounds())
