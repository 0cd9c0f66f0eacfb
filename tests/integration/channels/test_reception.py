"""Messages in, decisions, replies out: page and portal with a real engine, worker and database, and a fake Graph server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from ccc_router.events.vocabulary import Visibility
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from tests.contract.cases.fanpage import fixture
from tests.support.fake_graph import FakeGraph, serving
from tests.support.reception import Reception, receiving
from tests.support.waiting import eventually, until

PERSON = "6512345678901234"
NOW = SystemClock().now_ms()


def page_event(event: dict[str, Any]) -> bytes:
    whole = {"sender": {"id": PERSON}, "recipient": {"id": "100518329516574"}, "timestamp": NOW, **event}
    entry = {"id": "100518329516574", "time": NOW, "messaging": [whole]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def wrote(mid: str, words: str, person: str = PERSON) -> bytes:
    return page_event({"sender": {"id": person}, "message": {"mid": mid, "text": words}})


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    async with serving() as server:
        yield server


@pytest.fixture
async def desk(database: Database, graph: FakeGraph) -> AsyncIterator[Reception]:
    async with receiving(database, graph) as reception:
        yield reception


async def test_a_messenger_message_is_answered_and_the_next_one_joins(desk: Reception, graph: FakeGraph) -> None:
    assert await desk.tell(wrote("m_1", "Thẻ của tôi đâu?")) == {"accepted": 1, "duplicate": 0, "ignored": 0}
    (contact,) = await desk.contacts()
    await desk.accepted(contact)
    message_id = await desk.answer(contact, "Chào anh, thẻ đã được gửi.")
    await desk.delivered(message_id, "sent")
    (call,) = graph.calls
    assert (call.text, call.fields["recipient"]) == ("Chào anh, thẻ đã được gửi.", {"id": PERSON})
    await desk.tell(wrote("m_2", "Cảm ơn."))
    await until(lambda: desk.spine.state.contacts[contact.id].messages == 3, what="the message joins")
    await desk.contacts(1)


async def test_i2_64_copies_at_once_are_one_contact(desk: Reception) -> None:
    """R-19: what a channel delivers twice is one contact and the same answer; the echo of our own answer is known."""
    body = wrote("m_64", "Một lần thôi")
    receipts = await asyncio.gather(*(desk.tell(body) for _ in range(64)))
    assert sorted(receipt["accepted"] for receipt in receipts) == [0] * 63 + [1]
    assert all(receipt["accepted"] + receipt["duplicate"] == 1 for receipt in receipts)
    await desk.spine.empty()
    await desk.contacts(1)
    assert await desk.spine.database.pool.fetchval("SELECT count(*) FROM message") == 1


async def test_an_echo_ends_a_call_that_was_never_answered(database: Database, graph: FakeGraph) -> None:
    """Nothing is sent twice: the time-out is unknown until Meta's echo says that the message arrived."""

    async def takes_and_says_nothing(request: Request) -> Response:
        graph.make(request.url.path, dict(await request.json()))
        await graph.release.wait()
        return Response()

    async with receiving(database, graph, timeout_s=0.3) as desk:
        await desk.tell(wrote("m_1", "Xin chào"))
        (contact,) = await desk.contacts()
        await desk.accepted(contact)
        graph.behave(takes_and_says_nothing)
        message_id = await desk.answer(contact, "Chào anh")
        await desk.delivered(message_id, "unknown")
        (call,) = graph.calls
        await desk.tell(graph.echo(call))
        await desk.delivered(message_id, "sent")
        assert len(graph.calls) == 1


async def test_an_echo_that_comes_before_the_answer_is_believed(database: Database, graph: FakeGraph) -> None:
    """R-19: Also when the call then ends without an answer: the echo's word stands."""
    called = asyncio.Event()

    async def takes_and_waits(request: Request) -> Response:
        graph.make(request.url.path, dict(await request.json()))
        called.set()
        await graph.release.wait()
        return Response()

    async with receiving(database, graph, timeout_s=1.0) as desk:
        await desk.tell(wrote("m_1", "Xin chào"))
        (contact,) = await desk.contacts()
        await desk.accepted(contact)
        graph.behave(takes_and_waits)
        message_id = await desk.answer(contact, "Chào anh")
        await called.wait()
        await desk.tell(graph.echo(graph.calls[0]))

        async def says_sent() -> bool:
            query = "SELECT delivery_state = 'sent' FROM message WHERE id = $1"
            return bool(await database.pool.fetchval(query, message_id))

        await eventually(says_sent, what="the echo is believed")
        await desk.delivered(message_id, "sent")
        outcomes = await database.pool.fetch("SELECT outcome FROM delivery_attempt")
        assert [row["outcome"] for row in outcomes] == ["unknown"]
        assert len(graph.calls) == 1


async def test_somebody_elses_answer_marks_the_contact(desk: Reception) -> None:
    await desk.tell(wrote("m_1", "Xin chào"))
    (contact,) = await desk.contacts()
    await desk.tell(fixture("told/foreign_echo"))
    await until(lambda: desk.spine.state.contacts[contact.id].answered_outside, what="answered outside")


async def test_receipts_reach_our_messages(desk: Reception, graph: FakeGraph) -> None:
    await desk.tell(wrote("m_1", "Xin chào"))
    (contact,) = await desk.contacts()
    await desk.accepted(contact)
    message_id = await desk.answer(contact, "Chào anh")
    await desk.delivered(message_id, "sent")
    await desk.tell(page_event({"read": {"watermark": SystemClock().now_ms() + 1000}}))

    async def is_read() -> bool:
        return bool(
            await desk.spine.database.pool.fetchval("SELECT mark = 'read' FROM message WHERE id = $1", message_id)
        )

    await eventually(is_read, what="the read mark")


async def test_a_deleted_message_is_gone_here_too_and_reopens_nothing(desk: Reception) -> None:
    await desk.tell(wrote("m_1", "Số CCCD của tôi là bí mật"))
    await desk.contacts()
    await desk.tell(page_event({"message": {"mid": "m_1", "is_deleted": True}}))

    async def gone() -> bool:
        return bool(await desk.spine.database.pool.fetchval("SELECT deleted AND text = '' FROM message"))

    await eventually(gone, what="the deletion")
    await desk.contacts(1)


async def test_a_comment_is_answered_in_public_and_its_author_goes_on_in_private(
    desk: Reception, graph: FakeGraph
) -> None:
    """The private answer's echo ties the conversation to the comment's case: its author is met there again."""
    document = json.loads(fixture("told/comment"))
    document["entry"][0]["changes"][0]["value"]["created_time"] = NOW // 1000
    await desk.tell(json.dumps(document).encode())
    (contact,) = await desk.contacts()
    await desk.accepted(contact)
    await desk.delivered(await desk.answer(contact, "Chào anh.", Visibility.PUBLIC), "sent")
    assert graph.calls[0].path.endswith("/194260390126069_77/comments")
    await desk.delivered(await desk.answer(contact, "Mời anh nhắn riêng.", Visibility.PRIVATE), "sent")
    private = graph.calls[1]
    assert private.fields["recipient"] == {"comment_id": "194260390126069_77"}
    await desk.tell(graph.echo(private, person="6512345678907777"))
    await desk.spine.empty()
    await desk.tell(wrote("m_9", "Tôi đây.", person="6512345678907777"))
    await until(lambda: desk.spine.state.contacts[contact.id].messages == 4, what="the author's message joins")
    await desk.contacts(1)


async def test_a_portal_visitor_gets_his_answer(desk: Reception) -> None:
    ticket = (await desk.http.post("/portal/portal/contacts", json={"text": "Thẻ của tôi đâu?"})).json()
    (contact,) = await desk.contacts()
    assert (contact.id, contact.case_id) == (ticket["contact_id"], ticket["case_id"])
    assert desk.spine.state.cases[contact.case_id].reference == ticket["reference"]
    await desk.accepted(contact)
    await desk.delivered(await desk.answer(contact, "Chào anh, thẻ đã được gửi."), "sent")
    here = f"/portal/portal/contacts/{ticket['reference']}"
    token = {"Authorization": f"Bearer {ticket['token']}"}
    said = (await desk.http.get(here, headers=token)).json()
    assert [(one["number"], one["author"], one["text"]) for one in said["messages"]] == [
        (1, "customer", "Thẻ của tôi đâu?"),
        (2, "centre", "Chào anh, thẻ đã được gửi."),
    ]
    assert said["state"] == "open"
    answer = await desk.http.post(f"{here}/messages", json={"text": "Cảm ơn."}, headers=token)
    assert answer.json()["number"] == 3
    await until(lambda: desk.spine.state.contacts[contact.id].messages == 3, what="the message joins")
    await desk.contacts(1)


async def test_two_visitors_who_name_the_same_phone_are_two_customers(desk: Reception) -> None:
    """R-25: One customer on two tickets only by something verified: a form proves nothing."""
    for words in ("Một", "Hai"):
        form = {"text": words, "phone": "0912345678", "name": "Nguyễn Thị Thử"}
        assert (await desk.http.post("/portal/portal/contacts", json=form)).status_code == 201
    one, other = await desk.contacts(2)
    assert one.customer_id != other.customer_id


async def test_one_person_on_page_and_portal_is_two_customers(desk: Reception) -> None:
    await desk.tell(wrote("m_1", "Xin chào"))
    await desk.http.post("/portal/portal/contacts", json={"text": "Xin chào"})
    one, other = await desk.contacts(2)
    assert one.customer_id != other.customer_id


async def test_meta_may_check_the_webhook(desk: Reception) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "1158201444"}
    answer = await desk.http.get("/fanpage/page-1/webhook", params=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in ({**query, "hub.verify_token": "other"}, {}, {**query, "hub.mode": "x"}):
        assert (await desk.http.get("/fanpage/page-1/webhook", params=wrong)).status_code == 401
    assert (await desk.http.get("/fanpage/portal/webhook", params=query)).status_code == 404
