"""The whole way of the messaging channels in one process: webhooks and portal in, engine, replies out to a fake Graph server."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from ccc_router.channels.fanpage.graph import a_client
from ccc_router.channels.fanpage.parts import PostgresParts
from ccc_router.channels.fanpage.sender import FanpageSender
from ccc_router.channels.http import Webhooks, webhook_router
from ccc_router.channels.intake import Intake
from ccc_router.channels.keeping import PostgresBlobs
from ccc_router.channels.outgoing import Automatic, PostgresOutbox
from ccc_router.channels.portal.http import PortalLimits, PortalRoutes, portal_router
from ccc_router.channels.portal.reading import Conversations
from ccc_router.channels.portal.sender import PortalSender
from ccc_router.channels.portal.service import Portal
from ccc_router.channels.portal.stream import Streams
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.channels.replies import Replies
from ccc_router.events.commands import AcceptOffer, SendMessage
from ccc_router.events.facts import Private
from ccc_router.events.vocabulary import Channel, ContactState, DeliveryKind, Role, Visibility
from ccc_router.kernel.errors import CccError
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.signing import hex_digest
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.deliveries.port import Sender
from ccc_router.queues.waits.waits import Waits
from ccc_router.rest.problems import problem_of
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database
from ccc_router.workers.deliver import Deliver, Way
from ccc_router.workers.schedules import CUSTOMERS
from tests.support.builders import a_catalogue
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KnownSecrets
from tests.support.fake_graph import APP_SECRET, PAGE_ID, TOKEN, FakeGraph
from tests.support.spine import Spine, running
from tests.support.waiting import eventually, until

SECRETS = {"page-1": (APP_SECRET,), "page-1.token": (TOKEN,), "page-1.verify": ("verify me",)}


class Reception:
    """A spine with its messaging channels; ``an`` is the agent."""

    def __init__(self, spine: Spine, graph: FakeGraph, client: httpx.AsyncClient) -> None:
        self.spine = spine
        self.graph = graph
        database, clock = spine.database, spine.clock
        secrets, blobs = KnownSecrets(SECRETS), PostgresBlobs(database)
        self.tickets = Tickets(database, spine.pool)
        conversations = Conversations(database, spine.pool, Waits(database, spine.pool, spine.current, spine.clock).of)
        self.streams = Streams(conversations, clock)
        hear = self.streams.hear
        portal = Portal(spine.inbox, self.tickets, conversations, secrets, clock, hear, spine.desk)
        outbox = PostgresOutbox(database)
        senders: dict[Channel, Sender] = {
            Channel.FANPAGE: FanpageSender(client, outbox, PostgresParts(database), secrets, spine.current, clock),
            Channel.PORTAL: PortalSender(outbox, self.tickets, hear),
        }
        replies = Replies(spine.current, senders)
        ways = {
            DeliveryKind.REPLY: Way(replies, CUSTOMERS, interval_s=0.02),
            DeliveryKind.ACKNOWLEDGEMENT: Way(
                Automatic(database, spine.current, clock, replies), CUSTOMERS, interval_s=0.02
            ),
        }
        self.deliver = Deliver(database, "main", clock, ways, reported=lambda _pool: spine.loop.wake())
        intake = Intake(spine.inbox, blobs, secrets, spine.current, clock)
        self.app = FastAPI()
        self.app.include_router(webhook_router(Webhooks(intake, secrets, spine.current, clock)), prefix="/v1")
        routes = PortalRoutes(portal, self.streams, spine.current, clock, PortalLimits())
        self.app.include_router(portal_router(routes), prefix="/v1")
        for error in (CccError, RequestValidationError):
            self.app.add_exception_handler(error, _problem)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://ccc.test/v1/channels")

    async def tell(self, body: bytes) -> dict[str, int]:
        """A delivery of the page, signed."""
        headers = {"X-Hub-Signature-256": "sha256=" + hex_digest(APP_SECRET.encode(), body)}
        answer = await self.http.post("/fanpage/page-1/webhook", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        receipt: dict[str, int] = answer.json()
        return receipt

    async def contacts(self, count: int = 1) -> list[Contact]:
        """Wait until there are so many open contacts."""
        await until(lambda: len(self.spine.state.contacts) == count, what=f"{count} contacts")
        return list(self.spine.state.contacts.values())

    async def accepted(self, contact: Contact) -> None:
        """Let the agent take the contact."""
        await self.spine.ready("an")
        await until(lambda: self.spine.state.contacts[contact.id].offer_id != "", what="the offer")
        offer_id = self.spine.state.contacts[contact.id].offer_id
        outcome = await self.spine.ask(AcceptOffer(actor="an", actor_role=Role.AGENT, offer_id=offer_id))
        assert outcome.status == 200
        assert self.spine.state.contacts[contact.id].state is ContactState.ACTIVE

    async def answer(self, contact: Contact, words: str, visibility: Visibility = Visibility.PRIVATE) -> str:
        """The agent writes; the message's id."""
        message_id = fresh("ms")
        command = SendMessage(
            actor="an",
            actor_role=Role.AGENT,
            contact_id=contact.id,
            message_id=message_id,
            visibility=visibility,
            private=Private(text=words),
        )
        outcome = await self.spine.ask(command)
        assert outcome.status == 200, outcome
        for loop in self.deliver.loops.values():
            loop.wake()
        return message_id

    async def delivered(self, message_id: str, state: str) -> None:
        """Wait until the message and its delivery are in this state."""

        async def there() -> bool:
            row = await self.spine.database.pool.fetchrow(
                """SELECT m.delivery_state, d.state FROM message m JOIN delivery d ON d.id = m.delivery_id
                   WHERE m.id = $1""",
                message_id,
            )
            return row is not None and tuple(row) == (state, state)

        await eventually(there, what=f"{message_id} {state}")


@contextlib.asynccontextmanager
async def receiving(
    database: Database, graph: FakeGraph, *, timeout_s: float = 5.0, tells: bool = False
) -> AsyncIterator[Reception]:
    """A reception that runs. ``timeout_s``: how long a call to the Graph server may take; ``tells``: who waits is told so."""
    page = an_endpoint("fanpage", "page-1", page_id=PAGE_ID, base_url=graph.base_url)
    portal = an_endpoint("portal", "portal", rate="off")
    catalogue = a_catalogue()
    others = tuple(one for one in catalogue.endpoints if one.channel in {"phone", "email"})
    queues = tuple(
        msgspec.structs.replace(one, tell_wait={"default": "once" if tells else "off"}) for one in catalogue.queues
    )
    catalogue = msgspec.structs.replace(catalogue, endpoints=(*others, page, portal), queues=queues)
    async with running(database, catalogue=catalogue) as spine, a_client() as client:
        client.timeout = httpx.Timeout(timeout_s)
        reception = Reception(spine, graph, client)
        supervisor = Supervisor(spine.clock)
        for loop in reception.deliver.loops.values():
            supervisor.add(loop)
        try:
            async with reception.http:
                yield reception
        finally:
            reception.streams.close()
            await reception.deliver.close(drain_s=0)
            await supervisor.stop(1)


async def _problem(_request: Request, error: Exception) -> Response:
    return problem_of(error)
