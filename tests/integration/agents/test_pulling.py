"""Presence, pulling, accepting: the way of a contact to an agent over REST."""

from datetime import timedelta

import httpx

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import from_ms, parse_utc
from tests.support.service import Service
from tests.support.waiting import eventually
from tests.support.working import ready


async def fetched(service: Service, offer_id: str) -> bool:
    offer = await service.room.contacts.offer(offer_id)
    return offer is not None and offer.fetched


async def test_a_message_becomes_an_offer_is_accepted_answered_and_completed(
    service: Service, an: httpx.AsyncClient
) -> None:
    await ready(an)
    contact_id = await service.write()
    answer = await an.post("/v1/agents/me/work/next?wait=5")
    assert answer.status_code == 200
    offer = answer.json()
    assert offer["contact_id"] == contact_id
    assert (offer["channel"], offer["direction"], offer["reason"], offer["attempt"]) == ("portal", "inbound", "new", 1)
    assert offer["customer"]["name"] == "Nguyễn Văn Ân"
    assert "•••" in offer["customer"]["handle"]["value"]
    assert offer["subject"] == "Thẻ BHYT"
    assert offer["open_messages"] == 1
    assert 0 < offer["ttl_ms"] <= 30_000
    left = parse_utc(offer["expires_at"]) - service.spine.clock.now()
    assert timedelta(milliseconds=offer["ttl_ms"] - 10_000) < left <= timedelta(milliseconds=offer["ttl_ms"])
    written = await service.room.contacts.contact(contact_id)
    assert written is not None
    assert parse_utc(offer["target_at"]) == from_ms(written.arrived_at + 20_000), "the queue's service level"
    assert offer["why"]["vi"]
    await eventually(lambda: fetched(service, offer["offer_id"]), what="the offer to be marked fetched")

    accepted = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert accepted.status_code == 200
    assert accepted.json()["state"] == "active"
    again = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert again.status_code == 200, "accepting again is accepting"
    assert (await an.get("/v1/agents/me/presence")).json()["doing"] == "busy"

    sent = await an.post(
        f"/v1/contacts/{contact_id}/messages", json={"text": "Chào anh, em kiểm tra ngay.", "seen_up_to": 1}
    )
    assert sent.status_code == 202
    assert sent.json()["delivery"] == "owed"
    timeline = (await an.get(f"/v1/contacts/{contact_id}/timeline")).json()["items"]
    said = [(item["direction"], item["text"]) for item in timeline if item["kind"] == "message"]
    assert said == [("inbound", "Xin hỏi về thẻ BHYT"), ("outbound", "Chào anh, em kiểm tra ngay.")]
    events = [item["event"] for item in timeline if item["kind"] == "event"]
    assert events[:2] == ["ContactOpened", "ContactQueued"]
    assert "OfferMade" in events

    why = (await an.get(f"/v1/contacts/{contact_id}/why")).json()
    assert (why["agent"], why["eligible"], why["offer_id"]) == ("an", 1, offer["offer_id"])
    assert why["won"]

    done = await an.post(f"/v1/contacts/{contact_id}/complete", json={"disposition": "answered"})
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "closed"
    assert (await an.get("/v1/agents/me/work")).json()["contacts"] == []
    assert (await an.get(f"/v1/contacts/{contact_id}")).status_code == 200, "what he handled he may read"


async def test_an_open_request_is_answered_the_moment_a_contact_comes(service: Service, an: httpx.AsyncClient) -> None:
    """R-3: events drive, no sweep: from the event to the offer in milliseconds."""
    await ready(an, "on_demand")
    open_request = service.start(an.post("/v1/agents/me/work/next?wait=20"))

    async def demanded() -> bool:
        agent = await service.room.staff.agent("an")
        return agent is not None and bool(agent.demand_id)

    await eventually(demanded, what="the demand to be open")
    contact_id = await service.write()
    answer = await open_request
    assert answer.status_code == 200
    assert answer.json()["contact_id"] == contact_id


async def test_a_cut_poll_loses_nothing(service: Service, an: httpx.AsyncClient) -> None:
    """The agent's own pending offer comes first, with a repeated key and without one."""
    await ready(an)
    await service.write()
    first = (await an.post("/v1/agents/me/work/next?wait=5", headers={"Idempotency-Key": "k"})).json()
    again = (await an.post("/v1/agents/me/work/next?wait=5", headers={"Idempotency-Key": "k"})).json()
    looked = (await an.post("/v1/agents/me/work/next?wait=0")).json()
    assert first["offer_id"] == again["offer_id"] == looked["offer_id"]


async def test_a_newer_request_ends_the_older_with_204(service: Service, an: httpx.AsyncClient) -> None:
    """R-9: pulling work is one atomic step with a lease and a heartbeat; only one person writes."""
    await ready(an)
    older = service.start(an.post("/v1/agents/me/work/next?wait=20"))

    async def demand() -> str | None:
        agent = await service.room.staff.agent("an")
        return (agent.demand_id or None) if agent is not None else None

    first = await eventually(demand, what="the first demand")

    async def replaced() -> bool:
        return (await demand()) not in (None, "", first)

    newer = service.start(an.post("/v1/agents/me/work/next?wait=20"))
    await eventually(replaced, what="the second demand")
    assert (await older).status_code == 204
    contact_id = await service.write()
    assert (await newer).json()["contact_id"] == contact_id


async def test_nothing_comes_is_204_and_closes_the_demand(service: Service, an: httpx.AsyncClient) -> None:
    await ready(an, "on_demand")
    assert (await an.post("/v1/agents/me/work/next?wait=1")).status_code == 204
    agent = await service.room.staff.agent("an")
    assert agent is not None
    assert agent.demand_id == ""


async def test_who_takes_no_contacts_is_told_so(an: httpx.AsyncClient) -> None:
    answer = await an.post("/v1/agents/me/work/next?wait=1")
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_ready"


async def test_a_declined_offer_goes_to_another(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    await ready(an)
    contact_id = await service.write()
    offer = (await an.post("/v1/agents/me/work/next?wait=5")).json()
    await ready(binh)
    assert (await an.post(f"/v1/offers/{offer['offer_id']}/decline", json={"reason": "expertise"})).status_code == 200
    other = (await binh.post("/v1/agents/me/work/next?wait=5")).json()
    assert other["contact_id"] == contact_id
    late = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert late.status_code == 409
    assert late.json()["code"] == "offer_over"


async def test_an_offer_of_somebody_else_does_not_exist(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    await ready(an)
    contact_id = await service.write()
    offer = (await an.post("/v1/agents/me/work/next?wait=5")).json()
    for path in (f"/v1/offers/{offer['offer_id']}/accept", "/v1/offers/of_0123456789/accept"):
        assert (await binh.post(path)).status_code == 404
    assert (await binh.get(f"/v1/contacts/{contact_id}")).status_code == 404
    assert (await binh.get(f"/v1/cases/{offer['case_id']}")).status_code == 404
    assert (await an.get(f"/v1/contacts/{contact_id}")).status_code == 200, "the offered may look before he decides"


async def test_signing_out_with_work_is_409_unless_after_current(service: Service, an: httpx.AsyncClient) -> None:
    await ready(an)
    await service.write()
    offer = (await an.post("/v1/agents/me/work/next?wait=5")).json()
    await an.post(f"/v1/offers/{offer['offer_id']}/accept")
    answer = await an.put("/v1/agents/me/presence", json={"state": "signed_out"})
    assert (answer.status_code, answer.json()["code"]) == (409, "has_work")
    answer = await an.put("/v1/agents/me/presence", json={"state": "signed_out", "after_current": True})
    assert answer.status_code == 200
    assert answer.json()["after_current"] is True


async def test_every_request_of_an_agent_counts_as_a_heartbeat(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    """R-9: pulling work is one atomic step with a lease and a heartbeat; only one person writes."""
    await an.get("/v1/agents/me/work")
    await an.post("/v1/agents/me/heartbeat")
    await lead.get("/v1/queues")
    assert service.heard == ["an", "an"]


async def test_an_agent_the_catalogue_does_not_know_is_403(service: Service) -> None:
    stranger = service.client(Role.AGENT, "nobody")
    answer = await stranger.get("/v1/agents/me/work")
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_agent")
