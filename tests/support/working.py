"""Short ways for tests to work as an agent over REST."""

from typing import Any

import httpx

from tests.support.service import Service


async def ready(client: httpx.AsyncClient, state: str = "ready") -> None:
    """Say that I take contacts."""
    answer = await client.put("/v1/agents/me/presence", json={"state": state})
    assert answer.status_code == 200, answer.text


async def next_offer(client: httpx.AsyncClient) -> dict[str, Any]:
    """The next offer for me."""
    answer = await client.post("/v1/agents/me/work/next?wait=10")
    assert answer.status_code == 200, answer.text
    offer: dict[str, Any] = answer.json()
    return offer


async def accept_next(client: httpx.AsyncClient) -> dict[str, Any]:
    """Take the next contact; returns its document."""
    offer = await next_offer(client)
    answer = await client.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()
    return contact


async def a_contact_of(service: Service, client: httpx.AsyncClient, **written: Any) -> dict[str, Any]:
    """A customer wrote and this agent has the contact."""
    await ready(client)
    await service.write(**written)
    return await accept_next(client)
