"""Streams: a snapshot, then numbered changes, over a real socket."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from tests.support.service import Service
from tests.support.sockets import served
from tests.support.waiting import until
from tests.support.working import ready

Event = tuple[str, int, dict[str, Any]]


@pytest.fixture
async def url(service: Service) -> AsyncIterator[str]:
    """Where the service listens."""
    async with served(service.app) as base:
        yield base
        service.room.follower.close()


@asynccontextmanager
async def stream(
    service: Service, url: str, path: str, role: Role, subject: str, last: int | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a stream."""
    headers = {"Authorization": f"Bearer {service.token(role, subject)}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
        client.stream("GET", path) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(_events(answer)) as events:
            yield events


async def _events(answer: httpx.Response) -> AsyncGenerator[Event, None]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            fields["comment"] = line
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], int(fields["id"]), json.loads(fields["data"])
            fields = {}
        else:
            yield "ping", 0, {}
            fields = {}


async def until_part(events: AsyncIterator[Event], part: str) -> Event:
    """The next change that carries this part."""
    async for event in events:
        if event[0] == "changed" and part in event[2]:
            return event
    raise AssertionError(f"the stream ended without {part}")


async def test_an_agent_sees_his_offer_come_and_become_his_contact(
    service: Service, an: httpx.AsyncClient, url: str
) -> None:
    """R-29: what an agent sees is a snapshot and numbered changes; a supervisor ends anything in any state."""
    await ready(an)
    async with stream(service, url, "/v1/agents/me/stream", Role.AGENT, "an") as events:
        name, number, snapshot = await anext(events)
        assert (name, snapshot["position"], snapshot["offer"], snapshot["contacts"]) == ("snapshot", number, None, [])
        assert snapshot["presence"]["state"] == "ready"
        contact_id = await service.write()
        _, first, change = await until_part(events, "offer")
        assert change["offer"]["contact_id"] == contact_id
        assert first > number
        await an.post(f"/v1/offers/{change['offer']['offer_id']}/accept")
        _, second, change = await until_part(events, "contacts")
        assert [one["state"] for one in change["contacts"]] == ["active"]
        assert second > first


async def test_what_concerns_others_is_not_told(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient, url: str
) -> None:
    await ready(an)
    async with stream(service, url, "/v1/agents/me/stream", Role.AGENT, "an") as events:
        await anext(events)
        await ready(binh)
        await an.put("/v1/agents/me/presence", json={"state": "not_ready", "reason": "lunch"})
        _, _, change = await until_part(events, "presence")
        assert change["presence"]["agent"] == "an"


async def test_a_client_that_missed_nothing_gets_no_snapshot(service: Service, an: httpx.AsyncClient, url: str) -> None:
    """R-29, I13: numbers are journal positions; who comes back with an older one gets everything anew."""
    await ready(an)
    path = "/v1/agents/me/stream"
    async with stream(service, url, path, Role.AGENT, "an") as events:
        _, number, _ = await anext(events)
    async with stream(service, url, path, Role.AGENT, "an", last=number) as events:
        assert (await anext(events))[0] == "ping"
    async with stream(service, url, path, Role.AGENT, "an", last=number - 1) as events:
        assert (await anext(events))[0] == "snapshot"


async def test_a_supervisor_sees_queues_and_agents_change(service: Service, an: httpx.AsyncClient, url: str) -> None:
    async with stream(service, url, "/v1/supervisors/stream", Role.SUPERVISOR, "mai") as events:
        _, _, snapshot = await anext(events)
        assert {"queue:general", "queue:cards"} <= snapshot.keys()
        await service.write()
        _, _, change = await until_part(events, "queue:general")
        assert change["queue:general"]["waiting"] == 1
        assert "queue:cards" not in change
        await ready(an)
        _, _, change = await until_part(events, "agent:an")
        assert change["agent:an"]["state"] == "ready"
        lead = service.client(Role.SUPERVISOR, "mai")
        body = {"mode": "on", "duration_s": 600, "reason": "outage", "announcement": "vssid_down"}
        await lead.post("/v1/queues/cards/surge", json=body)
        _, _, change = await until_part(events, "queue:cards")
        assert change["queue:cards"]["surge"]["announcement"] == "vssid_down"


async def test_a_sixth_stream_of_one_caller_is_429(service: Service, url: str) -> None:
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {service.token(Role.AGENT, 'an')}"}
    ) as client:
        open_streams = [client.stream("GET", "/v1/agents/me/stream") for _ in range(5)]
        for one in open_streams:
            assert (await one.__aenter__()).status_code == 200
        answer = await client.get("/v1/agents/me/stream")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
        assert "retry-after" in answer.headers
        for one in open_streams:
            await one.__aexit__(None, None, None)
        await until(lambda: service.room.follower.listeners == 0, what="the places to be given back")


async def test_a_client_that_left_before_its_stream_began_takes_no_place(
    service: Service, an: httpx.AsyncClient
) -> None:
    async def parts() -> dict[str, object]:
        return {}

    for _ in range(9):  # each would keep one of the five places for good
        await service.room.follower.stream("agent:an", 0, parts, lambda _touched, _shown: True)
    assert service.room.follower.listeners == 0


async def test_streams_and_polls_end_when_the_service_stops(service: Service, an: httpx.AsyncClient, url: str) -> None:
    """I17: nobody's open request holds up the end."""
    await ready(an)
    poll = service.start(an.post("/v1/agents/me/work/next?wait=60"))
    await until(lambda: service.room.waiters.open == 1, what="the poll to wait")
    async with stream(service, url, "/v1/agents/me/stream", Role.AGENT, "an") as events:
        await anext(events)
        service.room.follower.close()
        service.room.waiters.close()
        assert [event async for event in events if event[0] != "ping"] == []
    assert (await poll).status_code == 204


async def test_a_client_that_left_is_offered_nothing(service: Service, an: httpx.AsyncClient, url: str) -> None:
    """An on-demand agent whose poll was cut gets no offer that nobody would see."""
    await ready(an, "on_demand")
    async with httpx.AsyncClient(base_url=url, headers=an.headers) as client:
        poll = service.start(client.post("/v1/agents/me/work/next?wait=60"))
        await until(lambda: service.room.waiters.open == 1, what="the poll to wait")
        poll.cancel()
    await until(lambda: service.room.waiters.open == 0, what="the cut poll to be noticed")
    agent = await service.room.staff.agent("an")
    assert agent is not None
    assert agent.demand_id == ""
