"""What a client meets where two things happen at once, or where what it asks for is just over."""

import asyncio

import httpx

from ccc_router.events.commands import ActivateCatalogue, IdentifyCustomer
from ccc_router.events.facts import CallEvent, Handle, Private
from ccc_router.events.vocabulary import CallEventName, Role
from ccc_router.kernel.ids import derive
from tests.support.service import Service
from tests.support.working import a_contact_of, accept_next, next_offer, ready


async def test_an_offer_that_is_over_says_what_ended_it(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    """R-16: accepting happens once; who is too late is told; a winner who fails before he is connected gives it back with its place."""
    await ready(an)
    await service.write()
    offer = (await an.post("/v1/agents/me/work/next")).json()
    await an.put("/v1/agents/me/presence", json={"state": "not_ready", "reason": "lunch"})
    answer = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
    assert answer.status_code == 409, answer.text
    assert {name: answer.json()[name] for name in ("code", "state", "ended_by")} == {
        "code": "offer_over", "state": "rescinded", "ended_by": "not_ready",
    }  # fmt: skip


async def test_r1_of_many_who_act_on_one_offer_at_once_one_is_heard_and_the_others_told_who(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    """Ten accept, ten decline, and ten supervisors give it to another, at the same moment: whatever comes first, the contact has one
    offer or one owner, and who is too late hears 409 with what became of it (I4, I6)."""
    await ready(an)
    contact_id = await service.write()
    offer_id = (await next_offer(an))["offer_id"]
    await ready(binh)
    requests = []
    for number in range(10):
        for client, path, body in (
            (an, f"/v1/offers/{offer_id}/accept", None),
            (an, f"/v1/offers/{offer_id}/decline", {"reason": "busy"}),
            (lead, f"/v1/contacts/{contact_id}/assign", {"agent": "binh", "reason": "asked"}),
        ):
            requests.append(client.post(path, json=body, headers={"Idempotency-Key": f"{path[-7:]}-{number}"}))
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} <= {200, 409}
    late = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(late) >= 10
    assert all(one["code"] in ("offer_over", "wrong_state") for one in late), late
    assert all(one["ended_by"] for one in late if one["code"] == "offer_over"), late
    rows = await service.spine.database.pool.fetch(
        "SELECT state, agent_id FROM offer WHERE contact_id = $1", contact_id
    )
    live = [row for row in rows if row["state"] in ("pending", "accepted")]
    contact = await service.room.contacts.contact(contact_id)
    assert contact is not None
    assert len([row for row in rows if row["state"] == "pending"]) <= 1
    assert contact.agent_id in ("", *(row["agent_id"] for row in live))
    ended = [answer for answer in answers if answer.status_code == 200 and "offers" in str(answer.url)]
    kinds = {str(answer.url).rsplit("/", 1)[1] for answer in ended}
    assert len(kinds) <= 1, "accepted and declined at once"


async def test_an_upload_whose_answer_was_lost_is_answered_when_it_is_repeated(
    service: Service, an: httpx.AsyncClient
) -> None:
    """The first try was cut after the file was kept and before its answer was."""
    request = {"files": {"file": ("a.txt", b"xin chao")}, "headers": {"Idempotency-Key": "up-1"}}
    first = await an.post("/v1/attachments", **request)  # type: ignore[arg-type]
    await service.spine.database.pool.execute("UPDATE idempotency SET status = NULL, body = NULL")
    again = await an.post("/v1/attachments", **request)  # type: ignore[arg-type]
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_delivery_that_arrived_is_not_sent_again(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await an.post(f"/v1/contacts/{contact['contact_id']}/messages", json={"text": "Dạ"})
    [owed] = (await lead.get("/v1/deliveries")).json()["items"]
    for state, status in (("owed", 409), ("sent", 409), ("parked", 200)):
        await service.spine.database.pool.execute("UPDATE delivery SET state = $1", state)
        answer = await lead.post(f"/v1/deliveries/{owed['delivery_id']}/retry")
        assert answer.status_code == status, answer.text


async def test_a_time_beyond_this_century_is_refused(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    for until in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        answer = await an.post(f"/v1/contacts/{contact['contact_id']}/wait", json={"until": until})
        assert answer.status_code == 422, answer.text
    assert (await an.get(f"/v1/contacts/{contact['contact_id']}")).status_code == 200


async def test_of_two_catalogues_at_once_one_is_put_in_force(
    service: Service, lead: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    """The precondition holds in the engine too: nobody's change is lost, and nothing is parked."""
    before = await lead.get("/v1/catalog")
    headers = {"If-Match": before.headers["ETag"]}
    path = "/v1/catalog"
    changes = [{"rules": {"attention_s": number}} for number in (61, 62, 63)]
    answers = await asyncio.gather(*(admin.patch(path, json=one, headers=headers) for one in changes))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    assert (await lead.get("/v1/parked-inputs")).json()["items"] == []
    stale = ActivateCatalogue(actor="root", actor_role=Role.ADMIN, version=1, catalogue=before.json())
    assert (await service.spine.desk.ask(stale, "stale")).code == "catalogue_changed"


async def test_a_customer_is_found_by_a_number_as_people_write_it(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    body = {"handle": {"kind": "phone", "value": "0912 345 678"}, "evidence": "called_back"}
    await an.post(f"/v1/contacts/{contact['contact_id']}/identify", json=body)
    for q in ("0912345678", "0912.345.678", "84 912 345 678"):
        found = (await an.get("/v1/customers", params={"q": q})).json()["items"]
        assert [one["customer_id"] for one in found] == [contact["customer"]["customer_id"]], q
    assert (await an.get("/v1/customers", params={"q": "  "})).json()["items"] == [], "blank finds nobody"


async def test_an_anonymous_caller_becomes_somebody_when_he_is_identified(service: Service) -> None:
    call_id = derive("ct", "hotline", "call", "c1")
    ringing = CallEvent(
        endpoint="hotline", call_id="c1", leg_id="l1", contact_id=call_id, case_id=derive("cs", "hotline", "call", "c1"),
        event=CallEventName.OFFERED,
    )  # fmt: skip
    await service.spine.tell(ringing, "c1-offered")
    handle = Handle("personal_id", "001099000001", verified=True)
    identify = IdentifyCustomer(
        actor="mai",
        actor_role=Role.SUPERVISOR,
        private=Private(handles=(handle,)),
        contact_id=call_id,
        evidence="asked",
    )
    outcome = await service.spine.desk.ask(identify, "who")
    customer_id = outcome.result["customer_id"]
    assert str(customer_id).startswith("cu_")
    kept = await service.spine.database.pool.fetchrow("SELECT customer_id, verified FROM handle")
    assert kept is not None
    assert (kept["customer_id"], kept["verified"]) == (customer_id, True)


async def test_a_timeline_in_small_pages_shows_everything_once(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    """Contacts whose decisions follow from one input do not shorten each other's pages."""
    await ready(an)
    ids = [await service.write() for _ in range(4)]
    contact_id = (await accept_next(an))["contact_id"]
    assert contact_id in ids
    path = f"/v1/contacts/{contact_id}/timeline"
    whole = (await lead.get(path)).json()["items"]
    seen: list[object] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await lead.get(path, params={"limit": 1, "cursor": cursor})).json()
        seen += page["items"]
        cursor = page["next"]
    assert seen == whole
