"""What the handlers of this room work with, and how they reach it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ..kernel.clock import Clock
from ..kernel.errors import NotFound
from ..queues.catalogue.current import Current
from ..rest.asking import Desk
from ..rest.principal import Principal
from ..rest.replay import command_key
from ..routing.rows import Escalation
from .links import Links
from .store import Store, Watched
from .webhooks.endpoints import Endpoints


@dataclass(frozen=True, slots=True)
class EscalationsRoom:
    """The room's services: ``app.state.escalations``."""

    clock: Clock
    desk: Desk
    current: Current
    store: Store
    endpoints: Endpoints
    links: Links

    def watched_by(self, department: str) -> Watched:
        """What a department sees besides its own: escalations of others that are overdue as far up as to it."""
        catalogue = self.current.catalogue
        found = {}
        for other in catalogue.departments if catalogue is not None else ():
            if department in other.ladder:
                found[other.id] = other.ladder.index(department) + 1
        return found

    async def seen_by(self, caller: Principal, escalation_id: str) -> Escalation:
        """An escalation the caller may see. Raises ``NotFound``: what is not yours does not exist."""
        if caller.leads:
            found = await self.store.escalation(escalation_id)
        elif caller.role == "department":
            found = await self.store.seen_by_department(caller.subject, self.watched_by(caller.subject), escalation_id)
        else:
            found = await self.store.seen_by_agent(caller.subject, escalation_id)
        if found is None:
            raise NotFound
        return found

    async def owned_by(self, caller: Principal, escalation_id: str) -> Escalation:
        """An escalation that lies with the calling department. Raises ``NotFound``."""
        found = await self.store.escalation(escalation_id)
        if found is None or found.department != caller.subject:
            raise NotFound
        return found


def _room(request: Request) -> EscalationsRoom:
    room: EscalationsRoom = request.app.state.escalations
    return room


Room = Annotated[EscalationsRoom, Depends(_room)]
"""The room's services, for a handler."""

CommandKey = Annotated[str, Depends(command_key)]
"""Under which key this request's command stands in the inbox."""
