"""R-38: several processes on one database are one service: whoever asks any of them, whichever of them dies."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ccc_router.events import journal
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage.database import Database
from tests.acceptance.surroundings import the_catalogue
from tests.support.database import servers
from tests.support.fleet import Client, Fleet, a_fleet
from tests.support.portal_site import Events, bearer
from tests.support.process import Process
from tests.support.waiting import eventually, until

Document = dict[str, Any]
SITE = "/v1/channels/portal/site/contacts"

# Processes cost seconds to start; what they do does not depend on the server's version, and the parts are tested on each.
on_one_server = pytest.mark.parametrize(
    "postgres", [pytest.param(value, id=name) for name, value in list(servers().items())[:1]], indirect=True
)


async def writes(client: httpx.AsyncClient, text: str) -> Document:
    """A visitor sends the portal's form."""
    answer = await client.post(SITE, json={"text": text}, headers={"Idempotency-Key": fresh("k")})
    assert answer.status_code == 201, answer.text
    ticket: Document = answer.json()
    return ticket


async def posts(client: httpx.AsyncClient, path: str, body: Document | None = None, key: str = "") -> httpx.Response:
    """Ask for something under a key."""
    return await client.post(path, json=body, headers={"Idempotency-Key": key or fresh("k")})


@asynccontextmanager
async def following(client: httpx.AsyncClient, ticket: Document) -> AsyncIterator[Events]:
    """A visitor's conversation as it goes on."""
    async with client.stream("GET", f"{SITE}/{ticket['reference']}/stream", headers=bearer(ticket)) as response:
        assert response.status_code == 200
        yield Events(response)


async def polled(first: Process, other: Process) -> None:
    """An agent signs in here and polls there; what the engine decides reaches him there, and his answer counts from anywhere."""
    here, there = first.client(Role.AGENT, "an"), other.client(Role.AGENT, "an")
    assert (await here.put("/v1/agents/me/presence", json={"state": "ready"})).status_code == 200
    tasks = Tasks()
    poll = tasks.start(there.post("/v1/agents/me/work/next?wait=30"), name="poll")
    ticket = await writes(first.anybody(), "Xin chào")
    offer = (await poll).json()
    assert offer["contact_id"] == ticket["contact_id"]

    key = fresh("k")
    taken = await posts(here, f"/v1/offers/{offer['offer_id']}/accept", key=key)
    again = await posts(there, f"/v1/offers/{offer['offer_id']}/accept", key=key)
    assert taken.status_code == again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == taken.content

    async with following(other.anybody(), ticket) as events:
        assert (await events.message())["text"] == "Xin chào"
        said = await posts(here, f"/v1/contacts/{ticket['contact_id']}/messages", {"text": "Chào Anh/Chị."})
        assert said.status_code == 202, said.text
        assert (await events.message())["text"] == "Chào Anh/Chị."
    done = await posts(there, f"/v1/contacts/{ticket['contact_id']}/complete", {"disposition": "answered"})
    assert done.status_code == 200, done.text
    assert (await there.put("/v1/agents/me/presence", json={"state": "signed_out"})).status_code == 200


async def activated_once(database: Database) -> None:
    """Five processes came at once to an empty database, each with a catalogue to give."""
    assert await database.pool.fetchval("SELECT count(*) FROM journal_entry WHERE kind = 'CatalogueActivated'") == 1


async def changed_everywhere(first: Process, other: Process) -> None:
    """A catalogue put in force here is the one there."""
    here, there = first.client(Role.ADMIN, "admin"), other.client(Role.ADMIN, "admin")
    tag = (await here.get("/v1/catalog")).headers["ETag"]
    changed = await here.request("PATCH", "/v1/catalog", json={"topics": []}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text

    async def known() -> bool:
        return (await there.get("/v1/catalog")).headers["ETag"] == changed.headers["ETag"]

    await eventually(known, what="the other process to know the new catalogue")


async def taken_over(fleet: Fleet, database: Database, end: signal.Signals) -> Process:
    """The leader ends, or stops, with an agent waiting and inputs coming; what was acknowledged is decided by the other."""
    leader, (first, other) = await fleet.leader(), fleet.of("serve")
    agent = other.client(Role.AGENT, "binh")
    assert (await agent.put("/v1/agents/me/presence", json={"state": "ready"})).status_code == 200
    tasks = Tasks()
    poll = tasks.start(agent.post("/v1/agents/me/work/next?wait=30"), name="poll")

    async def waits() -> bool:
        return bool(await database.pool.fetchval("SELECT row->>'demand_id' FROM agent WHERE id = 'binh'"))

    await eventually(waits, what="the poll to be open")
    leader.signal(end)
    visitor = first.anybody()
    tickets = [await writes(visitor, f"{end.name} {number}") for number in range(5)]
    await fleet.leader(but=leader)
    offer = (await poll).json()
    assert offer["contact_id"] == tickets[0]["contact_id"]
    mine = f"/v1/contacts/{offer['contact_id']}"
    assert (await posts(agent, f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200
    assert (await posts(agent, f"{mine}/complete", {"disposition": "answered"})).status_code == 200
    assert (await agent.put("/v1/agents/me/presence", json={"state": "signed_out"})).status_code == 200
    ids = [ticket["contact_id"] for ticket in tickets]
    assert await database.pool.fetchval("SELECT count(*) FROM contact WHERE id = ANY ($1)", ids) == len(ids)
    for contact in ids[1:]:
        lead = first.client(Role.SUPERVISOR, "sup")
        closed = await posts(lead, f"/v1/contacts/{contact}/close", {"reason": "seen"})
        assert closed.status_code == 200, closed.text
    return leader


async def said_ready(process: Process) -> Document:
    """What it says of itself to probes."""
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{process.probes}/livez")).status_code == 200
        assert "ccc_loop_lag_seconds" in (await client.get(f"{process.probes}/metrics")).text
        answer = await client.get(f"{process.probes}/readyz")
    assert answer.status_code == 200, answer.text
    checks: Document = answer.json()["checks"]
    return checks


@on_one_server
@pytest.mark.timeout(420)
async def test_r38_two_serve_two_engine_and_a_deliver_are_one_service(empty_dsn: str) -> None:
    """I1, I7, I15: from an empty database, through a kill -9 of the leader and one that is stopped past its lease."""
    catalogue = the_catalogue()
    async with a_fleet(empty_dsn, catalogue, serve=2, engine=2, deliver=1) as fleet:
        database = await Database.open(empty_dsn, name="test")
        try:
            await activated_once(database)
            await polled(*fleet.of("serve"))
            await changed_everywhere(*fleet.of("serve"))
            leader = await fleet.leader()
            for process in fleet.of("engine"):
                checks = await said_ready(process)
                assert checks["process"]["detail"] == "engine"
                assert checks["lease"]["detail"] == ("leading" if process is leader else "standing by")
            assert (await said_ready(fleet.of("deliver")[0]))["process"]["detail"] == "deliver"

            killed = await taken_over(fleet, database, signal.SIGKILL)
            await killed.ended()
            await killed.start()
            zombie = await taken_over(fleet, database, signal.SIGSTOP)
            zombie.signal(signal.SIGCONT)
            await polled(*fleet.of("serve"))
            assert await fleet.leader() is not zombie
            async with database.pool.acquire() as connection:
                assert (await journal.verify(connection, "main")).fault == ""
        finally:
            await database.close()


class Shift:
    """Visitors who write and agents who answer, at some dozens of requests a second, and what they were told."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._clock = SystemClock()
        self._over = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self.clients: list[Client] = []
        self.opened: list[str] = []
        self.completed: list[str] = []

    def begin(self) -> None:
        """Everybody comes."""
        tasks = Tasks()
        self._running = [tasks.start(self.visitor(number), name=f"visitor-{number}") for number in range(6)]
        self._running += [
            tasks.start(self.agent(number, name), name=name) for number, name in enumerate(("an", "binh"))
        ]

    async def end(self) -> None:
        """Everybody is done with what he began. Raises what anybody failed by."""
        self._over.set()
        await asyncio.gather(*self._running)

    def _client(self, number: int, role: Role | None = None, subject: str = "") -> Client:
        client = Client(self._fleet.of("serve"), role, subject, first=number % 2)
        self.clients.append(client)
        return client

    async def visitor(self, number: int) -> None:
        """Sends the form every now and then."""
        client = self._client(number)
        while not await self._clock.wait(self._over, 0.2):
            answer = await client.ask("POST", SITE, {"text": "Xin chào"})
            assert answer.status_code == 201, answer.text
            self.opened.append(answer.json()["contact_id"])

    async def agent(self, number: int, subject: str) -> None:
        """Takes what comes and completes it."""
        client = self._client(number, Role.AGENT, subject)
        assert (await client.ask("PUT", "/v1/agents/me/presence", {"state": "ready"})).status_code == 200
        while not self._over.is_set():
            answer = await client.ask("POST", "/v1/agents/me/work/next?wait=2")
            assert answer.status_code in {200, 204}, answer.text
            if answer.status_code == 204:
                continue
            offer = answer.json()
            taken = await client.ask("POST", f"/v1/offers/{offer['offer_id']}/accept")
            if taken.status_code == 409 and taken.json()["code"] == "offer_over":
                continue  # on a slow machine its time may be over
            assert taken.status_code == 200, taken.text
            done = await client.ask("POST", f"/v1/contacts/{offer['contact_id']}/complete", {"disposition": "answered"})
            assert done.status_code == 200, done.text
            self.completed.append(offer["contact_id"])

    async def goes_on(self, count: int = 6) -> None:
        """Wait for so many more answers of each kind."""
        opened, completed = len(self.opened) + count, len(self.completed) + 1

        def gone_on() -> bool:
            for task in self._running:
                if task.done():
                    task.result()
            return len(self.opened) >= opened and len(self.completed) >= completed

        await until(gone_on, within_s=60, what="the shift to go on")


@on_one_server
@pytest.mark.timeout(420)
async def test_i17_a_rolling_restart_of_every_process_fails_no_request(empty_dsn: str) -> None:
    """R-38: refused by the one that restarts, or told 503 with Retry-After, a client asks the other; nothing else happens to him."""
    more = {"CCC_FORMS_PER_MINUTE": "1000000"}
    async with a_fleet(empty_dsn, the_catalogue(), more=more, serve=2, engine=2, deliver=1) as fleet:
        shift = Shift(fleet)
        shift.begin()
        leader = await fleet.leader()
        standing_by = [one for one in fleet.of("engine") if one is not leader]
        for process in [*fleet.of("serve"), *standing_by, leader, *fleet.of("deliver")]:
            await shift.goes_on()
            assert await process.stop() == 0, process.log.read_text()[-3000:]
            await shift.goes_on()
            await process.start()
        await shift.goes_on()
        await shift.end()
        assert any(one.asked_elsewhere for one in shift.clients), "somebody came to a process that was restarting"

        database = await Database.open(empty_dsn, name="test")
        try:
            await _each_once(database, shift)
        finally:
            await database.close()


async def _each_once(database: Database, shift: Shift) -> None:
    """I1, I2: what was acknowledged is there, once."""
    opened = await database.pool.fetchval("SELECT count(*) FROM journal_entry WHERE kind = 'ContactOpened'")
    assert opened == len(shift.opened) == len(set(shift.opened))
    completed = "SELECT count(*) FROM contact WHERE id = ANY ($1) AND state = 'closed'"
    assert await database.pool.fetchval(completed, shift.completed) == len(shift.completed)
    assert not await database.pool.fetchval("SELECT count(*) FROM parked_input")
