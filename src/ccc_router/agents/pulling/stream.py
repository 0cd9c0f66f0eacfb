"""`GET /v1/agents/me/stream`: a snapshot, then numbered changes."""

from typing import Annotated, Any

from fastapi import APIRouter, Header

from ...rest.access import AsAgent, Guarded
from ...rest.problems import answers
from ...rest.streams import STREAMED, EventStream, last_number
from ..reading import work_of
from ..services import Room

router = APIRouter(prefix="/v1/agents/me", tags=["work"], route_class=Guarded)


@router.get(
    "/stream",
    summary="My presence, offer and contacts as they change",
    response_class=EventStream,
    responses=STREAMED | answers(429),
)
async def my_stream(
    caller: AsAgent, room: Room, last_event_id: Annotated[str | None, Header(max_length=100)] = None
) -> EventStream:
    """Events `snapshot`, then `changed` with the parts that changed: `presence`, `offer`, `contacts`.

    An open stream is no sign of life, for a broken connection may look open for minutes: send heartbeats beside it.
    """
    agent = room.me(caller)

    async def parts() -> dict[str, Any]:
        shown: dict[str, Any] = (await work_of(room, agent.id)).model_dump(mode="json")
        if shown["offer"] is not None:
            # They change with every second; expires_at and target_at stand still.
            shown["offer"] |= {"ttl_ms": None, "waited_s": None}
        return shown

    def concerns(touched: set[str], shown: dict[str, Any]) -> bool:
        mine = [*shown["contacts"], *filter(None, [shown["offer"]])]
        return not touched.isdisjoint(
            {agent.id, *(one["contact_id"] for one in mine), *(one["offer_id"] for one in mine)}
        )

    return EventStream(await room.follower.stream(caller.source, last_number(last_event_id), parts, concerns))
