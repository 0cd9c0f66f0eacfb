"""R-38: parts that live in different processes are one service: in whatever order they start, and by hints alone."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccc_router.bootstrap.spine import Spine, Stopped
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage.database import Database
from ccc_router.web.tokens import Tokens
from tests.integration.processes.conftest import Started
from tests.support.portal_site import Events, bearer
from tests.support.process import SIGNING_KEY
from tests.support.waiting import until

SITE = "/v1/channels/portal/site/contacts"
NEVER_S = 3600.0


def url(spine: Spine) -> str:
    """Where a ``serve`` is reached."""
    return f"http://127.0.0.1:{spine.settings.port}"


def client(spine: Spine, role: Role, subject: str) -> httpx.AsyncClient:
    """A client of a ``serve``."""
    tokens = Tokens([SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=SystemClock())
    return httpx.AsyncClient(
        base_url=url(spine), timeout=30, headers={"Authorization": f"Bearer {tokens.issue(role, subject)}"}
    )


async def activations(database: Database) -> int:
    """How often a catalogue was put in force."""
    found = await database.pool.fetchval("SELECT count(*) FROM journal_entry WHERE kind = 'CatalogueActivated'")
    return int(found)


async def test_who_starts_before_the_engine_waits_for_it_and_the_first_catalogue_is_given_once(
    started: Started, catalogue_file: Path, database: Database
) -> None:
    async with AsyncExitStack() as stack:
        tasks = Tasks()
        early: list[Spine] = []
        serves = [
            tasks.start(stack.enter_async_context(started("serve", catalogue_file, early.append)), name=f"serve-{n}")
            for n in range(2)
        ]
        await until(lambda: len(early) == 2, what="both to have begun")
        async with httpx.AsyncClient() as somebody:
            with pytest.raises(
                httpx.ConnectError
            ):  # a vendor told 404 for an endpoint nobody knows yet would not come again
                await somebody.get(f"{url(early[0])}/livez")
        engine = await stack.enter_async_context(started("engine", catalogue_file))
        for serve in await asyncio.gather(*serves):
            assert serve.current.version == engine.current.version > 0
        assert await activations(database) == 1


async def test_who_has_no_catalogue_to_give_waits_until_another_has(
    started: Started, catalogue_file: Path, database: Database
) -> None:
    """The demo catalogue is for who runs alone: a centre whose file is set for one process only must not get it."""
    async with AsyncExitStack() as stack:
        began: list[Spine] = []
        starting = Tasks().start(stack.enter_async_context(started("deliver", None, began.append)), name="deliver")
        await until(lambda: bool(began), what="it to have begun")
        await stack.enter_async_context(started("engine", catalogue_file))
        assert (await starting).current.version > 0
        assert await activations(database) == 1


async def test_i17_who_is_asked_to_end_before_he_began_ends(started: Started) -> None:
    async def lives() -> None:
        async with started("deliver", None, lambda spine: spine.stop.set()):
            raise AssertionError("it began without a catalogue")

    with pytest.raises(Stopped):
        await lives()


def by_hints_alone(*spines: Spine) -> None:
    """From now on nobody looks by himself."""
    for spine in spines:
        for loop in spine.supervisor.loops:
            if loop.name not in {"wakeups", "notify"}:
                loop.interval_s = NEVER_S
                loop.wake()


async def test_hints_carry_everything_from_process_to_process(
    started: Started, catalogue_file: Path, database: Database
) -> None:
    """Nothing waits for the next look: commands, outcomes, offers, the journal, deliveries and catalogues are told of."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(started("engine", catalogue_file))
        first = await stack.enter_async_context(started("serve"))
        other = await stack.enter_async_context(started("serve"))
        deliver = await stack.enter_async_context(started("deliver"))
        by_hints_alone(engine, first, other, deliver)
        here = await stack.enter_async_context(client(first, Role.AGENT, "an"))
        there = await stack.enter_async_context(client(other, Role.AGENT, "an"))
        admin = await stack.enter_async_context(client(first, Role.ADMIN, "admin"))

        assert (await here.put("/v1/agents/me/presence", json={"state": "ready"})).status_code == 200
        async with there.stream("GET", "/v1/agents/me/stream") as watched:
            mine = Events(watched)
            assert (await mine.next())["event"] == "snapshot"
            tasks = Tasks()
            poll = tasks.start(there.post("/v1/agents/me/work/next?wait=60"), name="poll")
            ticket = (await here.post(SITE, json={"text": "Xin chào"})).json()
            offer = (await poll).json()
            assert offer["contact_id"] == ticket["contact_id"]
            assert (await mine.next())["event"] == "changed"
        assert (await here.post(f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200

        path = f"/v1/contacts/{ticket['contact_id']}/messages"
        async with there.stream("GET", f"{SITE}/{ticket['reference']}/stream", headers=bearer(ticket)) as followed:
            events = Events(followed)
            assert (await events.message())["text"] == "Xin chào"
            assert (await here.post(path, json={"text": "Chào Anh/Chị."})).status_code == 202
            assert (await events.message())["text"] == "Chào Anh/Chị."

        tag = (await admin.get("/v1/catalog")).headers["ETag"]
        changed: dict[str, Any] = {"headers": {"If-Match": tag}, "json": {"topics": []}}
        assert (await admin.request("PATCH", "/v1/catalog", **changed)).status_code == 200
        wanted = first.current.version
        await until(lambda: {engine.current.version, other.current.version, deliver.current.version} == {wanted})
