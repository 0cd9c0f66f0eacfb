"""Pulling work: what I have, the next contact, the answer to an offer."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response

from ...events.commands import AcceptOffer, CloseDemand, DeclineOffer, OpenDemand
from ...events.facts import OfferFetched
from ...events.inbox import Submission
from ...kernel import ids
from ...kernel.errors import Conflict, NotFound
from ...rest.access import AsAgent, Guarded, asks_anew
from ...rest.principal import Principal
from ...rest.problems import answers
from ...rest.schemas import Id
from ...routing.rows import Offer
from ..bodies import DeclineBody
from ..documents import CommandDone, ContactView, OfferView, WorkView
from ..reading import work_of
from ..services import AgentsRoom, CommandKey, Room, do
from ..shaping import contact_view, offer_view
from ..waiting.waiters import Waiter

router = APIRouter(prefix="/v1", tags=["work"], route_class=Guarded)

_GLANCE_S = 1.0
"""How often an open request looks whether its client is still there."""


@router.get("/agents/me/work", summary="What I have")
async def work(caller: AsAgent, room: Room) -> WorkView:
    """My presence, my pending offer, my contacts."""
    return await work_of(room, room.me(caller).id)


@router.post(
    "/agents/me/work/next",
    summary="The next contact for me",
    response_model=OfferView,
    responses=answers(409) | {204: {"description": "Nothing came, or a newer request of mine took the place."}},
)
@asks_anew
async def work_next(
    request: Request,
    caller: AsAgent,
    room: Room,
    tasks: BackgroundTasks,
    wait: Annotated[
        int, Query(ge=0, le=60, description="Seconds to wait for one; 0 only looks for a pending offer.")
    ] = 25,
) -> OfferView | Response:
    """First my own pending offer, so a cut request loses nothing; else the next one that is made to me within `wait` seconds.

    One request is open for an agent at a time: a newer one ends the older with 204. An agent who is `on_demand` is offered
    contacts only while this is open.
    """
    agent = room.me(caller)
    offer = await room.contacts.pending(agent.id)
    if offer is None and wait:
        offer = await _wait(request, room, caller, wait)
    view = await offer_view(room, offer) if offer is not None else None
    if view is None or offer is None:
        return Response(status_code=204)
    if not offer.fetched:
        # After the answer was written: only an offer that the client has can be missed.
        tasks.add_task(_fetched, room, caller, offer.id)
    return view


async def _wait(request: Request, room: AgentsRoom, caller: Principal, seconds: int) -> Offer | None:
    demand = ids.fresh("dm")
    agent_id = caller.subject
    with room.waiters.waiting(agent_id, demand) as waiter:
        until = await room.engine_now() + seconds * 1000
        end = room.clock.monotonic() + seconds
        ask = OpenDemand(actor=agent_id, actor_role=caller.role, agent_id=agent_id, demand_id=demand, until=until)
        await do(room, ask, demand)
        waiter.asked = True
        room.waiters.loop.wake()
        gone = await _until_over(request, room, waiter, end)
        if not waiter.replaced and (gone or await room.contacts.pending(agent_id) is None):
            close = CloseDemand(actor=agent_id, actor_role=caller.role, agent_id=agent_id, demand_id=demand)
            await do(room, close, f"{demand}-close")
    # An offer that was made while the demand was being closed is the client's too; one whose client left is not served.
    return None if gone or waiter.replaced else await room.contacts.pending(agent_id)


async def _until_over(request: Request, room: AgentsRoom, waiter: Waiter, end: float) -> bool:
    """Wait; tell whether the client left."""
    while not waiter.over and (left := end - room.clock.monotonic()) > 0:
        await room.clock.wait(waiter.event, min(left, _GLANCE_S))
        if not waiter.event.is_set() and await request.is_disconnected():
            return True
    return False


async def _fetched(room: AgentsRoom, caller: Principal, offer_id: str) -> None:
    fact = OfferFetched(at=room.clock.now_ms(), offer_id=offer_id)
    await room.inbox.append([Submission(caller.source, f"fetched:{offer_id}", fact)])


@router.post("/offers/{offer_id}/accept", summary="Take the contact", responses=answers(409))
async def accept(caller: AsAgent, offer_id: Id, room: Room, key: CommandKey) -> ContactView:
    """The contact is mine. Again: 200 again. 409 `offer_over` when it is over. A phone contact is `connecting` until my
    phone is answered."""
    offer = await _mine(room, caller, offer_id)
    await _unless_over(room, AcceptOffer(actor=caller.subject, actor_role=caller.role, offer_id=offer_id), key)
    return await contact_view(room, await room.contact_for(caller, offer.contact_id))


@router.post("/offers/{offer_id}/decline", summary="Do not take the contact", responses=answers(409))
async def decline(caller: AsAgent, offer_id: Id, body: DeclineBody, room: Room, key: CommandKey) -> CommandDone:
    """The contact goes on to somebody else and keeps its rank."""
    await _mine(room, caller, offer_id)
    command = DeclineOffer(actor=caller.subject, actor_role=caller.role, offer_id=offer_id, reason=body.reason)
    await _unless_over(room, command, key)
    return CommandDone()


async def _unless_over(room: AgentsRoom, command: AcceptOffer | DeclineOffer, key: str) -> None:
    """Ask; of an offer that is over, say how it ended and by whom or what."""
    try:
        await do(room, command, key)
    except Conflict as refused:
        offer = await room.contacts.offer(command.offer_id) if refused.code == "offer_over" else None
        if offer is None:
            raise
        raise Conflict(refused.message, code=refused.code, state=offer.state, ended_by=offer.ended_by) from refused


async def _mine(room: AgentsRoom, caller: Principal, offer_id: str) -> Offer:
    room.me(caller)
    offer = await room.contacts.offer(offer_id)
    if offer is None or offer.agent_id != caller.subject:
        raise NotFound
    return offer
