"""R-26 with a real engine, worker and database: who waits is told once, on the page and the portal, and never by machines in a circle."""

import json
from collections.abc import AsyncIterator

import pytest

from ccc_router.agents.store.contacts import Contacts
from ccc_router.channels.found import contact_id
from ccc_router.channels.outgoing import Automatic
from ccc_router.channels.replies import Replies
from ccc_router.events.commands import CloseContact
from ccc_router.events.vocabulary import DeliveryKind, Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.ids import derive
from ccc_router.queues.deliveries.port import Delivery, Failed
from ccc_router.storage.database import Database
from tests.contract.cases.fanpage import fixture
from tests.integration.channels.test_reception import PERSON, wrote
from tests.support.fake_graph import FakeGraph, serving
from tests.support.reception import Reception, receiving
from tests.support.waiting import eventually, until


@pytest.fixture
async def graph() -> AsyncIterator[FakeGraph]:
    async with serving() as server:
        yield server


async def foretell(database: Database, contact: str) -> None:
    """What the loop beside the service would foretell."""
    await database.pool.execute(
        "INSERT INTO expected_wait (pool, contact_id, queue, channel, at, ahead, p20_ms, p50_ms, p80_ms) "
        "VALUES ('main', $1, 'general', 'x', 0, 0, 61000, 150000, 290000)", contact,
    )  # fmt: skip


async def ends(desk: Reception, contact: str, state: str, reason: str = "") -> None:
    """Wait until the contact's automatic answer has come to this end."""

    async def there() -> bool:
        row = await desk.spine.database.pool.fetchrow(
            "SELECT state, last_error FROM delivery WHERE contact_id = $1 AND kind = 'acknowledgement'", contact
        )
        return row is not None and (row["state"], row["last_error"]) == (state, reason)

    await eventually(there, what=f"the automatic answer to be {state} {reason}")


async def test_r26_a_visitor_of_the_page_is_told_his_place_and_an_interval_once(
    database: Database, graph: FakeGraph
) -> None:
    async with receiving(database, graph, tells=True) as desk:
        first = contact_id("page-1", "mid:m_1")
        await foretell(database, first)
        await desk.tell(wrote("m_1", "Thẻ của tôi đâu?"))
        (contact,) = await desk.contacts()
        assert contact.id == first
        await until(lambda: bool(graph.calls), what="the automatic answer")
        (call,) = graph.calls
        assert (call.fields["recipient"], call.fields["messaging_type"]) == ({"id": PERSON}, "RESPONSE")
        reference = desk.spine.state.cases[contact.case_id].reference
        assert call.text == (
            f"Thử đã nhận được tin nhắn của Quý khách. Mã hồ sơ: {reference}. Quý khách đang ở vị trí thứ 1 trong hàng chờ. "
            "Thời gian chờ dự kiến: từ 1 phút đến 5 phút. Đây là tin nhắn tự động."
        )
        said = derive("ms", "main", "told", contact.id)
        await desk.delivered(said, "sent")
        await desk.tell(graph.echo(call))
        await desk.spine.empty()
        assert not desk.spine.state.contacts[contact.id].answered_outside, "our own echo is known"
        [row] = await database.pool.fetch("SELECT form, author, direction, text FROM message WHERE id = $1", said)
        assert tuple(row) == ("automatic", "system", "outbound", call.text), "the agent sees what was said"
        faces = await Contacts(database, "main").faces([contact.id])
        assert faces[contact.id].unanswered == 1, "nobody has answered yet"
        await desk.tell(wrote("m_2", "Còn ai không?"))
        await desk.spine.empty()
        assert len(graph.calls) == 1
        assert await database.pool.fetchval("SELECT count(*) FROM delivery WHERE kind = 'acknowledgement'") == 1


async def test_r26_to_one_person_an_hour_apart_whatever_contacts_he_makes(database: Database, graph: FakeGraph) -> None:
    """A machine that answers our automatic answer gets no second one."""
    async with receiving(database, graph, tells=True) as desk:
        for number in (1, 2):
            await foretell(database, contact_id("page-1", f"mid:m_{number}"))
        await desk.tell(wrote("m_1", "Một"))
        (first,) = await desk.contacts()
        await ends(desk, first.id, "sent")
        assert (await desk.spine.ask(closing(first.id))).status == 200
        await desk.tell(wrote("m_2", "Hai"))
        (second,) = await desk.contacts()
        assert second.id != first.id
        await ends(desk, second.id, "failed", "limit_address")
        assert len(graph.calls) == 1
        await database.pool.execute("UPDATE message SET at = at - 3600000 WHERE form = 'automatic'")
        assert (await desk.spine.ask(closing(second.id))).status == 200
        await foretell(database, contact_id("page-1", "mid:m_3"))
        await desk.tell(wrote("m_3", "Ba"))
        (third,) = await desk.contacts()
        await ends(desk, third.id, "sent")


def closing(contact: str) -> CloseContact:
    return CloseContact(actor="mai", actor_role=Role.SUPERVISOR, contact_id=contact, reason="done")


async def test_r26_below_a_comment_nothing_is_said(database: Database, graph: FakeGraph) -> None:
    async with receiving(database, graph, tells=True) as desk:
        document = json.loads(fixture("told/comment"))
        document["entry"][0]["changes"][0]["value"]["created_time"] = SystemClock().now_ms() // 1000
        await desk.tell(json.dumps(document).encode())
        await desk.contacts()
        await desk.spine.empty()
        assert await database.pool.fetchval("SELECT count(*) FROM delivery") == 0


async def test_r26_a_visitor_of_the_portal_reads_it_as_a_message(database: Database, graph: FakeGraph) -> None:
    async with receiving(database, graph, tells=True) as desk:
        tickets = []
        for words in ("Một", "Hai"):
            form = {"text": words, "language": "en"}
            tickets.append((await desk.http.post("/portal/portal/contacts", json=form)).json())
            await foretell(database, tickets[-1]["contact_id"])
            await desk.contacts(len(tickets))
        ticket = tickets[1]
        await ends(desk, ticket["contact_id"], "sent")
        path = f"/portal/portal/contacts/{ticket['reference']}"
        said = (await desk.http.get(path, headers={"Authorization": f"Bearer {ticket['token']}"})).json()["messages"]
        assert [(one["number"], one["author"]) for one in said] == [(1, "customer"), (2, "centre")]
        assert f"Your reference: {ticket['reference']}." in said[1]["text"]
        assert "You are number 2 in line." in said[1]["text"]
        assert "you can ask here to be called back" in said[1]["text"]


async def test_r26_who_was_taken_before_it_is_said_is_told_nothing(database: Database, graph: FakeGraph) -> None:
    async with receiving(database, graph) as desk:
        await desk.tell(wrote("m_1", "Một"))
        (contact,) = await desk.contacts()
        await desk.accepted(contact)
        owed = Delivery(
            pool="main", id=derive("dl", "late"), kind=DeliveryKind.ACKNOWLEDGEMENT, lane="x", target="page-1",
            contact_id=contact.id, message_id=derive("ms", "late"), data={"wait": "waits"},
        )  # fmt: skip
        automatic = Automatic(database, desk.spine.current, desk.spine.clock, Replies(desk.spine.current, {}))
        assert await automatic.send(owed) == Failed("waits_no_longer")
        assert await database.pool.fetchval("SELECT count(*) FROM message WHERE form = 'automatic'") == 0
