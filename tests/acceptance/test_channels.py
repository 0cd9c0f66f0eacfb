"""A message from each messaging channel is answered on the channel it came from, over real sockets."""

import json
from asyncio import to_thread
from email.message import EmailMessage

import httpx
import pytest

from tests.acceptance.surroundings import (
    PERSON,
    a_centre,
    a_message,
    accepted,
    answers_by_mail,
    do,
    ready,
    send_mail,
)
from tests.support.waiting import eventually, until


@pytest.mark.timeout(120)
async def test_a_messenger_message_and_a_feed_comment_are_answered_through_the_graph() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        told = await centre.meta_says(a_message("Thẻ BHYT của tôi hết hạn", "m_1"))
        assert told.json() == {"accepted": 1, "duplicate": 0, "ignored": 0}
        again = await centre.meta_says(a_message("Thẻ BHYT của tôi hết hạn", "m_1"))
        assert again.json()["duplicate"] == 1
        offer = await accepted(an)
        await do(an, f"/v1/contacts/{offer['contact_id']}/messages", {"text": "Chúng tôi đang xem."}, 202)
        await until(lambda: len(centre.graph.calls) == 1, what="the answer to reach Meta")
        assert centre.graph.calls[0].text == "Chúng tôi đang xem."
        await centre.meta_posts(centre.graph.echo(centre.graph.calls[0], PERSON))
        await do(an, f"/v1/contacts/{offer['contact_id']}/complete", {"disposition": "answered"})

        comment = {
            "field": "feed",
            "value": {
                "item": "comment", "verb": "add", "post_id": "100_1", "comment_id": "100_77", "parent_id": "100_1",
                "from": {"id": "6512345678901299", "name": "Người hỏi"}, "message": "Bao giờ có thẻ?", "created_time": 1795335990,
            },
        }  # fmt: skip
        await centre.meta_says(changes=(comment,))
        offer = await accepted(an)
        await do(an, f"/v1/contacts/{offer['contact_id']}/messages", {"text": "Trong tuần này."}, 202)
        await until(lambda: len(centre.graph.calls) == 2, what="the comment to be answered")
        assert centre.graph.calls[1].path.endswith("/100_77/comments")


@pytest.mark.timeout(120)
async def test_a_portal_visitor_reads_the_answer_in_his_stream() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        visitor = centre.service.anybody()
        form = {"text": "Tôi chưa nhận được thẻ BHYT mới.", "name": "Người hỏi", "language": "vi"}
        ticket = await do(visitor, "/v1/channels/portal/site/contacts", form, 201)
        offer = await accepted(an)
        assert offer["case_id"] == ticket["case_id"]
        await do(
            an,
            f"/v1/contacts/{offer['contact_id']}/messages",
            {"text": "Thẻ đã được gửi.", "visibility": "public"},
            202,
        )
        headers = {"Authorization": f"Bearer {ticket['token']}"}
        path = f"/v1/channels/portal/site/contacts/{ticket['reference']}"
        async with visitor.stream("GET", f"{path}/stream", headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:") and "Thẻ đã được gửi." in json.dumps(
                    json.loads(line[5:]), ensure_ascii=False
                ):
                    break
        await do_with(visitor, f"{path}/messages", {"text": "Cảm ơn"}, headers)
        joined = await eventually(lambda: _messages(an, offer["contact_id"], 3), what="his answer to join the contact")
        assert joined


async def do_with(visitor: httpx.AsyncClient, path: str, body: dict[str, object], headers: dict[str, str]) -> None:
    """Post with a visitor's token."""
    answer = await visitor.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201, 202), answer.text


async def _messages(client: httpx.AsyncClient, contact_id: object, wanted: int) -> bool:
    found = (await client.get(f"/v1/contacts/{contact_id}")).json()
    return int(found["messages"]) >= wanted


@pytest.mark.timeout(120)
async def test_a_mail_comes_back_as_an_answer_that_threads() -> None:
    async with a_centre() as centre:
        an = await ready(centre.agent("an"))
        mail = EmailMessage()
        mail["From"], mail["To"] = "Người hỏi <hoi@example.net>", "ccc@example.org"
        mail["Subject"], mail["Message-ID"] = "Hỏi về sổ BHXH", "<hoi-1@example.net>"
        mail.set_content("Sổ của tôi sai ngày sinh.")
        await to_thread(send_mail, centre.smtp_port, mail)
        offer = await accepted(an)
        assert offer["channel"] == "email"
        await do(an, f"/v1/contacts/{offer['contact_id']}/messages", {"text": "Mời anh gửi bản chụp CCCD."}, 202)
        await until(lambda: bool(answers_by_mail(centre)), what="the answer to reach the relay")
        raw = answers_by_mail(centre)[0]
        assert b"In-Reply-To: <hoi-1@example.net>" in raw
        assert b"References: <hoi-1@example.net>" in raw
        message_id = next(
            line.split(b":", 1)[1].strip() for line in raw.splitlines() if line.lower().startswith(b"message-id:")
        )
        back = EmailMessage()
        back["From"], back["To"], back["Subject"] = "hoi@example.net", "ccc@example.org", "Chuyện khác"
        back["Message-ID"], back["In-Reply-To"] = "<hoi-2@example.net>", message_id.decode()
        back.set_content("Đây ạ.")
        await to_thread(send_mail, centre.smtp_port, back)
        assert await eventually(lambda: _messages(an, offer["contact_id"], 3), what="the answer to join its contact")
