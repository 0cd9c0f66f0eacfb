"""Promising a callback over REST: whose contact it is, at which number, and that asking again moves it (R-32)."""

import httpx
import pytest

from tests.support.service import Service
from tests.support.working import a_contact_of


async def test_a_letters_customer_is_called_back_on_its_case_once(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}/callback"
    assert (await binh.post(path, json={"number": "0912345678"})).status_code == 404
    later = "2099-01-01T00:00:00Z"
    first = await an.post(path, json={"number": "0912 345 678"}, headers={"Idempotency-Key": "call-1"})
    assert first.status_code == 202, first.text
    again = await an.post(path, json={"number": "0912 345 678"}, headers={"Idempotency-Key": "call-1"})
    assert again.json() == first.json()
    promised = first.json()
    assert promised["contact_id"] != contact["contact_id"]
    assert promised["case_id"] == contact["case_id"]
    moved = await lead.post(f"/v1/contacts/{promised['contact_id']}/callback")
    assert moved.json()["contact_id"] == promised["contact_id"]
    refused = await lead.post(f"/v1/contacts/{promised['contact_id']}/callback", json={"not_before": later})
    assert (refused.status_code, refused.json()["code"]) == (409, "outside_hours")
    shown = (await lead.get(f"/v1/contacts/{promised['contact_id']}")).json()
    assert (shown["callback"]["by"], shown["callback"]["tries"]) == ("agent:an", 0)
    assert shown["customer"]["handle"]["value"].endswith("678")
    assert "0912345678" not in str(shown)
    waiting = (await lead.get("/v1/contacts", params={"state": "queued"})).json()["items"]
    offered = (await lead.get("/v1/contacts", params={"state": "offered"})).json()["items"]
    assert [one["contact_id"] for one in (*waiting, *offered)] == [promised["contact_id"]]


@pytest.mark.parametrize(("body", "code"), [({}, "no_number"), (None, "no_number"), ({"number": "tám"}, "bad_handle")])
async def test_without_a_number_nobody_is_promised_a_call(
    service: Service, an: httpx.AsyncClient, body: dict[str, str] | None, code: str
) -> None:
    contact = await a_contact_of(service, an)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/callback", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
