"""The whole way of a case to a department and back, over HTTP on both sides; and what each caller may see and do."""

import email
import email.policy
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ccc_router.events.vocabulary import CaseKind, Role
from ccc_router.storage.database import Database
from tests.support import fake_department as fake
from tests.support.departments import Centre, a_centre
from tests.support.fake_department import FakeDepartment
from tests.support.waiting import eventually, until


@pytest.fixture
async def department() -> AsyncIterator[FakeDepartment]:
    async with FakeDepartment().running() as running:
        yield running


@pytest.fixture
async def centre(database: Database, department: FakeDepartment) -> AsyncIterator[Centre]:
    async with a_centre(database, department.url) as running:
        yield running


async def ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_case_goes_to_the_department_and_comes_back_solved(centre: Centre, department: FakeDepartment) -> None:
    contact_id = await centre.take()
    escalation_id = await centre.escalate(contact_id)
    await until(lambda: len(department.events) == 1, what="the notice")
    [event] = department.events
    assert event["data"]["escalation_id"] == escalation_id
    assert event["data"]["summary"] == "Thẻ BHYT không còn giá trị"

    policy, path = centre.department(), f"/v1/escalations/{escalation_id}"
    seen = await ok(await policy.get(path))
    assert seen["state"] == "raised"
    assert seen["customer"] == {
        "name": "Nguyễn Văn Ân",
        "handles": [{"kind": "portal_account", "value": seen["customer"]["handles"][0]["value"], "verified": True}],
    }
    assert [one["by"] for one in seen["messages"]] == ["care_centre"]
    assert seen["notices"] is None

    assert (await ok(await policy.post(f"{path}/acknowledge")))["state"] == "acknowledged"
    assert (await ok(await policy.post(f"{path}/acknowledge")))["state"] == "acknowledged"
    await ok(await policy.post(f"{path}/ask", json={"text": "Mã thẻ là gì?"}))
    offer = await centre.accept()
    assert offer["channel"] == "internal"
    contact = await ok(await centre.an.get(f"/v1/contacts/{offer['contact_id']}"))
    assert contact["escalation_id"] == escalation_id
    await ok(await centre.an.post(f"{path}/reply", json={"text": "GD4 79 …"}))
    await until(lambda: len(department.events) == 2, what="the reply")
    assert department.events[1]["type"] == "ccc.escalation.reply.v1"
    assert department.events[1]["data"]["text"] == "GD4 79 …"

    await ok(await policy.post(f"{path}/progress", json={"text": "Đang tra cứu"}))
    assert (await ok(await policy.post(f"{path}/answer", json={"text": "Đã cấp lại thẻ"})))["state"] == "answered"
    assert (await ok(await centre.an.post(f"{path}/reject", json={"reason": "Khách vẫn chưa dùng được"})))[
        "state"
    ] == "acknowledged"
    await until(lambda: department.events[-1]["type"] == "ccc.escalation.rejected.v1", what="the rejection")
    await ok(await policy.post(f"{path}/answer", json={"text": "Đã kích hoạt"}))
    after = await ok(await centre.an.post(f"{path}/accept"))
    assert after["state"] == "accepted"
    texts = [one["text"] for one in after["messages"]]
    assert texts == [
        "Thẻ BHYT không còn giá trị", "Mã thẻ là gì?", "GD4 79 …", "Đang tra cứu", "Đã cấp lại thẻ",
        "Khách vẫn chưa dùng được", "Đã kích hoạt",
    ]  # fmt: skip
    assert {one["state"] for one in after["notices"]} == {"sent"}
    over = await policy.post(f"{path}/progress", json={"text": "…"})
    assert (over.status_code, over.json()["code"]) == (409, "escalation_over")


async def test_a_department_sees_only_its_own(centre: Centre) -> None:
    escalation_id = await centre.escalate(await centre.take())
    other, path = centre.department("sister"), f"/v1/escalations/{escalation_id}"
    assert (await other.get(path)).status_code == 404
    assert (await ok(await other.get("/v1/escalations")))["items"] == []
    for action, body in (
        ("acknowledge", None), ("ask", {"text": "x"}), ("progress", {"text": "x"}), ("answer", {"text": "x"}),
        ("return", {"reason": "x"}), ("forward", {"department": "head"}),
        ("extend", {"until": "2030-01-01T00:00:00Z", "reason": "x"}),
    ):  # fmt: skip
        assert (await other.post(f"{path}/{action}", json=body)).status_code == 404, action
    own = await ok(await centre.department().get("/v1/escalations"))
    assert [one["escalation_id"] for one in own["items"]] == [escalation_id]


async def test_roles_do_only_what_is_theirs(centre: Centre) -> None:
    escalation_id = await centre.escalate(await centre.take())
    path = f"/v1/escalations/{escalation_id}"
    stranger = centre.service.client(Role.AGENT, "binh")
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"{path}/withdraw")).status_code == 404
    assert (await centre.an.post(f"{path}/acknowledge")).status_code == 403
    assert (await centre.an.post(f"{path}/grant", json={})).status_code == 403
    assert (await centre.department().post(f"{path}/accept")).status_code == 403
    assert (await centre.service.client().get(path)).status_code == 401
    assert (await centre.boss.get(path)).status_code == 200
    assert (await centre.department().get("/v1/escalations/es_nothing")).status_code == 404
    unknown = await centre.department().post(f"{path}/progress", json={"text": "x", "stop_clock": True})
    assert unknown.status_code == 422


async def test_a_denouncer_is_withheld_unless_he_agreed_and_the_department_may_know(centre: Centre) -> None:
    contact_id = await centre.take()
    await centre.kind(contact_id, CaseKind.DENUNCIATION)
    hidden = await centre.escalate(contact_id, "policy", reveal_identity=True)
    not_agreed = await centre.escalate(contact_id, "trusted")
    agreed = await centre.escalate(contact_id, "trusted", reveal_identity=True)
    assert (await ok(await centre.department("policy").get(f"/v1/escalations/{hidden}")))["customer"] is None
    trusted = centre.department("trusted")
    assert (await ok(await trusted.get(f"/v1/escalations/{not_agreed}")))["customer"] is None
    assert (await ok(await trusted.get(f"/v1/escalations/{agreed}")))["customer"] is not None
    assert (await ok(await centre.an.get(f"/v1/escalations/{hidden}")))["customer"] is not None


async def test_the_bytes_of_a_notice_hold_no_name_and_no_handle(centre: Centre, department: FakeDepartment) -> None:
    await centre.escalate(await centre.take())
    await until(lambda: len(department.received) == 1)
    assert "Nguyễn" not in department.received[0].body.decode()
    assert "portal_account" not in department.received[0].body.decode()


async def test_forward_and_return(centre: Centre, department: FakeDepartment) -> None:
    escalation_id = await centre.escalate(await centre.take())
    path = f"/v1/escalations/{escalation_id}"
    policy, sister = centre.department(), centre.department("sister")
    wrong = await policy.post(f"{path}/forward", json={"department": "nobody"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_department")
    same = await policy.post(f"{path}/forward", json={"department": "policy"})
    assert (same.status_code, same.json()["code"]) == (409, "same_department")
    moved = await ok(await policy.post(f"{path}/forward", json={"department": "sister", "text": "Thuộc đơn vị bạn"}))
    assert (moved["department"], moved["forwarded_by"]) == ("sister", ["policy"])
    assert (await policy.get(path)).status_code == 404
    await until(lambda: len(department.events) == 2)
    # Lanes of different departments have no order between them.
    [onward] = [one for one in department.events if one["data"]["department"] == "sister"]
    assert onward["data"]["note"] == "Thuộc đơn vị bạn"
    seen = await ok(await sister.get(path))
    assert [one["by"] for one in seen["messages"]] == ["care_centre", "other_department"]
    assert (await ok(await sister.post(f"{path}/return", json={"reason": "Không thuộc thẩm quyền"})))[
        "state"
    ] == "returned"
    assert (await centre.accept())["channel"] == "internal"


async def test_an_extension_is_granted_by_a_supervisor(centre: Centre, department: FakeDepartment) -> None:
    escalation_id = await centre.escalate(await centre.take())
    path = f"/v1/escalations/{escalation_id}"
    until_ = (centre.service.spine.clock.now() + timedelta(days=3)).replace(microsecond=0)
    early = await centre.department().post(
        f"{path}/extend", json={"until": (until_ - timedelta(days=4)).isoformat(), "reason": "Cần thêm thời gian"}
    )
    assert (early.status_code, early.json()["code"]) == (422, "invalid_until")
    body = {"until": until_.isoformat(), "reason": "Cần thêm thời gian"}
    asked = await ok(await centre.department().post(f"{path}/extend", json=body))
    assert asked["extension_asked_until"] is not None
    granted = await ok(await centre.boss.post(f"{path}/grant", json={"text": "Đồng ý"}))
    assert granted["answer_by"] == asked["extension_asked_until"]
    assert granted["extension_asked_until"] is None
    await until(lambda: department.events[-1]["data"].get("extension") == "granted")
    again = await centre.boss.post(f"{path}/refuse", json={})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_lists_go_by_pages_states_and_what_is_overdue(centre: Centre, database: Database) -> None:
    contact_id = await centre.take()
    ids = [await centre.escalate(contact_id) for _ in range(3)]
    await ok(await centre.department().post(f"/v1/escalations/{ids[0]}/acknowledge"))
    policy = centre.department()
    first = await ok(await policy.get("/v1/escalations", params={"limit": 2}))
    rest = await ok(await policy.get("/v1/escalations", params={"limit": 2, "cursor": str(first["next"])}))
    found = [one["escalation_id"] for one in (*first["items"], *rest["items"])]
    assert sorted(found) == sorted(ids)
    assert rest["next"] is None
    only = await ok(await policy.get("/v1/escalations", params={"state": "acknowledged"}))
    assert [one["escalation_id"] for one in only["items"]] == [ids[0]]
    assert (await ok(await policy.get("/v1/escalations", params={"overdue": True})))["items"] == []
    assert len((await ok(await centre.an.get("/v1/escalations")))["items"]) == 3
    assert len((await ok(await centre.boss.get("/v1/escalations")))["items"]) == 3
    assert (await ok(await centre.service.client(Role.AGENT, "binh").get("/v1/escalations")))["items"] == []
    head = centre.department("head")
    assert (await head.get(f"/v1/escalations/{ids[0]}")).status_code == 404
    overdue = '{"rung": 1, "answer_overdue": true}'
    await database.pool.execute("UPDATE escalation SET row = row::jsonb || $1::jsonb", overdue)
    assert (await head.get(f"/v1/escalations/{ids[0]}")).status_code == 200
    assert len((await ok(await head.get("/v1/escalations", params={"overdue": True})))["items"]) == 3
    assert (await head.post(f"/v1/escalations/{ids[0]}/answer", json={"text": "x"})).status_code == 404


async def test_i10_a_department_that_is_gone_is_seen_enabled_and_sent_to_again(
    centre: Centre, department: FakeDepartment
) -> None:
    department.behave = lambda number, _: fake.answers(410) if number == 1 else fake.OK
    escalation_id = await centre.escalate(await centre.take())
    admin = centre.service.client(Role.ADMIN, "root")

    async def parked() -> list[dict[str, Any]] | None:
        answer = await centre.boss.get("/v1/deliveries", params={"state": "parked"})
        return answer.json()["items"] or None

    [delivery] = await eventually(parked, what="the parked notice")
    states = {one["department"]: one for one in (await centre.boss.get("/v1/departments")).json()}
    assert states["policy"]["disabled_reason"] == "http_410"
    assert states["mailroom"]["way"] == "mail"
    seen = await ok(await centre.boss.get(f"/v1/escalations/{escalation_id}"))
    assert [one["state"] for one in seen["notices"]] == ["parked"]
    assert (await centre.boss.post("/v1/departments/policy/enable")).status_code == 403
    assert (await admin.post("/v1/departments/nobody/enable")).status_code == 404
    assert (await ok(await admin.post("/v1/departments/policy/enable")))["disabled_at"] is None
    retried = await centre.boss.post(f"/v1/deliveries/{delivery['delivery_id']}/retry")
    assert retried.status_code == 200, retried.text
    await until(lambda: len(department.received) == 2, what="the retry")
    assert department.received[0].webhook_id == department.received[1].webhook_id == delivery["delivery_id"]
    # Undelivered or not: it can be worked on.
    await ok(await centre.department().post(f"/v1/escalations/{escalation_id}/answer", json={"text": "Xong"}))


def links_of(raw: bytes) -> list[str]:
    """Acknowledge and answer, as paths."""
    content = email.message_from_bytes(raw, policy=email.policy.default).get_content()
    return list(dict.fromkeys(re.findall(r"http://service(/v1/links/\S+)", content)))


async def test_a_department_without_a_system_acts_by_links_in_a_mail(centre: Centre) -> None:
    escalation_id = await centre.escalate(await centre.take(), "mailroom")
    await until(lambda: len(centre.mails) == 1, what="the mail")
    acknowledge, answer = links_of(centre.mails[0])
    anybody, path = centre.service.client(), f"/v1/escalations/{escalation_id}"
    page = await anybody.get(acknowledge)
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "Xác nhận" in page.text
    assert "Acknowledge" in page.text
    assert (await ok(await centre.boss.get(path)))["state"] == "raised"
    assert (await anybody.post(acknowledge)).status_code == 200
    assert (await ok(await centre.boss.get(path)))["state"] == "acknowledged"
    assert (await anybody.post(acknowledge)).status_code == 410
    assert (await anybody.get(acknowledge)).status_code == 410
    assert (await anybody.post(answer, data={"text": "  "})).status_code == 422
    assert (await anybody.post(answer, data={"text": "Đã xử lý <b>xong</b>"})).status_code == 200
    seen = await ok(await centre.boss.get(path))
    assert seen["state"] == "answered"
    assert seen["messages"][-1]["text"] == "Đã xử lý <b>xong</b>"
    assert seen["messages"][-1]["by"] == "department"
    assert (await anybody.get("/v1/links/" + "a" * 43)).status_code == 404
    assert (await anybody.post("/v1/links/guess")).status_code == 404


async def test_a_link_to_what_has_moved_on_says_so_and_is_not_used_up(centre: Centre) -> None:
    escalation_id = await centre.escalate(await centre.take(), "mailroom")
    await until(lambda: len(centre.mails) == 1, what="the mail")
    _, answer = links_of(centre.mails[0])
    await ok(await centre.an.post(f"/v1/escalations/{escalation_id}/withdraw", json={}))
    assert (await centre.service.client().post(answer, data={"text": "Muộn"})).status_code == 409


async def test_the_same_idempotency_key_says_it_once(centre: Centre) -> None:
    escalation_id = await centre.escalate(await centre.take())
    path, headers = f"/v1/escalations/{escalation_id}/progress", {"Idempotency-Key": "k-1"}
    first = await centre.department().post(path, json={"text": "Đang làm"}, headers=headers)
    again = await centre.department().post(path, json={"text": "Đang làm"}, headers=headers)
    assert first.json() == again.json()
    seen = await ok(await centre.boss.get(f"/v1/escalations/{escalation_id}"))
    assert len(seen["messages"]) == 2


async def test_a_department_answers_with_a_file(centre: Centre) -> None:
    contact_id = await centre.take()
    escalation_id, other = await centre.escalate(contact_id), await centre.escalate(contact_id, "sister")
    policy, path = centre.department(), f"/v1/escalations/{escalation_id}"
    file = {"file": ("quyết định.pdf", b"%PDF-1.7 ...", "application/pdf")}
    uploaded = await policy.post("/v1/attachments", files=file)
    assert uploaded.status_code == 201, uploaded.text
    attachment_id = uploaded.json()["attachment_id"]
    foreign = await centre.department("sister").post(
        f"/v1/escalations/{other}/answer", json={"text": "x", "attachments": [attachment_id]}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (422, "unknown_attachment")
    answered = await ok(await policy.post(f"{path}/answer", json={"text": "Kèm theo", "attachments": [attachment_id]}))
    assert answered["messages"][-1]["attachments"][0]["name"] == "quyết định.pdf"
    got = await centre.an.get(f"{path}/attachments/{attachment_id}")
    assert (got.status_code, got.content) == (200, b"%PDF-1.7 ...")
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (await centre.department("sister").get(f"{path}/attachments/{attachment_id}")).status_code == 404
    assert (await policy.get(f"{path}/attachments/at_nothing")).status_code == 404
