"""A dry run of a catalogue says what it would have done with the last day's arrivals, and changes nothing."""

from typing import Any

import httpx

from tests.support.service import Service
from tests.support.working import a_contact_of


async def _tried(lead: httpx.AsyncClient, patch: dict[str, object]) -> dict[str, Any] | None:
    etag = (await lead.get("/v1/catalog")).headers["etag"]
    answer = await lead.request(
        "PATCH", "/v1/catalog", params={"dry_run": True}, json=patch, headers={"If-Match": etag}
    )
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["activated"] is False
    assert (await lead.get("/v1/catalog")).headers["etag"] == etag
    found: dict[str, Any] | None = document["simulated"]
    return found


async def test_a_day_on_which_nobody_came_says_nothing(lead: httpx.AsyncClient) -> None:
    assert await _tried(lead, {"rules": {"connect_s": 25}}) is None


async def _three_came(service: Service, an: httpx.AsyncClient) -> None:
    """Three customers, one after the other, each answered and completed."""
    for _ in range(3):
        contact = await a_contact_of(service, an)
        done = await an.post(f"/v1/contacts/{contact['contact_id']}/complete", json={"disposition": "answered"})
        assert done.status_code == 200, done.text


async def test_a_catalogue_that_decides_alike_differs_by_nothing(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    await _three_came(service, an)
    same = await _tried(lead, {"rules": {"connect_s": 25}})
    assert same is not None
    assert same["contacts"] == 3
    assert {one["difference"] for one in same["measures"].values()} == {0.0}
    assert same["measures"]["occupancy"]["before"] > 0.0


async def test_a_catalogue_without_those_who_worked_answers_nobody(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    await _three_came(service, an)
    agents = (await lead.get("/v1/catalog")).json()["agents"]
    others = [one | {"id": f"new-{one['id']}", "phone": f"new-{one['phone']}"} for one in agents]
    strangers = await _tried(lead, {"agents": others})
    assert strangers is not None
    occupancy = strangers["measures"]["occupancy"]
    assert occupancy["before"] > 0.0 == occupancy["after"]
    assert occupancy["difference"] < 0.0
