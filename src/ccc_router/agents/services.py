"""What the handlers of this room work with, and how they reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request

from ..events.commands import AnyCommand
from ..events.inbox import Inbox
from ..kernel.clock import Clock
from ..kernel.errors import CccError, Conflict, Forbidden, NotFound, Unavailable
from ..queues.catalogue import Current
from ..rest.principal import Principal
from ..rest.replay import command_key
from ..routing.policy import Agent, Catalogue
from ..routing.rows import Case, Contact
from .store.cases import Cases
from .store.contacts import Contacts
from .store.messages import Messages
from .store.records import Records
from .store.staff import Staff
from .waiting.follower import Follower
from .waiting.recent import Recent
from .waiting.waiters import Waiters


class Outcome(Protocol):
    """What the engine answered to a command: 200 with a result, or a refusal's status and code."""

    @property
    def status(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def result(self) -> Mapping[str, object]: ...


class Desk(Protocol):
    """Appends a command and waits for its outcome. Raises ``Unavailable`` when none comes in 5 s."""

    async def ask(self, command: AnyCommand, key: str) -> Outcome: ...


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
    waiters: Waiters
    follower: Follower
    boards: Recent[dict[str, Any]]

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
    """Ask the engine. Returns its result; raises ``NotFound``, ``Conflict`` with the refusal's code, or ``Unavailable``.

    The one place where outcomes become HTTP.
    """
    outcome = await room.desk.ask(command, key)
    if outcome.status == 200:
        return outcome.result
    if outcome.status == 404:
        raise NotFound
    if outcome.status == 409:
        extra = {"stands_against": outcome.detail} if outcome.detail else {}
        raise Conflict(_REFUSALS.get(outcome.code), code=outcome.code, **extra)
    raise CccError


_REFUSALS = {
    "not_yours": "The contact is not yours.",
    "offer_over": "The offer is over.",
    "customer_wrote": "The customer wrote meanwhile: read it, then send again with the new seen_up_to.",
    "call_live": "The call is still on: hang up first.",
    "has_work": "There is work at hand: finish it, or send after_current.",
    "not_ready": "You take no contacts now: set your presence first.",
    "capacity": "There is no room for one more.",
    "unknown_queue": "There is no such queue.",
    "unknown_agent": "There is no such agent.",
    "unknown_department": "There is no such department.",
    "unknown_disposition": "There is no such disposition.",
    "wrong_state": "That is not possible in this state.",
    "contact_over": "The contact is over.",
    "case_over": "The case is over.",
    "escalation_over": "The escalation is over.",
    "no_window": "The channel does not let us write to this customer any more.",
    "agent_signed_out": "The agent is signed out.",
    "agent_busy": "The agent is busy.",
    "no_control": "This switch takes no call control.",
    "not_tracked": "This switch takes no call control.",
}
