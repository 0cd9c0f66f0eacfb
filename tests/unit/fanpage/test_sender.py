"""Replies by the Send API, against a Graph server on a socket."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from ccc_router.channels.channel import Parsed
from ccc_router.channels.fanpage.adapter import FanpageAdapter
from ccc_router.channels.fanpage.graph import a_client
from ccc_router.channels.fanpage.parts import PartState
from ccc_router.channels.fanpage.sender import FanpageSender
from ccc_router.channels.outgoing import Outgoing
from ccc_router.events.facts import Attachment, DeliveryReported
from ccc_router.events.vocabulary import DeliveryKind, Visibility
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Retry, Sent, Unknown
from tests.contract.cases.fanpage import deliver
from tests.support.channel_case import RECEIVED_AT, an_endpoint
from tests.support.channel_intake import FixedClock, KnownEndpoints, KnownSecrets
from tests.support.fake_graph import APP_SECRET, PAGE_ID, TOKEN, FakeGraph, failing, saying, serving

PERSON = "6512345678901234"
HOUR = 3_600_000
DELIVERY = Delivery(
    pool="main",
    id="dl_" + "7" * 26,
    kind=DeliveryKind.REPLY,
    lane="reply:ct_" + "7" * 26,
    target="page-1",
    contact_id="ct_" + "7" * 26,
    message_id="ms_" + "7" * 26,
)
MESSAGE = Outgoing(
    text="Chào anh, thẻ đã được gửi.",
    visibility=Visibility.PRIVATE,
    author="an.nguyen",
    address=f"psid:{PERSON}",
    endpoint="page-1",
    last_inbound_at=RECEIVED_AT - HOUR,
)
PHOTO = Attachment("at_1", "anh.jpg", "image/jpeg", 4, "ab" * 32)


class KeptOutbox:
    def __init__(self) -> None:
        self.outgoing: Outgoing | None = MESSAGE
        self.files = {PHOTO.sha256: b"\xff\xd8\xff\xe0"}

    async def of(self, delivery: Delivery) -> Outgoing | None:
        return self.outgoing

    async def content(self, attachment: Attachment) -> bytes | None:
        return self.files.get(attachment.sha256)


class KeptParts:
    def __init__(self) -> None:
        self.parts: dict[int, PartState] = {}

    async def read(self, pool: str, delivery_id: str) -> dict[int, PartState]:
        return dict(self.parts)

    async def set(self, pool: str, delivery_id: str, part: int, state: PartState) -> None:
        self.parts[part] = state

    async def forget(self, pool: str, delivery_id: str, part: int) -> None:
        del self.parts[part]


class Page:
    """A sender with its surroundings."""

    def __init__(self, graph: FakeGraph, client: httpx.AsyncClient) -> None:
        self.graph = graph
        self.outbox = KeptOutbox()
        self.parts = KeptParts()
        self.secrets = {"page-1": (APP_SECRET,), "page-1.token": (TOKEN,)}
        self.options = {"base_url": graph.base_url, "page_id": PAGE_ID}
        self._client = client

    async def send(self, delivery: Delivery = DELIVERY, /, **changes: object) -> Attempted:
        if changes:
            self.outbox.outgoing = msgspec.structs.replace(MESSAGE, **changes)
        directory = KnownEndpoints(an_endpoint("fanpage", "page-1", **self.options))
        sender = FanpageSender(
            self._client, self.outbox, self.parts, KnownSecrets(self.secrets), directory, FixedClock()
        )
        return await sender.send(delivery)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with serving() as graph, a_client() as client:
        client.timeout = httpx.Timeout(5.0)
        yield Page(graph, client)


async def test_a_reply_within_a_day_is_a_response_with_our_mark(page: Page) -> None:
    assert await page.send() == Sent("m_fake_1")
    (call,) = page.graph.calls
    assert call.path == f"/v24.0/{PAGE_ID}/messages"
    assert call.text == MESSAGE.text
    assert call.fields["recipient"] == {"id": PERSON}
    assert call.fields["messaging_type"] == "RESPONSE"
    assert "tag" not in call.fields


async def test_the_echo_of_what_we_sent_confirms_it_even_when_it_comes_first(page: Page) -> None:
    """The echo says all that the answer to the call would have said."""
    await page.send()
    parsed = FanpageAdapter().parse(deliver(page.graph.echo(page.graph.calls[0])), an_endpoint("fanpage", "page-1"), {})
    assert isinstance(parsed, Parsed)
    fact = parsed.facts[0].fact
    assert isinstance(fact, DeliveryReported)
    assert (fact.delivery_id, fact.message_id, fact.contact_id) == (
        DELIVERY.id,
        DELIVERY.message_id,
        DELIVERY.contact_id,
    )
    assert fact.external_id == "m_fake_1"


@pytest.mark.parametrize(
    ("age", "kind", "options", "expected"),
    [
        (23 * HOUR, DeliveryKind.REPLY, {}, "RESPONSE"),
        (25 * HOUR, DeliveryKind.REPLY, {}, "MESSAGE_TAG"),
        (6 * 24 * HOUR, DeliveryKind.REPLY, {}, "MESSAGE_TAG"),
        (8 * 24 * HOUR, DeliveryKind.REPLY, {}, None),
        (25 * HOUR, DeliveryKind.ACKNOWLEDGEMENT, {}, None),
        (25 * HOUR, DeliveryKind.REPLY, {"human_agent": "no"}, None),
    ],
)
async def test_the_window_decides_how_and_whether(
    page: Page, age: int, kind: DeliveryKind, options: dict[str, str], expected: str | None
) -> None:
    page.options |= options
    result = await page.send(msgspec.structs.replace(DELIVERY, kind=kind), last_inbound_at=RECEIVED_AT - age)
    if expected is None:
        assert result == Failed("window_closed")
        assert page.graph.calls == []
        return
    assert result == Sent("m_fake_1")
    (call,) = page.graph.calls
    assert call.fields["messaging_type"] == expected
    assert call.fields.get("tag") == ("HUMAN_AGENT" if expected == "MESSAGE_TAG" else None)


async def test_somebody_who_never_wrote_is_not_written_to(page: Page) -> None:
    assert await page.send(last_inbound_at=0) == Failed("window_closed")


async def test_a_comment_is_answered_in_public_below_it(page: Page) -> None:
    result = await page.send(
        address="comment:194260390126069_77", visibility=Visibility.PUBLIC, last_inbound_at=RECEIVED_AT - 30 * 24 * HOUR
    )
    assert result == Sent("194260390126069_901")
    (call,) = page.graph.calls
    assert call.path == "/v24.0/194260390126069_77/comments"
    assert call.fields == {"message": MESSAGE.text}


async def test_a_comment_is_answered_in_private_to_its_author(page: Page) -> None:
    assert await page.send(address="comment:194260390126069_77") == Sent("m_fake_1")
    (call,) = page.graph.calls
    assert call.path == f"/v24.0/{PAGE_ID}/messages"
    assert call.fields["recipient"] == {"comment_id": "194260390126069_77"}
    assert call.metadata.endswith(":p")


async def test_r26_nothing_automatic_is_said_below_a_comment(page: Page) -> None:
    """The one private reply to a comment is an agent's."""
    automatic = msgspec.structs.replace(DELIVERY, kind=DeliveryKind.ACKNOWLEDGEMENT)
    assert await page.send(automatic, address="comment:1_2", visibility=Visibility.PRIVATE) == Failed("below_a_comment")
    assert not page.graph.calls


async def test_a_private_reply_has_seven_days(page: Page) -> None:
    result = await page.send(address="comment:1_2", last_inbound_at=RECEIVED_AT - 8 * 24 * HOUR)
    assert result == Failed("window_closed")


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [
        (10, 2018278, Failed("window_closed")),
        (551, 0, Failed("person_unavailable")),
        (551, 1545041, Failed("person_unavailable")),
        (200, 1545041, Failed("person_unavailable")),
        (200, 0, Failed("person_unavailable")),
        (100, 0, Failed("bad_request")),
        (100, 2018001, Failed("person_unknown")),
        (10900, 0, Failed("already_answered")),
        (613, 0, Retry("rate_limited")),
        (4, 0, Retry("rate_limited")),
        (32, 0, Retry("rate_limited")),
        (80006, 0, Retry("rate_limited")),
        (1200, 0, Retry("temporary")),
        (2, 0, Retry("temporary")),
        (190, 460, Parked("token_dead")),
        (10, 0, Parked("permission")),
        (230, 0, Parked("permission")),
        (99999, 0, Failed("graph_99999")),
    ],
)
async def test_each_error_has_its_meaning(page: Page, code: int, subcode: int, expected: Attempted) -> None:
    page.graph.behave(failing(code, subcode))
    assert await page.send() == expected
    assert page.parts.parts == {}, "refused is not sent: it may be tried again"


async def test_a_rate_limit_says_when_to_come_back(page: Page) -> None:
    page.graph.behave(failing(613, retry_after="120"))
    assert await page.send() == Retry("rate_limited", 120_000)
    usage = '{"100":[{"type":"messenger","estimated_time_to_regain_access":3}]}'
    page.graph.behave(failing(80006, x_business_use_case_usage=usage))
    assert await page.send() == Retry("rate_limited", 180_000)
    page.graph.behave(saying(429, retry_after="7"))
    assert await page.send() == Retry("rate_limited", 7_000)


async def test_a_call_without_an_answer_is_unknown_and_not_repeated(page: Page) -> None:
    """No idempotency key: only the echo, or a person, may end this."""

    async def silent(_request: Request) -> Response:
        await page.graph.release.wait()
        return Response()

    page._client.timeout = httpx.Timeout(0.2)
    page.graph.behave(silent)
    assert await page.send() == Unknown("timeout")
    assert page.parts.parts == {0: "unknown"}
    assert len(page.graph.refused) == 1
    assert page.graph.calls == []


async def test_a_person_may_order_an_unknown_message_to_be_sent_again(page: Page) -> None:
    page.parts.parts = {0: "unknown"}
    assert await page.send() == Sent("m_fake_1")


async def test_what_its_echo_says_arrived_is_not_sent_again(page: Page) -> None:
    page.parts.parts = {0: "unknown"}
    assert await page.send(arrived=True) == Sent()
    assert page.graph.calls == []


async def test_a_process_that_died_while_sending_does_not_send_again(page: Page) -> None:
    page.parts.parts = {0: "sending"}
    assert await page.send() == Unknown("interrupted")
    assert page.graph.calls == []


@pytest.mark.parametrize(("status", "body"), [(500, ""), (502, "<html>"), (503, ""), (200, "<html>"), (200, "{}")])
async def test_an_answer_that_says_nothing_is_unknown(page: Page, status: int, body: str) -> None:
    page.graph.behave(saying(status, body))
    assert isinstance(await page.send(), Unknown)


async def test_a_redirect_is_not_followed(page: Page) -> None:
    page.graph.behave(saying(302, location=page.graph.base_url + "/elsewhere"))
    assert await page.send() == Parked("redirected")
    assert len(page.graph.refused) == 1


async def test_a_server_that_is_not_there_is_tried_again(page: Page) -> None:
    page.options["base_url"] = "http://127.0.0.1:9"
    assert await page.send() == Retry("connect_failed")
    assert page.parts.parts == {}


async def test_files_go_as_messages_of_their_own_and_none_twice(page: Page) -> None:
    assert await page.send(attachments=(PHOTO, PHOTO)) == Sent("m_fake_3")
    text, first, second = page.graph.calls
    assert text.text == MESSAGE.text
    assert first.file == second.file == b"\xff\xd8\xff\xe0"
    assert first.fields["message"] == {"attachment": {"type": "image", "payload": {}}, "metadata": first.metadata}
    assert [call.metadata.endswith("m") for call in page.graph.calls] == [True, True, False]
    assert page.parts.parts == {0: "sent", 1: "sent", 2: "sent"}


async def test_after_a_refusal_only_the_missing_parts_are_sent(page: Page) -> None:
    page.outbox.outgoing = msgspec.structs.replace(MESSAGE, attachments=(PHOTO,))
    page.parts.parts = {0: "sent"}
    page.graph.behave(failing(613))
    assert await page.send() == Retry("rate_limited")
    assert await page.send() == Sent("m_fake_1")
    assert [call.file for call in page.graph.calls] == [b"\xff\xd8\xff\xe0"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "ă" * 2001}, "text_too_long"),
        ({"text": ""}, "nothing_to_say"),
        ({"address": "tel:1"}, "no_address"),
        ({"attachments": (msgspec.structs.replace(PHOTO, size=26 << 20),)}, "attachment_too_large"),
        ({"attachments": (msgspec.structs.replace(PHOTO, sha256="00"),), "text": ""}, "attachment_gone"),
        ({"address": "comment:1_2", "attachments": (PHOTO,)}, "attachment_in_private_reply"),
        ({"address": "comment:1_2", "attachments": (PHOTO,), "visibility": Visibility.PUBLIC}, "attachment_in_public"),
    ],
)
async def test_what_can_never_arrive_is_not_tried(page: Page, changes: dict[str, object], reason: str) -> None:
    assert await page.send(**changes) == Failed(reason)
    assert page.graph.calls == []


async def test_two_thousand_characters_are_taken(page: Page) -> None:
    assert isinstance(await page.send(text="ă" * 2000), Sent)


async def test_without_token_or_message_nothing_is_sent(page: Page) -> None:
    page.secrets.pop("page-1.token")
    assert await page.send() == Parked("no_token")
    page.outbox.outgoing = None
    assert await page.send() == Failed("message_gone")
