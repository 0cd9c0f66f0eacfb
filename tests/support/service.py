"""The whole service in this process on a test's database: inbox, engine, desk, and the app behind an HTTP client.

async with a_service(database) as service:
    an = service.client(Role.AGENT, "an")
    await an.put("/v1/agents/me/presence", json={"state": "ready"})
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import msgspec
from fastapi import APIRouter, FastAPI

from ccc_router.agents.routers import ROUTERS
from ccc_router.agents.services import AgentsRoom
from ccc_router.agents.store.cases import Cases
from ccc_router.agents.store.contacts import Contacts
from ccc_router.agents.store.counts import Counts
from ccc_router.agents.store.messages import Messages
from ccc_router.agents.store.recent import Recent
from ccc_router.agents.store.records import Records
from ccc_router.agents.store.staff import Staff
from ccc_router.agents.waiting.follower import Follower
from ccc_router.agents.waiting.waiters import Waiters
from ccc_router.bootstrap.bounding import LastBounds
from ccc_router.bootstrap.whatif import LastDay
from ccc_router.events.facts import Handle, MessageReceived, Private
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.ids import derive, fresh
from ccc_router.kernel.tasks import Loop, Supervisor, Tasks
from ccc_router.queues.waits.waits import Waits
from ccc_router.rest.kept import KeptAnswers
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Database
from ccc_router.web.app import create_app
from ccc_router.web.auth import Authenticator
from ccc_router.web.health import Check
from ccc_router.web.middleware import MEBIBYTE, BodyLimits
from ccc_router.web.services import Services
from ccc_router.web.tokens import Tokens
from tests.support.spine import Spine, running

SIGNING_KEY = "a key for tests that is long enough"


class _Ready:
    async def check(self) -> Mapping[str, Check]:
        """The spine of a test is always ready."""
        return {"spine": Check(ok=True)}


class Service:
    """A running service and short ways to use it."""

    def __init__(
        self, spine: Spine, *, routers: tuple[APIRouter, ...], state: Mapping[str, object], stream_s: float
    ) -> None:
        self.spine = spine
        self.tokens = Tokens([SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=spine.clock)
        self.heard: list[str] = []
        self.room = agents_room(spine, stream_s)
        self.app: FastAPI = create_app(
            Services(
                clock=spine.clock,
                identify=Authenticator(self.tokens, None, self._hear),
                replays=KeptAnswers(spine.database, spine.pool),
                readiness=_Ready(),
                routers=(*ROUTERS, *routers),
                state={"agents": self.room, **state},
                limits=BodyLimits(by_prefix=[("/v1/attachments", 11 * MEBIBYTE)]),
            )
        )
        self.clients = AsyncExitStack()
        self.tasks = Tasks()

    async def _hear(self, agent_id: str) -> None:
        self.heard.append(agent_id)

    def token(self, role: Role, subject: str) -> str:
        """A bearer token."""
        return self.tokens.issue(role, subject)

    def client(self, role: Role | None = None, subject: str = "") -> httpx.AsyncClient:
        """A client that brings the role's token; without a role it brings none. Closed with the service."""
        headers = {} if role is None else {"Authorization": f"Bearer {self.token(role, subject)}"}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers, timeout=30)
        self.clients.push_async_callback(client.aclose)
        return client

    def start(self, request: Coroutine[Any, Any, httpx.Response]) -> asyncio.Task[httpx.Response]:
        """Let a request run while the test goes on."""
        return self.tasks.start(request, name="request")

    async def write(self, text: str = "Xin hỏi về thẻ BHYT", *, sender: str = "", **changes: Any) -> str:
        """A customer writes through the portal; returns the contact's id if it is a new one. The same ``sender`` goes on talking."""
        key = fresh("k")
        contact_id = derive("ct", "portal", key)
        sender = sender or fresh("p")
        refs = (f"conversation:portal:{sender}",)
        handle = Handle("portal_account", sender, verified=True)
        private = Private(
            handles=(handle,),
            name="Nguyễn Văn Ân",
            subject="Thẻ BHYT",
            text=text,
            address="portal",
            refs=refs,
            own_refs=refs,
        )
        fact = MessageReceived(
            channel=Channel.PORTAL,
            endpoint="portal",
            message_id=derive("ms", "portal", key),
            contact_id=contact_id,
            case_id=derive("cs", "portal", key),
            private=private,
        )
        fact = msgspec.structs.replace(fact, **changes)
        await self.spine.tell(fact, key)
        return contact_id


def agents_room(spine: Spine, stream_s: float) -> AgentsRoom:
    """The agents' room over a test's spine."""
    database, pool = spine.database, spine.pool
    contacts, staff, records = Contacts(database, pool), Staff(database, pool), Records(database, pool)
    return AgentsRoom(
        clock=spine.clock,
        pool=pool,
        desk=spine.desk,
        inbox=spine.inbox,
        current=spine.current,
        contacts=contacts,
        cases=Cases(database, pool),
        messages=Messages(database, pool),
        records=records,
        staff=staff,
        waiters=Waiters(contacts, staff, spine.clock),
        counts=Counts(database, pool, spine.clock, rests=0),
        boards=Recent(spine.clock, rests=0),
        trial=LastDay(database, pool),
        waits=Waits(database, pool, spine.current, spine.clock),
        bounds=LastBounds(database, pool, spine.current, spine.clock),
        follower=Follower(records, spine.clock, stream_s=stream_s),
    )


def _waking(loop: Loop) -> Callable[[int], None]:
    return lambda _position: loop.wake()


@asynccontextmanager
async def a_service(
    database: Database,
    catalogue: Catalogue | None = None,
    *,
    routers: tuple[APIRouter, ...] = (),
    state: Mapping[str, object] | Callable[[Spine], Awaitable[Mapping[str, object]]] | None = None,
    stream_s: float = 60.0,
    pool: str = "main",
) -> AsyncIterator[Service]:
    """Run the service until the context is left. ``routers`` and ``state`` add other rooms (made from the spine if callable)."""
    async with running(database, pool, catalogue) as spine:
        given = await state(spine) if callable(state) else state or {}
        service = Service(spine, routers=routers, state=given, stream_s=stream_s)
        supervisor = Supervisor(spine.clock)
        assert isinstance(service.room.bounds, LastBounds)
        supervisor.add(service.room.bounds.loop)
        for loop in (service.room.waiters.loop, service.room.follower.loop, service.room.waits.loop):
            supervisor.add(loop)
            spine.observers.committed.append(_waking(loop))
        try:
            yield service
        finally:
            service.room.waiters.close()
            service.room.follower.close()
            await service.tasks.close(2)
            await service.clients.aclose()
            await supervisor.stop(2)
