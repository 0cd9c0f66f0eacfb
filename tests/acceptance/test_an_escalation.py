"""A case goes to the department that can solve it and comes back solved, and the customer is told on his own channel."""

from asyncio import to_thread
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from tests.acceptance.surroundings import (
    Centre,
    Document,
    a_centre,
    a_message,
    accepted,
    answers_by_mail,
    do,
    ready,
    send_mail,
    state_of,
)
from tests.support.waiting import eventually, until


async def event_of(centre: Centre, kind: str, escalation_id: object) -> dict[str, Any]:
    """Wait for a notice that the department's own check of the signature let through."""

    def found() -> list[dict[str, Any]]:
        return [
            event
            for event in centre.department.events
            if event["type"] == kind and event["data"]["escalation_id"] == escalation_id
        ]

    await until(lambda: bool(found()), what=f"{kind} to reach the department")
    return found()[0]


async def solved_by_the_department(centre: Centre, an: httpx.AsyncClient, contact: object) -> Document:
    """Escalate, be asked back, answer, be answered, accept; returns the accepted offer of the internal contact."""
    department = centre.service.client(Role.DEPARTMENT, "d_hi")
    raised = await do(
        an, f"/v1/contacts/{contact}/escalate", {"department": "d_hi", "summary": "Thẻ báo hết hạn khi đi khám."}, 201
    )
    escalation = raised["escalation_id"]
    event = await event_of(centre, "ccc.escalation.raised.v1", escalation)
    assert event["data"]["summary"] == "Thẻ báo hết hạn khi đi khám."
    path = f"/v1/escalations/{escalation}"
    assert (await do(department, f"{path}/acknowledge"))["state"] == "acknowledged"

    await do(department, f"{path}/ask", {"text": "Bệnh viện nào?"})
    asked = await accepted(an)
    assert (asked["channel"], asked["reason"]) == ("internal", "sticky")
    await do(an, f"{path}/reply", {"text": "Bạch Mai."})
    reply = await event_of(centre, "ccc.escalation.reply.v1", escalation)
    assert reply["data"]["text"] == "Bạch Mai."
    await do(
        an, f"/v1/contacts/{asked['contact_id']}/complete", {"disposition": "answered", "resolution": "unresolved"}
    )

    assert (await do(department, f"{path}/answer", {"text": "Đã gia hạn thẻ."}))["state"] == "answered"
    back = await accepted(an)
    assert (back["channel"], back["case_id"]) == ("internal", asked["case_id"])
    assert (await do(an, f"{path}/accept"))["state"] == "accepted"
    return back


@pytest.mark.timeout(180)
async def test_a_portal_case_comes_back_solved_and_the_visitor_is_told() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        visitor = centre.service.anybody()
        ticket = await do(visitor, "/v1/channels/portal/site/contacts", {"text": "Thẻ của tôi hết hạn."}, 201)
        first = await accepted(an)
        back = await solved_by_the_department(centre, an, first["contact_id"])
        await do(an, f"/v1/contacts/{back['contact_id']}/messages", {"text": "Thẻ đã được gia hạn."}, 202)
        headers = {"Authorization": f"Bearer {ticket['token']}"}

        async def told() -> bool:
            answer = await visitor.get(f"/v1/channels/portal/site/contacts/{ticket['reference']}", headers=headers)
            return "Thẻ đã được gia hạn." in answer.text

        assert await eventually(told, what="the visitor to be told")
        done = {"disposition": "answered", "resolution": "resolved"}
        await do(an, f"/v1/contacts/{back['contact_id']}/complete", done)


@pytest.mark.timeout(180)
async def test_a_messenger_case_comes_back_solved_and_is_told_in_messenger() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        await centre.meta_says(a_message("Thẻ của tôi hết hạn", "m_e1"))
        first = await accepted(an)
        back = await solved_by_the_department(centre, an, first["contact_id"])
        await do(an, f"/v1/contacts/{back['contact_id']}/messages", {"text": "Thẻ đã được gia hạn."}, 202)
        await until(lambda: bool(centre.graph.calls), what="Messenger to be told")
        assert centre.graph.calls[0].text == "Thẻ đã được gia hạn."


@pytest.mark.timeout(180)
async def test_a_mailed_case_comes_back_solved_and_is_told_by_mail_in_its_thread() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        mail = EmailMessage()
        mail["From"], mail["To"] = "Người hỏi <hoi@example.net>", "ccc@example.org"
        mail["Subject"], mail["Message-ID"] = "Thẻ hết hạn", "<the-1@example.net>"
        mail.set_content("Thẻ của tôi hết hạn.")
        await to_thread(send_mail, centre.smtp_port, mail)
        first = await accepted(an)
        assert first["channel"] == "email"
        back = await solved_by_the_department(centre, an, first["contact_id"])
        assert answers_by_mail(centre) == [], "nothing of the department reaches him unread by an agent"
        await do(an, f"/v1/contacts/{back['contact_id']}/messages", {"text": "Thẻ đã được gia hạn."}, 202)
        await until(lambda: bool(answers_by_mail(centre)), what="the answer to reach the relay")
        [raw] = answers_by_mail(centre)
        told = message_from_bytes(raw, policy=default)
        assert told["To"].addresses[0].addr_spec == "hoi@example.net"
        assert told["In-Reply-To"] == "<the-1@example.net>"
        words = told.get_body(("plain",))
        assert words is not None
        assert "Thẻ đã được gia hạn." in words.get_content()


@pytest.mark.timeout(180)
async def test_a_callers_case_comes_back_solved_and_he_is_called() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        await centre.switch.event("Offered", "call-e", calling="0912345678", called="19009068")
        first = await accepted(an)
        await state_of(an, first["contact_id"], "active")
        await do(
            an,
            f"/v1/contacts/{first['contact_id']}/messages",
            {"text": "Thẻ hết hạn, đang ở viện.", "visibility": "note"},
            202,
        )
        raised = await do(
            an,
            f"/v1/contacts/{first['contact_id']}/escalate",
            {"department": "d_hi", "summary": "Gấp", "urgency": "urgent", "keep": True},
            201,
        )
        await event_of(centre, "ccc.escalation.raised.v1", raised["escalation_id"])
        await do(an, f"/v1/contacts/{first['contact_id']}/hangup", status=202)
        await state_of(an, first["contact_id"], "wrap_up")
        await do(
            an, f"/v1/contacts/{first['contact_id']}/complete", {"disposition": "answered", "resolution": "unresolved"}
        )
        department = centre.service.client(Role.DEPARTMENT, "d_hi")
        await do(department, f"/v1/escalations/{raised['escalation_id']}/acknowledge")
        await do(department, f"/v1/escalations/{raised['escalation_id']}/answer", {"text": "Đã gia hạn thẻ."})
        back = await accepted(an)
        await do(an, f"/v1/escalations/{raised['escalation_id']}/accept")
        called = await do(an, f"/v1/cases/{back['case_id']}/call", {}, 201)
        await state_of(an, called["contact_id"], "active")
        dial = next(one for one in centre.switch.commands if one["command"] == "dial")
        assert dial["called"] == "+84912345678"
        await do(an, f"/v1/contacts/{called['contact_id']}/hangup", status=202)
        await state_of(an, called["contact_id"], "wrap_up")
        await do(an, f"/v1/contacts/{called['contact_id']}/complete", {"disposition": "answered"})
        await do(an, f"/v1/contacts/{back['contact_id']}/complete", {"disposition": "answered"})


@pytest.mark.timeout(120)
async def test_what_another_departments_is_does_not_exist_for_this_one() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        await do(centre.service.anybody(), "/v1/channels/portal/site/contacts", {"text": "Thẻ của tôi hết hạn."}, 201)
        first = await accepted(an)
        raised = await do(
            an, f"/v1/contacts/{first['contact_id']}/escalate", {"department": "d_hi", "summary": "Xem giúp."}, 201
        )
        path = f"/v1/escalations/{raised['escalation_id']}"
        assert (await centre.service.client(Role.DEPARTMENT, "d_hi").get(path)).status_code == 200
        assert (await centre.service.client(Role.DEPARTMENT, "d_office").get(path)).status_code == 404
