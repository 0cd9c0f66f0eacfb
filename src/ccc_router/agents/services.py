"""What the handlers of this room work with, and how they reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from ..events.commands import AnyCommand
from ..events.inbox import Inbox
from ..kernel.clock import Clock
from ..kernel.errors import Forbidden, NotFound, Unavailable
from ..queues.catalogue import Current
from ..queues.waits.waits import Waits
from ..rest.asking import Desk, ask
from ..rest.principal import Principal
from ..rest.replay import command_key
from ..routing.policy import Agent, Catalogue
from ..routing.rows import Case, Contact
from .bounds import Bounds
from .store.cases import Cases
from .store.contacts import Contacts
from .store.counts import Counts
from .store.messages import Messages
from .store.recent import Recent
from .store.records import Records
from .store.staff import Staff
from .trial import Trial
from .waiting.follower import Follower
from .waiting.waiters import Waiters


@dataclass(frozen=True, slots=True)
class AgentsRoom:
    """The room's services: ``app.state.agents``."""

    clock: Clock
    pool: str
    desk: Desk
    inbox: Inbox
    current: Current
    contacts: Contacts
    cases: Cases
    messages: Messages
    records: Records
    staff: Staff
    counts: Counts
    waiters: Waiters
    follower: Follower
    boards: Recent[dict[str, Any]]
    trial: Trial
    waits: Waits
    bounds: Bounds

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue in force. Raises ``Unavailable`` before the first one is."""
        if self.current.catalogue is None:
            raise Unavailable("No catalogue is in force yet.")
        return self.current.catalogue

    def me(self, caller: Principal) -> Agent:
        """The calling agent. Raises ``Forbidden`` for one whom the catalogue does not know (any more)."""
        agent = self.current.agent(caller.subject)
        if agent is None:
            raise Forbidden("The catalogue does not know this agent.", code="unknown_agent")
        return agent

    async def engine_now(self) -> int:
        """The time by which offers expire and contacts wait (ms). It is not the wall's after a time without an engine."""
        found = await self.records.engine_now()
        return self.clock.now_ms() if found is None else found

    async def contact_for(self, caller: Principal, contact_id: str) -> Contact:
        """A contact the caller may see. Raises ``NotFound``: what is not yours does not exist."""
        found = (
            await self.contacts.contact(contact_id)
            if caller.leads
            else await self.contacts.seen_by(caller.subject, contact_id)
        )
        if found is None:
            raise NotFound
        return found

    async def case_for(self, caller: Principal, case_id: str) -> Case:
        """A case the caller may see. Raises ``NotFound``."""
        found = await self.cases.case(case_id) if caller.leads else await self.cases.seen_by(caller.subject, case_id)
        if found is None:
            raise NotFound
        return found


def _room(request: Request) -> AgentsRoom:
    room: AgentsRoom = request.app.state.agents
    return room


Room = Annotated[AgentsRoom, Depends(_room)]
"""The room's services, for a handler."""

CommandKey = Annotated[str, Depends(command_key)]
"""Under which key this request's command stands in the inbox."""


async def do(room: AgentsRoom, command: AnyCommand, key: str) -> Mapping[str, object]:
    """`rest.asking.ask` at this room's desk."""
    return await ask(room.desk, command, key)
