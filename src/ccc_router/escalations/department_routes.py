"""How the departments are reached, for those who lead."""

from typing import Final

from fastapi import APIRouter

from ..kernel.errors import NotFound
from ..rest.access import AsAdmin, AsLeader, Guarded
from ..rest.bodiless import NO_BODY
from ..rest.schemas import Code, moment
from . import documents as doc
from .services import EscalationsRoom, Room

router: Final = APIRouter(prefix="/v1/departments", tags=["escalations"], route_class=Guarded)


@router.get("", summary="How the departments are reached, and how that goes")
async def endpoints(_caller: AsLeader, room: Room) -> list[doc.EndpointView]:
    """Every department of the catalogue."""
    return await _endpoints(room)


@router.post("/{department}/enable", dependencies=[NO_BODY], summary="Send to a department again")
async def enable(caller: AsAdmin, department: Code, room: Room) -> doc.EndpointView:
    """After its endpoint said that it is gone. What was parked meanwhile is retried one by one, in `/v1/deliveries`."""
    known = [one for one in await _endpoints(room) if one.department == department]
    if not known:
        raise NotFound
    await room.endpoints.enable(department, caller.subject)
    return next(one for one in await _endpoints(room) if one.department == department)


async def _endpoints(room: EscalationsRoom) -> list[doc.EndpointView]:
    catalogue = room.current.catalogue
    states = await room.endpoints.all()
    found = []
    for department in catalogue.departments if catalogue is not None else ():
        state = states.get(department.id)
        found.append(
            doc.EndpointView(
                department=department.id,
                way="webhook" if department.url else "mail" if department.email else "none",
                disabled_at=moment(state.disabled_at) if state else None,
                disabled_reason=state.disabled_reason if state else "",
                failures=state.failures if state else 0,
                paused_ms=state.open_ms if state else 0,
                last_success_at=moment(state.last_success_at) if state else None,
            )
        )
    return found
