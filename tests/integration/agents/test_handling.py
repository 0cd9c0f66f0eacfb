"""Handling a contact over REST: answering, waiting, handing over, linking, identifying, escalating, calling."""

from datetime import timedelta

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.ids import derive
from ccc_router.kernel.sniffing import DOCX
from tests.support.service import Service
from tests.support.waiting import eventually
from tests.support.working import a_contact_of, accept_next, ready


async def state_of(client: httpx.AsyncClient, contact_id: str) -> str:
    answer = await client.get(f"/v1/contacts/{contact_id}")
    return str(answer.json()["state"])


async def test_an_answer_to_what_was_not_read_is_409(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an, sender="khach")
    await service.write("Còn một câu nữa", sender="khach")
    path = f"/v1/contacts/{contact['contact_id']}"

    async def second() -> bool:
        return bool((await an.get(path)).json()["customer_message"] == 2)

    await eventually(second, what="the second message")
    answer = await an.post(f"{path}/messages", json={"text": "Dạ", "seen_up_to": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "customer_wrote")
    assert answer.json()["stands_against"] == "2"
    assert (await an.post(f"{path}/messages", json={"text": "Dạ", "seen_up_to": 2})).status_code == 202


async def test_a_repeated_answer_is_sent_once(service: Service, an: httpx.AsyncClient) -> None:
    """I2 over REST: one key, one message."""
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}"
    headers = {"Idempotency-Key": "answer-1"}
    first = await an.post(f"{path}/messages", json={"text": "Dạ"}, headers=headers)
    again = await an.post(f"{path}/messages", json={"text": "Dạ"}, headers=headers)
    assert first.json() == again.json()
    messages = [item for item in (await an.get(f"{path}/timeline")).json()["items"] if item["direction"] == "outbound"]
    assert len(messages) == 1
    other = await an.post(f"{path}/messages", json={"text": "Khác"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_note_is_owed_to_nobody(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}"
    answer = await an.post(f"{path}/messages", json={"text": "Gọi lại buổi chiều", "visibility": "note"})
    assert (answer.status_code, answer.json()["delivery"]) == (202, "")
    [note] = [item for item in (await an.get(f"{path}/timeline")).json()["items"] if item["visibility"] == "note"]
    assert (note["direction"], note["author"], note["delivery"]) == ("internal", "agent:an", "")


async def test_answer_and_complete_in_one(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}"
    body = {"text": "Đã xong.", "then": "complete", "disposition": "answered"}
    assert (await an.post(f"{path}/messages", json=body)).status_code == 202
    assert await state_of(an, contact["contact_id"]) == "closed"


@pytest.mark.parametrize(
    "body",
    [
        {"text": " "},
        {"text": "x", "then": "complete"},
        {"text": "x", "disposition": "answered"},
        {"text": "x", "wait_until": "2027-01-01T00:00:00Z"},
        {"text": "x", "then": "wait", "wait_until": "2027-01-01T00:00:00"},
        {"text": "x", "visibility": "secret"},
        {"text": "x", "seen_up_to": -1},
        {"text": "x", "attachments": ["at_0123456789"]},
        {"text": "x", "contact_id": "ct_other"},
    ],
    ids=str,
)
async def test_an_answer_that_makes_no_sense_is_422(
    service: Service, an: httpx.AsyncClient, body: dict[str, object]
) -> None:
    contact = await a_contact_of(service, an)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/messages", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_waiting_for_the_customer_frees_the_agent_until_he_writes(
    service: Service, an: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an, sender="khach")
    until = service.spine.clock.now() + timedelta(hours=1)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/wait", json={"until": until.isoformat()})
    assert (answer.status_code, answer.json()["state"]) == (200, "waiting")
    assert (await an.get("/v1/agents/me/presence")).json()["doing"] == "idle"
    await service.write("Vâng", sender="khach")

    async def back() -> bool:
        return await state_of(an, contact["contact_id"]) == "active"

    await eventually(back, what="the contact to come back to its agent")


async def test_a_transfer_to_an_agent_is_offered_to_him(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await ready(binh)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/transfer", json={"agent": "binh"})
    assert answer.status_code == 200, answer.text
    taken = await accept_next(binh)
    assert (taken["contact_id"], taken["agent"], taken["reason"]) == (contact["contact_id"], "binh", "transfer")


async def test_a_transfer_names_one_goal_that_exists(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}/transfer"
    for body in ({}, {"queue": "cards", "agent": "binh"}, {"agent": "binh", "prefer": ["an"]}):
        assert (await an.post(path, json=body)).status_code == 422
    answer = await an.post(path, json={"queue": "nowhere"})
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_queue")


async def test_a_transfer_says_who_of_the_queue_comes_first_and_that_it_is_not_to_come_back(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await ready(binh)
    path = f"/v1/contacts/{contact['contact_id']}/transfer"
    answer = await an.post(path, json={"queue": "general", "exclude": ["binh"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_supervisor")
    answer = await an.post(path, json={"queue": "general", "prefer": ["binh"], "exclude": ["an"]})
    assert answer.status_code == 200, answer.text
    assert (await accept_next(binh))["contact_id"] == contact["contact_id"]
    moved = await service.room.contacts.contact(contact["contact_id"])
    assert moved is not None
    assert moved.excluded == ("an",)


async def test_a_contact_given_back_keeps_its_place(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    await an.put("/v1/agents/me/presence", json={"state": "not_ready", "reason": "lunch"})
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/requeue")
    assert answer.json()["state"] == "queued"
    await ready(binh)
    assert (await accept_next(binh))["contact_id"] == contact["contact_id"]


async def test_only_the_owner_handles(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    """R-9: Object by object: what is not yours does not exist, whatever is done to it."""
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}"
    deeds: dict[str, object] = {
        "messages": {"text": "x"},
        "hold": {},
        "resume": {},
        "hangup": {},
        "consult": {},
        "wait": {"until": "2027-01-01T00:00:00Z"},
        "transfer": {"queue": "cards"},
        "requeue": {"reason": "x"},
        "escalate": {"department": "policy", "summary": "x"},
        "wrap-up": {"extend_s": 5, "reason": "x"},
        "complete": {"disposition": "answered"},
        "link": {"case": contact["case_id"]},
        "identify": {"handle": {"kind": "email", "value": "a@b.vn"}, "evidence": "asked"},
    }
    for deed, body in deeds.items():
        answer = await binh.post(f"{path}/{deed}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), deed
    for view in ("", "/timeline", "/why", "/draft"):
        assert (await binh.get(f"{path}{view}")).status_code == 404
    assert (await binh.get("/v1/cases")).json()["items"] == []
    assert await state_of(lead, contact["contact_id"]) == "active"


async def test_consult_is_reserved(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/consult")
    assert (answer.status_code, answer.json()["code"]) == (501, "not_built")


async def test_a_disposition_the_catalogue_does_not_know_is_409(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/complete", json={"disposition": "whatever"})
    assert (answer.status_code, answer.json()["code"]) == (409, "unknown_disposition")


async def test_linking_moves_the_contact_to_the_case_whose_reference_was_said(
    service: Service, an: httpx.AsyncClient
) -> None:
    """R-24, R-36: joining contacts to one case is a link that can be undone."""
    first = await a_contact_of(service, an)
    second = await a_contact_of(service, an)
    assert first["case_id"] != second["case_id"]
    said = first["reference"].lower().replace("-", " ")
    answer = await an.post(f"/v1/contacts/{second['contact_id']}/link", json={"case": said})
    assert answer.status_code == 200, answer.text
    assert answer.json()["case_id"] == first["case_id"]
    back = await an.post(f"/v1/contacts/{second['contact_id']}/link", json={"case": second["case_id"]})
    assert back.json()["case_id"] == second["case_id"], "undoable"
    for nonsense in ("cs_nobody", "0000-0000-000", "x"):
        assert (await an.post(f"/v1/contacts/{second['contact_id']}/link", json={"case": nonsense})).status_code == 404


async def test_identifying_gives_the_contact_a_customer_who_is_found_again(
    service: Service, an: httpx.AsyncClient
) -> None:
    """R-25: a person is who he proved to be: handles with evidence, none joins two people by itself."""
    contact = await a_contact_of(service, an)
    body = {"handle": {"kind": "phone", "value": "0912 345 678"}, "evidence": "called_back"}
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/identify", json=body)
    assert answer.status_code == 200, answer.text
    for q in ("nguyen van", "an", "NGUYỄN", "+84912345678"):
        found = (await an.get("/v1/customers", params={"q": q})).json()["items"]
        assert contact["customer"]["customer_id"] in [one["customer_id"] for one in found], q
        assert "912345" not in str(found), "handles are shown masked"
    assert (await an.get("/v1/customers", params={"q": "%%"})).json()["items"] == []
    bad = body | {"handle": {"kind": "phone", "value": "12"}}
    assert (await an.post(f"/v1/contacts/{contact['contact_id']}/identify", json=bad)).status_code == 422


async def test_an_escalation_takes_the_case_to_the_department(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    body = {"department": "policy", "summary": "Chậm chi trả trợ cấp.", "urgency": "urgent", "keep": True}
    answer = await an.post(f"/v1/contacts/{contact['contact_id']}/escalate", json=body)
    assert answer.status_code == 201, answer.text
    raised = answer.json()
    case = (await an.get(f"/v1/cases/{contact['case_id']}")).json()
    assert case["state"] == "escalated"
    assert [one["escalation_id"] for one in case["escalations"]] == [raised["escalation_id"]]
    assert case["escalations"][0]["department"] == "policy"
    bad = await an.post(f"/v1/contacts/{contact['contact_id']}/escalate", json=body | {"department": "nowhere"})
    assert (bad.status_code, bad.json()["code"]) == (409, "unknown_department")


async def test_a_case_is_changed_and_listed(service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/cases/{contact['case_id']}"
    answer = await an.request(
        "PATCH", path, json={"topic": "cards", "kind": "complaint", "province": "79", "priority": 2}
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["topic"], changed["kind"], changed["province"], changed["priority"]) == (
        "cards",
        "complaint",
        "79",
        2,
    )
    assert changed["contacts"][0]["contact_id"] == contact["contact_id"]
    for client in (an, lead):
        for query in ({}, {"topic": "cards"}, {"state": "open"}, {"reference": changed["reference"]}):
            listed = (await client.get("/v1/cases", params=query)).json()["items"]
            assert [one["case_id"] for one in listed] == [contact["case_id"]], query
    assert (await an.get("/v1/cases", params={"topic": "other"})).json()["items"] == []


async def test_calling_the_customer_opens_an_outbound_contact_of_mine(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    await an.post(f"/v1/contacts/{contact['contact_id']}/complete", json={"disposition": "answered"})
    answer = await an.post(f"/v1/cases/{contact['case_id']}/call", json={"endpoint": "hotline"})
    assert answer.status_code == 201, answer.text
    called = (await an.get(f"/v1/contacts/{answer.json()['contact_id']}")).json()
    assert (called["channel"], called["direction"], called["state"], called["agent"]) == (
        "phone",
        "outbound",
        "connecting",
        "an",
    )
    assert called["call"]["call_id"].startswith("call_")
    assert derive("ct", "hotline", "call", called["call"]["call_id"]) == called["contact_id"]


async def test_a_draft_is_mine_and_ends_with_the_answer(service: Service, an: httpx.AsyncClient) -> None:
    contact = await a_contact_of(service, an)
    path = f"/v1/contacts/{contact['contact_id']}"
    assert (await an.get(f"{path}/draft")).json() == {"text": "", "updated_at": None}
    await an.put(f"{path}/draft", json={"text": "Dạ, em\u0000 kiê\u0309m tra"})
    assert (await an.get(f"{path}/draft")).json()["text"] == "Dạ, em kiểm tra", "NFC, without NUL"
    await an.post(f"{path}/messages", json={"text": "Dạ"})
    assert (await an.get(f"{path}/draft")).json()["text"] == ""


async def test_an_uploaded_file_goes_with_the_answer(
    service: Service, an: httpx.AsyncClient, binh: httpx.AsyncClient
) -> None:
    contact = await a_contact_of(service, an)
    content = b"%PDF-1.7 hop dong"
    up = await an.post("/v1/attachments", files={"file": ("../../hợp đồng.pdf", content, "text/html")})
    assert up.status_code == 201, up.text
    file = up.json()
    assert (file["media_type"], file["size"]) == ("application/pdf", len(content)), "the kind is told from the bytes"
    assert "/" not in file["name"]
    path = f"/v1/attachments/{file['attachment_id']}"
    assert (await binh.get(path)).status_code == 404
    body = {"text": "Gửi anh", "attachments": [file["attachment_id"]]}
    assert (await binh.post(f"/v1/contacts/{contact['contact_id']}/messages", json=body)).status_code == 404
    assert (await an.post(f"/v1/contacts/{contact['contact_id']}/messages", json=body)).status_code == 202
    down = await an.get(path)
    assert down.content == content
    assert down.headers["content-disposition"].startswith("attachment;")
    assert down.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in down.headers["content-security-policy"]
    shown = (await an.get(f"/v1/contacts/{contact['contact_id']}/timeline")).json()["items"]
    assert [one["name"] for item in shown for one in item["attachments"]] == [file["name"]]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04..[Content_Types].xml..word/document.xml", DOCX),
        (b"PK\x03\x04..anything", "application/zip"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        ("Kính gửi anh".encode(), "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_has_the_same_kind_whoever_sends_it(an: httpx.AsyncClient, content: bytes, kind: str) -> None:
    up = await an.post("/v1/attachments", files={"file": ("x", content, "text/html")})
    assert (up.status_code, up.json()["media_type"]) == (201, kind)


@pytest.mark.parametrize("content", [b"", b"MZ\x90\x00binary", b"\xff\xfe\x00"], ids=["empty", "program", "unknown"])
async def test_files_of_unknown_kinds_are_refused(an: httpx.AsyncClient, content: bytes) -> None:
    answer = await an.post("/v1/attachments", files={"file": ("x.exe", content, "application/pdf")})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_media")


async def test_a_repeated_upload_is_kept_once_although_its_boundary_differs(an: httpx.AsyncClient) -> None:
    answers = [
        await an.post("/v1/attachments", files={"file": ("a.txt", b"xin chao")}, headers={"Idempotency-Key": "up-1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


async def test_a_supervisor_sees_every_file(service: Service, an: httpx.AsyncClient) -> None:
    file = (await an.post("/v1/attachments", files={"file": ("a.txt", b"xin chao")})).json()
    lead = service.client(Role.SUPERVISOR, "mai")
    assert (await lead.get(f"/v1/attachments/{file['attachment_id']}")).content == b"xin chao"
