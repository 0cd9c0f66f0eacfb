"""R-25 over REST: how sure it is who somebody is, and an identification that was wrong."""

from typing import Any

import httpx
import pytest

from ccc_router.agents.store.sureness import Sureness, sureness
from ccc_router.events.facts import Handle, MessageReceived, Private
from ccc_router.events.vocabulary import Channel, Role
from ccc_router.kernel.ids import derive
from tests.support.service import Service
from tests.support.waiting import eventually
from tests.support.working import a_contact_of

PHONE = {"handle": {"kind": "phone", "value": "0912 345 678"}, "evidence": "called_back"}


async def identify(client: httpx.AsyncClient, contact_id: str, **changes: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/contacts/{contact_id}/identify", json=PHONE | changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def unidentify(client: httpx.AsyncClient, contact_id: str) -> httpx.Response:
    return await client.post(f"/v1/contacts/{contact_id}/unidentify", json={"reason": "Nhầm người cùng tên"})


async def handles_of(client: httpx.AsyncClient, case_id: str) -> dict[str, dict[str, Any]]:
    """The handles of a case's customer, by kind."""
    answer = await client.get(f"/v1/cases/{case_id}")
    assert answer.status_code == 200, answer.text
    return {one["kind"]: one for one in answer.json()["handles"]}


async def test_r25_what_is_shown_says_how_sure_it_is_and_by_what(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    shown = contact["customer"]["handle"]
    assert (shown["kind"], shown["confidence"], shown["by"], shown["evidence"]) == (
        "portal_account",
        "high",
        "channel",
        "",
    )
    assert "phone" not in await handles_of(an, contact["case_id"])
    await identify(an, contact["contact_id"])
    phone = (await handles_of(an, contact["case_id"]))["phone"]
    assert (phone["verified"], phone["confidence"], phone["by"]) == (True, "medium", "agent")
    assert phone["evidence"] == "called_back"
    assert "912345" not in str(phone)


async def test_r25_a_claimed_handle_is_shown_as_what_it_is(service: Service, an: httpx.AsyncClient) -> None:
    """The address he writes from is shown with its own sureness, not with that of another handle of his."""
    await an.put("/v1/agents/me/presence", json={"state": "ready"})
    key = "mail-1"
    fact = MessageReceived(
        channel=Channel.EMAIL, endpoint="mailbox", message_id=derive("ms", key), contact_id=derive("ct", key), case_id=derive("cs", key),
        private=Private(handles=(Handle("email", "a@example.com"),), text="Xin hỏi", address="a@example.com"),
    )  # fmt: skip
    await service.spine.tell(fact, key)
    offer = (await an.post("/v1/agents/me/work/next?wait=10")).json()
    contact = (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).json()
    await identify(an, contact["contact_id"])
    shown = (await an.get(f"/v1/contacts/{contact['contact_id']}")).json()["customer"]["handle"]
    assert (shown["kind"], shown["verified"], shown["confidence"], shown["by"]) == ("email", False, "low", "sender")


async def test_r25_one_command_undoes_an_identification_and_what_it_proved(
    service: Service, an: httpx.AsyncClient
) -> None:
    known, wrong = await a_contact_of(service, an), await a_contact_of(service, an)
    first = (await identify(an, known["contact_id"]))["customer"]["customer_id"]
    before = wrong["customer"]["customer_id"]
    taken = await identify(an, wrong["contact_id"])
    assert taken["customer"]["customer_id"] == first != before, "the number is known as the other one's"
    answer = await unidentify(an, wrong["contact_id"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["customer"]["customer_id"] == before
    assert (await an.get(f"/v1/cases/{wrong['case_id']}")).json()["customer"]["customer_id"] == before
    assert "phone" in await handles_of(an, known["case_id"]), "that one's identification stands"
    assert (await unidentify(an, wrong["contact_id"])).json()["code"] == "not_identified"
    # The other one's was wrong as well: nobody has the number then, and whoever proves it next is himself.
    assert (await unidentify(an, known["contact_id"])).status_code == 200
    assert "phone" not in await handles_of(an, known["case_id"])
    assert (await identify(an, wrong["contact_id"]))["customer"]["customer_id"] == before
    assert "phone" in await handles_of(an, wrong["case_id"])


async def test_i16_r25_who_undid_it_and_why_is_in_the_journal_and_no_handle_is(
    service: Service, an: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await identify(an, contact["contact_id"])
    lead = service.client(Role.SUPERVISOR, "mai")
    assert (await unidentify(lead, contact["contact_id"])).status_code == 200
    items = (await lead.get("/v1/journal", params={"pool": "main", "after": 0, "limit": 200})).json()["items"]
    kinds = [one["kind"] for one in items]
    assert kinds.index("CustomerIdentified") < kinds.index("UndoIdentification") < kinds.index("IdentificationUndone")
    asked = next(one for one in items if one["kind"] == "UndoIdentification")
    assert "mai" in str(asked)
    assert "Nhầm người cùng tên" in str(asked)
    assert "912345678" not in str(items)


async def test_r25_another_agents_contact_cannot_be_unidentified(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await identify(an, contact["contact_id"])
    assert (await unidentify(binh, contact["contact_id"])).status_code == 404
    assert (await binh.post("/v1/contacts/ct_none/unidentify", json={"reason": "x"})).status_code == 404
    assert (await an.post(f"/v1/contacts/{contact['contact_id']}/unidentify", json={})).status_code == 422

    async def still() -> bool:
        return "phone" in await handles_of(an, contact["case_id"])

    await eventually(still, what="the handle")


@pytest.mark.parametrize(
    ("channel", "verified", "evidence", "expected"),
    [
        ("", True, "", Sureness("high", "channel")),
        ("", True, "id_card", Sureness("medium", "agent")),
        ("fanpage", False, "", Sureness("medium", "page")),
        ("portal", False, "", Sureness("medium", "ticket")),
        ("phone", False, "", Sureness("low", "caller_id")),
        ("email", False, "", Sureness("low", "sender")),
        ("internal", False, "", Sureness("low", "said")),
        ("fax", False, "", Sureness("low", "said")),
    ],
)
def test_r25_every_proof_has_its_worth(channel: str, verified: bool, evidence: str, expected: Sureness) -> None:
    assert sureness(channel, verified=verified, evidence=evidence) == expected
