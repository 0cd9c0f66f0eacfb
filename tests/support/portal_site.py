"""The portal over a real database, and a stand-in for the engine that writes what it was sent into the message rows."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from ccc_router.channels.outgoing import PostgresOutbox
from ccc_router.channels.portal.http import PortalLimits, PortalRoutes, portal_router
from ccc_router.channels.portal.reading import Conversations
from ccc_router.channels.portal.sender import PortalSender
from ccc_router.channels.portal.service import Portal
from ccc_router.channels.portal.stream import Streams
from ccc_router.channels.portal.tickets import Tickets
from ccc_router.events.codec import canonical, decode_body
from ccc_router.events.facts import Attachment, MessageReceived
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.vocabulary import Channel, ContactState, DeliveryKind
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import CccError
from ccc_router.kernel.ids import derive
from ccc_router.queues.asking import Desk
from ccc_router.queues.deliveries.port import Attempted, Delivery
from ccc_router.queues.waits.estimate import Expected
from ccc_router.rest.problems import problem_of
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KnownEndpoints, KnownSecrets
from tests.support.waiting import until

POOL = "main"
SECRETS = {"guarded.proof": ("a key for challenges", "an older key")}


class PortalSite:
    """One portal, open; ``guarded`` asks for proof of work, ``portal`` does not."""

    def __init__(self, database: Database, limits: PortalLimits | None = None) -> None:
        self.database = database
        self.clock = SystemClock()
        self.expected = Expected(1, 0.0, (5_000, 12_000, 31_000))
        self.inbox = PostgresInbox(database, POOL, self.clock, wake=lambda: None)
        self.tickets = Tickets(database, POOL)
        self.conversations = Conversations(database, POOL, self.expect)
        self.streams = Streams(self.conversations, self.clock)
        self.portal = Portal(
            self.inbox,
            self.tickets,
            self.conversations,
            KnownSecrets(SECRETS),
            self.clock,
            self.streams.hear,
            Desk(self.inbox, database, POOL, self.clock, patience_s=0.1),
        )
        self.sender = PortalSender(PostgresOutbox(database), self.tickets, self.streams.hear)
        directory = KnownEndpoints(
            an_endpoint("portal", "portal", rate="off"),
            an_endpoint("portal", "guarded", rate="off", proof="on", proof_number="50"),
            an_endpoint("portal", "counted"),
            an_endpoint("fanpage", "page-1"),
        )
        routes = PortalRoutes(self.portal, self.streams, directory, self.clock, limits or PortalLimits())
        self.app = FastAPI()
        self.app.include_router(portal_router(routes), prefix="/v1")
        for error in (CccError, RequestValidationError):
            self.app.add_exception_handler(error, _problem)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://portal.test/v1/channels/portal"
        )
        self._position = 0

    async def expect(self, contact: Contact) -> Expected:
        """What the site says of whoever waits; a test may set it."""
        return self.expected

    async def open(
        self, text: str = "Tôi chưa nhận được thẻ.", endpoint: str = "portal", **fields: Any
    ) -> dict[str, str]:
        """Send the form; the ticket."""
        answer = await self.http.post(f"/{endpoint}/contacts", json={"text": text, **fields})
        assert answer.status_code == 201, answer.text
        ticket: dict[str, str] = answer.json()
        return ticket

    async def inputs(self) -> list[MessageReceived]:
        """What lies in the inbox, in order."""
        rows = await self.database.pool.fetch("SELECT body FROM inbox ORDER BY id")
        facts = [decode_body(row["body"]) for row in rows]
        assert all(isinstance(fact, MessageReceived) for fact in facts)
        return [fact for fact in facts if isinstance(fact, MessageReceived)]

    async def process(self) -> None:
        """Do of the engine what the portal sees: write each new message's row, the contact's and the case's."""
        for fact in await self.inputs():
            private = fact.private
            assert private is not None
            known = await self.database.pool.fetchval(
                "SELECT contact_id FROM portal_ticket WHERE reference = $1", private.address[7:]
            )
            await self._contact(known, fact)
            await self.write(fact.message_id, known, private.text, "inbound", private.attachments)
        await self.database.pool.execute("DELETE FROM inbox")

    async def _contact(self, contact_id: str, fact: MessageReceived) -> None:
        assert fact.private is not None
        row = Contact(contact_id, fact.case_id, "", Channel.PORTAL, fact.endpoint, "q", ContactState.QUEUED, 0, 0)
        await self.database.pool.execute(
            """INSERT INTO contact_address (pool, contact_id, endpoint, address, name, subject, handle_kind, handle_value)
               VALUES ($1, $2, $3, $4, '', '', '', '') ON CONFLICT DO NOTHING""",
            POOL, contact_id, fact.endpoint, fact.private.address,
        )  # fmt: skip
        await self.database.pool.execute(
            """INSERT INTO customer_case (pool, id, customer_id, state, reference, topic, kind, province, knows, opened_at, due,
                                          live, row)
               VALUES ($1, $2, '', 'open', '', '', '', '', '', 0, 0, true, '{}') ON CONFLICT DO NOTHING""",
            POOL, fact.case_id,
        )  # fmt: skip
        await self.database.pool.execute(
            """INSERT INTO contact (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id,
                                    attention, arrived_at, answered_at, since, due, open, live, row)
               VALUES ($1, $2, $3, '', 'portal', $4, 'q', 'queued', '', '', '', 0, 0, 0, 1, true, true, $5::text::json)
               ON CONFLICT DO NOTHING""",
            POOL, contact_id, fact.case_id, fact.endpoint, canonical(row).decode(),
        )  # fmt: skip

    async def write(
        self, message_id: str, contact_id: str, text: str, direction: str, files: tuple[Attachment, ...] = (),
        visibility: str = "private",
    ) -> None:  # fmt: skip
        """A message row as the engine writes it."""
        self._position += 1
        await self.database.pool.execute(
            """INSERT INTO message (pool, id, contact_id, case_id, number, direction, visibility, author, form, text, at,
                                    position, attachments)
               VALUES ($1, $2, $3, '', $4::int, $5, $6, '', 'message', $7, 1795336000000, $4::int, $8::jsonb) ON CONFLICT DO NOTHING""",
            POOL, message_id, contact_id, self._position, direction, visibility, text, msgspec.json.encode(files).decode(),
        )  # fmt: skip

    async def reply(self, ticket: dict[str, str], text: str, files: tuple[Attachment, ...] = ()) -> Attempted:
        """An agent's answer, written and sent."""
        message_id = derive("ms", "reply", text)
        await self.write(message_id, ticket["contact_id"], text, "outbound", files)
        delivery = Delivery(
            pool=POOL, id=derive("dl", text), kind=DeliveryKind.REPLY, lane=f"reply:{ticket['contact_id']}", target="portal",
            contact_id=ticket["contact_id"], message_id=message_id,
        )  # fmt: skip
        return await self.sender.send(delivery)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[httpx.AsyncClient]:
        """The same app on a socket, for streams; a client for it."""
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve())
        await until(lambda: server.started, what="the portal listens")
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/channels/portal", timeout=20) as client:
                yield client
        finally:
            self.streams.close()
            server.should_exit = True
            await running


def bearer(ticket: dict[str, str], **headers: str) -> dict[str, str]:
    """The headers of who holds the ticket."""
    return {"Authorization": f"Bearer {ticket['token']}", **headers}


class Events:
    """An open stream, read event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event: its name, id and data. Comments and retry hints are passed over."""
        event: dict[str, Any] = {}
        async for line in self._lines:
            if not line and "event" in event:
                return event
            name, _, value = line.partition(": ")
            if name == "data":
                event["data"] = json.loads(value)
            elif name in {"event", "id"}:
                event[name] = value
        raise AssertionError("the stream ended")

    async def message(self) -> dict[str, Any]:
        """The next message; states are passed over."""
        while True:
            event = await self.next()
            if event["event"] == "message":
                assert event["id"] == str(event["data"]["number"])
                data: dict[str, Any] = event["data"]
                return data


@contextlib.asynccontextmanager
async def stream(client: httpx.AsyncClient, ticket: dict[str, str], after: str | None = None) -> AsyncIterator[Events]:
    """Follow a ticket's conversation."""
    headers = bearer(ticket) | ({"Last-Event-ID": after} if after is not None else {})
    async with client.stream("GET", f"/portal/contacts/{ticket['reference']}/stream", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response)


async def _problem(_request: Request, error: Exception) -> Response:
    return problem_of(error)
