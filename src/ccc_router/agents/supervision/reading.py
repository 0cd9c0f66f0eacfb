"""The readings of the queues, and the board of the supervisors' stream."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header

from ...kernel.clock import VIETNAM, to_ms
from ...kernel.tasks import give_way
from ...queues.waits.estimate import Expected
from ...queues.waits.foretold import Calibration
from ...rest.access import AsLeader, Guarded
from ...rest.problems import answers
from ...rest.streams import STREAMED, EventStream, last_number
from ..services import AgentsRoom, Room
from ..shaping import presence_view
from .documents import QueueReadings

router = APIRouter(prefix="/v1/supervisors", tags=["supervision"], route_class=Guarded)

ALL: Final = 2000
_IN_ONE_GO: Final = 20
"""Agents shown before others have their turn: less than a millisecond, for an engine may live in the same process."""
_UNSAID: Final = Expected(0, unknown="nobody_here")
"""In the place of what the board does not show: it would be another number every second, and work for every one of them."""


async def readings(room: AgentsRoom, queue: str = "", *, expecting: bool = True) -> list[QueueReadings]:
    """The readings of every queue, or of one, since midnight in Vietnam; without ``expecting`` no expected wait is worked out."""
    now = await room.engine_now()
    midnight = room.clock.now().astimezone(VIETNAM).replace(hour=0, minute=0, second=0, microsecond=0)
    thresholds = {one.id: one.service_level.seconds for one in room.catalogue.queues}
    counted = await room.counts.readings(since=to_ms(midnight), thresholds=thresholds)
    agents = await room.staff.agents(after="", limit=ALL)
    states = {row.id: row for row in await room.staff.queue_states()}
    found = []
    for one in room.catalogue.queues:
        if queue not in ("", one.id):
            continue
        await give_way()
        rows = [row for row in counted if row["queue"] == one.id]
        waits = {row["channel"]: await _waits(room, one.id, row["channel"], expecting=expecting) for row in rows}
        found.append(QueueReadings.of(one, rows, room.catalogue, agents, now, waits, states.get(one.id)))
    return found


async def _waits(room: AgentsRoom, queue: str, channel: str, *, expecting: bool) -> tuple[Expected, Calibration]:
    expected = await room.waits.newcomer(queue, channel) if expecting else _UNSAID
    return expected, room.waits.calibration.get((queue, channel), Calibration())


async def board(room: AgentsRoom) -> dict[str, Any]:
    """Queues and agents, each under a name of its own so that a change carries only what changed.

    However many look in the same moment, it is made for all of them together.
    """
    return await room.boards.get(lambda: _board(room))


async def _board(room: AgentsRoom) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for reading in await readings(room, expecting=False):
        # What changes with every second is left out; oldest_arrived_at stands still.
        moving: Any = {"oldest_waited_s": True, "channels": {"__all__": {"expected_wait"}}}
        shown[f"queue:{reading.queue}"] = reading.model_dump(mode="json", exclude=moving)
    for number, agent in enumerate(await room.staff.agents(after="", limit=ALL)):
        if number % _IN_ONE_GO == 0:
            await give_way()
        shown[f"agent:{agent.id}"] = presence_view(agent, []).model_dump(mode="json", exclude={"doing"})
    return shown


@router.get(
    "/stream",
    summary="Queues and agents as they change",
    response_class=EventStream,
    responses=STREAMED | answers(429),
)
async def supervisors_stream(
    caller: AsLeader, room: Room, last_event_id: Annotated[str | None, Header(max_length=100)] = None
) -> EventStream:
    """Events `snapshot`, then `changed` with the queues and agents that changed, at most once a second."""

    async def parts() -> dict[str, Any]:
        return await board(room)

    number = last_number(last_event_id)
    events = await room.follower.stream(caller.source, number, parts, lambda _touched, _shown: True, pause_s=1.0)
    return EventStream(events)
