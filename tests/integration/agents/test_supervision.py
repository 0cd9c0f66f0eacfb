"""Supervisors over REST: queues, people, decisions, the catalogue, the records."""

from typing import Any

import httpx

from ccc_router.queues.catalogue import as_document
from tests.support.builders import a_catalogue
from tests.support.service import Service
from tests.support.waiting import eventually
from tests.support.working import a_contact_of, accept_next, ready


async def readings(lead: httpx.AsyncClient, queue: str = "general") -> dict[str, Any]:
    answer = await lead.get(f"/v1/queues/{queue}/readings")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def waiting(service: Service, lead: httpx.AsyncClient, count: int) -> None:
    async def there() -> bool:
        return bool((await readings(lead))["waiting"] == count)

    await eventually(there, what=f"{count} contacts to wait")


async def test_readings_count_who_waits_and_who_was_answered(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    for _ in range(3):
        await service.write()
    await waiting(service, lead, 3)
    before = await readings(lead)
    assert (before["service_level"], before["agents_here"], before["oldest_arrived_at"] is not None) == (None, 0, True)
    await ready(an)
    await accept_next(an)
    after = await readings(lead)
    assert (after["answered"], after["agents_here"], after["handled"]) == (1, 1, 1)
    assert after["service_level"] == after["service_level_without_abandoned"] == 1.0
    assert {one["queue"] for one in (await lead.get("/v1/readings")).json()["items"]} == {"general", "cards"}
    assert (await lead.get("/v1/queues/nowhere/readings")).status_code == 404


async def test_lists_come_in_pages(service: Service, lead: httpx.AsyncClient) -> None:
    written = [await service.write() for _ in range(5)]
    await waiting(service, lead, 5)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await lead.get("/v1/contacts", params={"queue": "general", "limit": 2, "cursor": cursor})).json()
        assert len(page["items"]) <= 2
        seen += [one["contact_id"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(written)
    assert (await lead.get("/v1/contacts", params={"limit": 201})).status_code == 422
    for nonsense in ("x", "W10", "WzEsMl0", "é"):
        answer = await lead.get("/v1/contacts", params={"cursor": nonsense})
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
    agents = (await lead.get("/v1/agents", params={"limit": 3})).json()
    assert [one["agent"] for one in agents["items"]] == ["an", "binh", "chi"]
    rest = (await lead.get("/v1/agents", params={"limit": 3, "cursor": agents["next"]})).json()
    assert ([one["agent"] for one in rest["items"]], rest["next"]) == (["dung"], None)


async def test_contacts_by_state(service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    active = (await lead.get("/v1/contacts", params={"state": ["active", "held"]})).json()["items"]
    assert [one["contact_id"] for one in active] == [contact["contact_id"]]
    assert (await lead.get("/v1/contacts", params={"state": "closed"})).json()["items"] == []
    assert (await lead.get("/v1/contacts", params={"state": "nonsense"})).status_code == 422


async def test_an_assigned_contact_goes_to_that_agent(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await ready(binh)
    path = f"/v1/contacts/{contact['contact_id']}/assign"
    assert (await lead.post(path, json={"agent": "binh"})).status_code == 422, "a decision has a reason"
    answer = await lead.post(path, json={"agent": "binh", "reason": "knows_it"})
    assert answer.status_code == 200, answer.text
    taken = await accept_next(binh)
    assert (taken["contact_id"], taken["reason"]) == (contact["contact_id"], "assigned")
    answer = await lead.post(path, json={"agent": "chi", "reason": "knows_it"})
    assert (answer.status_code, answer.json()["code"]) == (409, "agent_signed_out")


async def test_priority_and_end_by_a_supervisor_are_in_the_journal_with_who_and_why(
    service: Service, lead: httpx.AsyncClient
) -> None:
    """I16: every change by a person says who and why."""
    contact_id = await service.write()
    await waiting(service, lead, 1)
    answer = await lead.post(f"/v1/contacts/{contact_id}/priority", json={"priority": 3, "reason": "in_hospital"})
    assert (answer.status_code, answer.json()["priority"]) == (200, 3)
    answer = await lead.post(f"/v1/contacts/{contact_id}/close", json={"reason": "spam"})
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    page = (await lead.get("/v1/journal", params={"limit": 200})).json()
    positions = [one["position"] for one in page["items"]]
    assert positions == list(range(1, len(positions) + 1)), "positions are dense"
    inputs = {one["kind"]: one["body"]["body"] for one in page["items"] if one["form"] == "input"}
    for kind, reason in (("SetPriority", "in_hospital"), ("CloseContact", "spam")):
        assert (inputs[kind]["actor"], inputs[kind]["actor_role"], inputs[kind]["reason"]) == (
            "mai",
            "supervisor",
            reason,
        )
    assert "Nguyễn" not in str(page), "no names in the journal"
    first = (await lead.get("/v1/journal", params={"limit": 2})).json()
    second = (await lead.get("/v1/journal", params={"limit": 2, "after": first["next"]})).json()
    assert second["items"][0]["position"] == 3
    assert (await lead.get("/v1/journal", params={"pool": "other"})).status_code == 404


async def test_a_supervisor_sets_an_agents_presence(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    await ready(an)
    answer = await lead.put("/v1/agents/an/presence", json={"state": "not_ready", "reason": "training"})
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "not_ready", "training")
    assert (await an.get("/v1/agents/me/presence")).json()["state"] == "not_ready"
    assert (await lead.put("/v1/agents/nobody/presence", json={"state": "ready", "reason": "x"})).status_code == 404


async def test_the_catalogue_is_changed_only_by_who_read_it(service: Service, lead: httpx.AsyncClient) -> None:
    answer = await lead.get("/v1/catalog")
    etag, document = answer.headers["etag"], answer.json()
    assert document == as_document(a_catalogue())
    assert (await lead.get("/v1/catalog", headers={"If-None-Match": etag})).status_code == 304
    patch = {"rules": {"wrap_up_s": {"phone": 90, "email": 30, "fanpage": 30, "portal": 30, "internal": 30}}}
    assert (await lead.request("PATCH", "/v1/catalog", json=patch)).status_code == 428
    assert (await lead.request("PATCH", "/v1/catalog", json=patch, headers={"If-Match": '"v99"'})).status_code == 412
    assert (
        await lead.request("PATCH", "/v1/catalog", json=patch, headers={"If-Match": f"W/{etag}"})
    ).status_code == 412, "strong comparison"
    tried = await lead.request("PATCH", "/v1/catalog", params={"dry_run": True}, json=patch, headers={"If-Match": etag})
    assert (tried.status_code, tried.json()["activated"], tried.json()["version"]) == (200, False, 1)
    done = await lead.request("PATCH", "/v1/catalog", json=patch, headers={"If-Match": f'"v0", {etag}'})
    assert (done.status_code, done.json()["version"], done.headers["etag"]) == (200, 2, '"v2"')
    assert (await lead.get("/v1/catalog")).json()["rules"]["wrap_up_s"]["phone"] == 90
    assert (await lead.put("/v1/catalog", json=document, headers={"If-Match": etag})).status_code == 412, (
        "it was changed meanwhile"
    )


async def test_a_catalogue_with_faults_changes_nothing_and_hears_of_all_of_them(lead: httpx.AsyncClient) -> None:
    document = (await lead.get("/v1/catalog")).json()
    document["queues"][0]["requirements"] = [{"skill": "latin", "level": 9}]
    document["agents"][0]["profiles"][0]["queue"] = "nowhere"
    answer = await lead.put("/v1/catalog", json=document, headers={"If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["code"]) == (422, "catalogue_faults")
    pointers = {one["pointer"] for one in answer.json()["errors"]}
    assert any(one.startswith("/queues/0/requirements/0") for one in pointers)
    assert any(one.startswith("/agents/0/profiles/0") for one in pointers)
    assert (await lead.get("/v1/catalog")).headers["etag"] == '"v1"'
    shapeless = await lead.request(
        "PATCH", "/v1/catalog", json={"queues": 7, "nonsense": {}}, headers={"If-Match": '"v1"'}
    )
    assert {one["pointer"] for one in shapeless.json()["errors"]} == {"/queues", "/nonsense"}


async def test_a_queue_where_contacts_wait_needs_a_successor(service: Service, lead: httpx.AsyncClient) -> None:
    await service.write(queue="cards")

    async def there() -> bool:
        return bool((await readings(lead, "cards"))["waiting"] == 1)

    await eventually(there, what="the contact to wait")
    document = (await lead.get("/v1/catalog")).json()
    document["queues"] = [one for one in document["queues"] if one["id"] != "cards"]
    for agent in document["agents"]:
        agent["profiles"] = [one for one in agent["profiles"] if one["queue"] != "cards"]
    document["topics"] = []
    headers = {"If-Match": '"v1"'}
    answer = await lead.put("/v1/catalog", json=document, headers=headers)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/successors/cards"]
    answer = await lead.put("/v1/catalog", params={"successor": "cards:general"}, json=document, headers=headers)
    assert answer.status_code == 200, answer.text
    await waiting(service, lead, 1)


async def test_an_endpoint_by_which_open_contacts_came_stays(service: Service, lead: httpx.AsyncClient) -> None:
    await service.write()
    await waiting(service, lead, 1)
    document = (await lead.get("/v1/catalog")).json()
    document["endpoints"] = [one for one in document["endpoints"] if one["channel"] != "portal"]
    answer = await lead.put("/v1/catalog", json=document, headers={"If-Match": '"v1"'})
    assert answer.status_code == 422
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/endpoints", "in_use")]


async def test_where_machines_are_reached_is_an_administrators_decision(
    service: Service, lead: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    document = (await lead.get("/v1/catalog")).json()
    document["departments"][0]["url"] = "https://elsewhere.example/hook"
    headers = {"If-Match": '"v1"'}
    answer = await lead.put("/v1/catalog", json=document, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "admin_only")
    assert (await admin.put("/v1/catalog", json=document, headers=headers)).status_code == 200


async def test_what_is_owed_is_listed_and_only_parked_ones_are_sent_again(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await an.post(f"/v1/contacts/{contact['contact_id']}/messages", json={"text": "Dạ"})
    [owed] = (await lead.get("/v1/deliveries", params={"state": "owed"})).json()["items"]
    assert (owed["kind"], owed["contact_id"], owed["attempts"]) == ("reply", contact["contact_id"], 0)
    assert (await lead.get("/v1/deliveries", params={"state": "parked"})).json()["items"] == []
    assert (await lead.post("/v1/deliveries/dl_0123456789/retry")).status_code == 404
    retry = f"/v1/deliveries/{owed['delivery_id']}/retry"
    set_state = "UPDATE delivery SET state = $1, tries = 3, last_error = 'x'"
    for state, status, then in (("sent", 409, "sent"), ("parked", 200, "owed")):
        await service.spine.database.pool.execute(set_state, state)
        assert (await lead.post(retry)).status_code == status
        await service.spine.empty()
        row = await service.spine.database.pool.fetchrow("SELECT state, tries, id FROM delivery")
        assert row is not None
        assert tuple(row) == (then, 0 if then == "owed" else 3, owed["delivery_id"])
    assert (await lead.get("/v1/parked-inputs")).json() == {"items": [], "next": None}


async def test_a_supervisor_gives_a_contact_back_with_a_reason(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}/requeue"
    answer = await lead.post(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "reason_missing")
    refused = await an.post(path, json={"reason": "not_me", "exclude": [contact["agent"]]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_supervisor")
    refused = await lead.post(path, json={"reason": "shift_ends", "prefer": ["nobody"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "unknown_agent")
    given = {"reason": "shift_ends", "exclude": [contact["agent"]]}
    assert (await lead.post(path, json=given)).status_code == 200
