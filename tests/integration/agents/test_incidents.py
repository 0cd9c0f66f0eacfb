"""An incident over REST: who comes is attached, and how it ended reaches everybody in his language, once (I2, I16)."""

import asyncio
from typing import Any

import httpx

from ccc_router.events.vocabulary import CallEventName, LegRole
from ccc_router.kernel.ids import derive
from ccc_router.routing.deciding.crowds.incidents import PORTION
from ccc_router.storage.database import Database
from tests.integration.queues.test_calls import an_event
from tests.support.service import Service
from tests.support.working import accept_next, ready

TITLE = {"vi": "VssID ngừng hoạt động", "en": "VssID is down"}
OUTCOME = {"text": {"vi": "VssID đã hoạt động lại lúc 14 giờ.", "en": "VssID works again since 14:00."}}


async def opened(lead: httpx.AsyncClient, **more: Any) -> str:
    """A new incident."""
    answer = await lead.post("/v1/incidents", json={"title": TITLE} | more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["incident_id"])


async def resolved(lead: httpx.AsyncClient, incident: str) -> dict[str, Any]:
    """It is over."""
    answer = await lead.post(f"/v1/incidents/{incident}/resolve", json=OUTCOME)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_who_comes_is_attached_and_told_in_his_language(
    service: Service, lead: httpx.AsyncClient, an: httpx.AsyncClient, database: Database
) -> None:
    incident = await opened(lead, queue="general")
    vietnamese, english = await service.write(), await service.write(language="en")
    elsewhere = await service.write(queue="cards")
    await service.spine.empty()
    [shown] = (await lead.get("/v1/incidents", params={"live": True})).json()["items"]
    assert (shown["incident_id"], shown["title"], shown["cases"]) == (incident, TITLE, 2)
    over = await resolved(lead, incident)
    assert (over["cases"], over["told"], over["resolved_by"]) == (2, 2, "supervisor:mai")
    rows = await database.pool.fetch(
        "SELECT m.contact_id, m.text, m.number, m.visibility, m.case_id = c.case_id AS its_case, d.kind, c.state"
        " FROM message m JOIN contact c ON c.id = m.contact_id JOIN delivery d ON d.id = m.delivery_id"
    )
    assert {row["contact_id"]: row["text"] for row in rows} == {
        vietnamese: OUTCOME["text"]["vi"], english: OUTCOME["text"]["en"],
    }  # fmt: skip
    assert {(row["number"], row["visibility"], row["its_case"], row["kind"], row["state"]) for row in rows} == {
        (2, "private", True, "reply", "closed")
    }
    timeline = (await lead.get(f"/v1/contacts/{english}/timeline")).text
    assert OUTCOME["text"]["en"] in timeline
    assert (await lead.get(f"/v1/contacts/{elsewhere}")).json()["state"] == "queued"
    assert "hoạt động lại" not in (await lead.get("/v1/journal", params={"limit": 200})).text
    again = await lead.post(f"/v1/incidents/{incident}/resolve", json=OUTCOME)
    assert (again.status_code, again.json()["code"]) == (409, "incident_over")
    assert (await lead.get("/v1/incidents", params={"live": True})).json()["items"] == []
    assert [one["incident_id"] for one in (await lead.get("/v1/incidents")).json()["items"]] == [incident]


async def test_contacts_are_attached_by_hand_also_when_they_are_over(
    service: Service, lead: httpx.AsyncClient, an: httpx.AsyncClient, database: Database
) -> None:
    await ready(an)
    await service.write()
    contact = (await accept_next(an))["contact_id"]
    done = await an.post(f"/v1/contacts/{contact}/complete", json={"disposition": "answered"})
    assert done.status_code == 200
    incident = await opened(lead)
    attached = await lead.post(f"/v1/incidents/{incident}/attach", json={"contacts": [contact]})
    assert attached.json()["cases"] == 1
    off = await lead.post(f"/v1/incidents/{incident}/attach", json={"contacts": [contact], "attach": False})
    assert off.json()["cases"] == 0
    await lead.post(f"/v1/incidents/{incident}/attach", json={"contacts": [contact]})
    await resolved(lead, incident)
    row = await database.pool.fetchrow(
        "SELECT text, contact_id, delivery_state FROM message WHERE author = 'supervisor:mai'"
    )
    assert tuple(row or ()) == (OUTCOME["text"]["vi"], contact, "owed")


async def test_more_than_one_step_tells_are_all_told_by_one_request(
    service: Service, lead: httpx.AsyncClient, database: Database
) -> None:
    incident = await opened(lead, queue="general")
    await asyncio.gather(*(service.write() for _ in range(PORTION + 1)))
    await service.spine.empty()
    over = await resolved(lead, incident)
    assert (over["cases"], over["told"]) == (PORTION + 1, PORTION + 1)
    told = "SELECT count(*) AS messages, count(DISTINCT contact_id) AS customers FROM message WHERE delivery_id <> ''"
    assert tuple(await database.pool.fetchrow(told) or ()) == (PORTION + 1, PORTION + 1)


async def test_who_called_is_told_by_an_agent(service: Service, lead: httpx.AsyncClient, an: httpx.AsyncClient) -> None:
    """He was turned away by a surge; the outcome comes to an agent as an internal contact on his case, with its text."""
    incident = await opened(lead, queue="general")
    surge = {"mode": "on", "duration_s": 600, "newcomers": "deflect", "reason": "outage"}
    assert (await lead.post("/v1/queues/general/surge", json=surge)).status_code == 200
    await service.spine.tell(an_event(CallEventName.OFFERED, "cust", LegRole.CUSTOMER), "event", "hotline")
    await service.spine.empty()
    call = derive("ct", "hotline", "call", "c1")
    assert (await lead.get(f"/v1/contacts/{call}")).json()["state"] == "deflected"
    assert (await resolved(lead, incident))["cases"] == 1
    await ready(an)
    offer = await accept_next(an)
    contact = (await an.get(f"/v1/contacts/{offer['contact_id']}")).json()
    assert (contact["channel"], contact["case_id"]) == ("internal", derive("cs", "hotline", "call", "c1"))
    timeline = (await an.get(f"/v1/contacts/{offer['contact_id']}/timeline")).text
    assert OUTCOME["text"]["vi"] in timeline


async def test_what_is_wrong_is_said(service: Service, lead: httpx.AsyncClient, an: httpx.AsyncClient) -> None:
    contact = await service.write()
    await service.spine.empty()
    incident = await opened(lead)
    for path, body, status, code in (
        ("", {"title": TITLE, "topic": "nothing"}, 409, "unknown_topic"),
        ("", {"title": TITLE, "queue": "nowhere"}, 409, "unknown_queue"),
        ("/in_none/attach", {"contacts": [contact]}, 404, "not_found"),
        (f"/{incident}/attach", {"contacts": ["ct_none"]}, 404, "not_found"),
        (f"/{incident}/attach", {"contacts": []}, 422, "invalid"),
        (f"/{incident}/resolve", {}, 422, "invalid"),
    ):
        answer = await lead.post(f"/v1/incidents{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    assert (await an.get("/v1/incidents")).status_code == 403
