"""The sender over real rows and a real socket: attempts, doubts, limits of acknowledgements."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from ccc_router.channels.email.mime.mail import read
from ccc_router.channels.email.outbound.ledger import THREAD_MOST, Ledger
from ccc_router.channels.email.outbound.letters import Letters
from ccc_router.channels.email.outbound.sender import MailSender
from ccc_router.channels.email.outbound.smtp import Post, Relay
from ccc_router.events.codec import canonical
from ccc_router.events.vocabulary import Channel, ContactState, DeliveryKind
from ccc_router.kernel.ids import derive, reference
from ccc_router.queues.deliveries.port import Delivery, Failed, Parked, Postponed, Retry, Sent, Unknown
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database
from tests.support import mails
from tests.support.channel_intake import KnownEndpoints
from tests.support.fake_clock import FakeClock
from tests.support.fake_relay import HANG, FakeRelay, relay

CONTACT = derive("ct", "tests", "contact")
CUSTOMER = "<khach-1@mail.example.com>"


@dataclass
class Desk:
    """A mailbox with one contact, one mail of the customer and one answer."""

    database: Database
    relay: FakeRelay
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def sender(self) -> MailSender:
        return self.sender_for(Post(Relay("127.0.0.1", self.relay.port), timeout_s=1, data_timeout_s=0.3))

    def sender_for(self, post: Post | None) -> MailSender:
        endpoints = KnownEndpoints(mails.mailbox())
        return MailSender(
            Letters(self.database), Ledger(self.database, mails.KEY), post, mails.THREADING, endpoints, self.clock
        )

    def delivery(self, number: int = 1, kind: DeliveryKind = DeliveryKind.REPLY, **changes: object) -> Delivery:
        fields: dict[str, object] = {
            "pool": "main", "id": derive("dl", "tests", number), "kind": kind, "lane": f"reply:{CONTACT}", "target": "cskh",
            "contact_id": CONTACT, "case_id": mails.CASE, "created_at": self.clock.now_ms(),
            "message_id": mails.MESSAGE if kind is DeliveryKind.REPLY else derive("ms", "tests", "inbound"),
        } | changes  # fmt: skip
        return Delivery(**fields)  # type: ignore[arg-type]

    async def message(self, own_id: str, direction: str, text: str, position: int, **extra: str) -> None:
        await self.database.pool.execute(
            """
            INSERT INTO message (pool, id, contact_id, case_id, number, direction, visibility, author, form, subject, text, at, position, extra)
            VALUES ('main', $1, $2, $3, $6::int, $4, 'public', 'x', 'message', 'Thẻ BHYT', $5, 0, $6::int, $7::jsonb)
            """,
            own_id, CONTACT, mails.CASE, direction, text, position, json.dumps(extra),
        )  # fmt: skip

    async def address(self, address: str = "khach@example.com") -> None:
        await self.database.pool.execute(
            """
            INSERT INTO contact_address (pool, contact_id, endpoint, address, name, subject, handle_kind, handle_value)
            VALUES ('main', $1, 'cskh', $2, 'Nguyễn Văn A', 'Thẻ BHYT', 'email', $2)
            ON CONFLICT (pool, contact_id) DO UPDATE SET address = excluded.address
            """,
            CONTACT, address,
        )  # fmt: skip


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with relay() as fake:
        made = Desk(database, fake)
        await made.address()
        inbound = derive("ms", "tests", "inbound")
        await made.message(inbound, "inbound", "Xin hỏi", 1, message_id=CUSTOMER, references="<a@x.vn> <b@x.vn>")
        await made.message(mails.MESSAGE, "outbound", "Thẻ đã được gửi.", 2)
        yield made


async def test_an_answer_says_everything_a_mail_program_threads_by(desk: Desk) -> None:
    assert await desk.sender.send(desk.delivery()) == Sent(mails.MESSAGE_ID)
    (taken,) = desk.relay.taken
    lines = taken.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert f"Message-ID: {mails.MESSAGE_ID}".encode() in lines
    assert f"In-Reply-To: {CUSTOMER}".encode() in lines
    at = lines.index(b"References: <a@x.vn>")
    assert lines[at + 1 : at + 3] == [b" <b@x.vn>", f" {CUSTOMER}".encode()]
    mail = read(taken.raw)
    assert mail.subject == f"Re: Thẻ BHYT [#{reference(mails.CASE)}]"
    assert mails.THREADING.case_of(mail.reply_to.address) == mails.CASE
    assert mails.THREADING.bounced(taken.sender) == mails.MESSAGE
    assert mail.full_text.startswith("Thẻ đã được gửi.")
    assert taken.recipients == ["khach@example.com"]


async def test_an_acknowledgement_starts_no_loop(desk: Desk) -> None:
    """RFC 3834: null sender, Auto-Submitted, and the mail itself is a machine's to us should it come back."""
    assert isinstance(await desk.sender.send(desk.delivery(kind=DeliveryKind.ACKNOWLEDGEMENT)), Sent)
    (taken,) = desk.relay.taken
    assert taken.sender == ""
    headers = read(taken.raw).headers
    assert headers.raw("auto-submitted") == "auto-replied"
    assert headers.raw("x-auto-response-suppress") == "All"
    assert "Xin hỏi" not in read(taken.raw).full_text
    assert mails.parsed(taken.raw).facts == ()
    returned = taken.raw.replace(mails.ADDRESS.encode(), b"fw@example.com")
    assert mails.message(returned)[0].automatic


async def test_r26_an_acknowledgement_says_where_he_stands_while_he_waits(desk: Desk) -> None:
    row = Contact(CONTACT, mails.CASE, "", Channel.EMAIL, "cskh", "general", ContactState.QUEUED, 0, 7)
    ahead = msgspec.structs.replace(row, id="ct_ahead", rank=6)
    for one in (row, ahead):
        await desk.database.pool.execute(
            """INSERT INTO contact (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id, attention,
                                    arrived_at, answered_at, since, due, open, live, rank, row)
               VALUES ('main', $1, $2, '', 'email', 'cskh', 'general', 'queued', '', '', '', 0, 0, 0, 1, true, true, $3, $4::text::json)""",
            one.id, one.case_id, one.rank, canonical(one).decode(),
        )  # fmt: skip
    kind, waits = DeliveryKind.ACKNOWLEDGEMENT, {"wait": "waits"}
    assert await desk.sender.send(desk.delivery(1, kind, data=waits)) == Postponed("not_foretold", 1000)
    assert not desk.relay.taken
    await desk.database.pool.execute(
        "INSERT INTO expected_wait (pool, contact_id, queue, channel, at, ahead, p20_ms, p50_ms, p80_ms) "
        "VALUES ('main', $1, 'general', 'email', 0, 1, 600000, 700000, 900001)", CONTACT,
    )  # fmt: skip
    assert isinstance(await desk.sender.send(desk.delivery(1, kind, data=waits)), Sent)
    text = read(desk.relay.taken[0].raw).full_text
    assert "Quý khách đang ở vị trí thứ 2 trong hàng chờ. Thời gian chờ dự kiến: từ 10 phút đến 16 phút." in text
    await desk.database.pool.execute("UPDATE contact SET state = 'active'")
    await desk.address("khac@example.com")
    assert isinstance(await desk.sender.send(desk.delivery(2, kind, data=waits)), Sent), "it has arrived all the same"
    assert "hàng chờ" not in read(desk.relay.taken[1].raw).full_text


async def test_one_acknowledgement_a_day_for_a_sender(desk: Desk) -> None:
    kind = DeliveryKind.ACKNOWLEDGEMENT
    assert isinstance(await desk.sender.send(desk.delivery(1, kind)), Sent)
    assert isinstance(await desk.sender.send(desk.delivery(1, kind)), Sent), (
        "a further attempt of the same is no second one"
    )
    assert await desk.sender.send(desk.delivery(2, kind)) == Failed("limit_sender")
    await desk.address("KHACH@example.com")
    assert await desk.sender.send(desk.delivery(3, kind)) == Failed("limit_sender")
    await desk.address("khac@example.com")
    assert isinstance(await desk.sender.send(desk.delivery(4, kind)), Sent)
    await desk.database.pool.execute("UPDATE mail_sent SET sent_at = sent_at - interval '25 hours'")
    assert isinstance(await desk.sender.send(desk.delivery(5, kind)), Sent)


async def test_no_acknowledgement_into_a_busy_thread_but_people_may_write(desk: Desk) -> None:
    for number in range(THREAD_MOST):
        assert isinstance(await desk.sender.send(desk.delivery(10 + number)), Sent)
    assert await desk.sender.send(desk.delivery(20, DeliveryKind.ACKNOWLEDGEMENT)) == Failed("limit_thread")
    assert isinstance(await desk.sender.send(desk.delivery(21)), Sent)


async def test_doubt_is_one_more_try_under_the_same_id_and_then_said(desk: Desk) -> None:
    desk.relay.answers["END"] = HANG
    first = await desk.sender.send(desk.delivery())
    assert first == Retry("data_timeout", after_ms=300_000)
    assert await desk.sender.send(desk.delivery(attempt=2)) == Unknown("data_timeout")
    assert desk.relay.bodies == 2
    desk.relay.answers.clear()
    assert await desk.sender.send(desk.delivery(attempt=3)) == Sent(mails.MESSAGE_ID)


async def test_an_attempt_that_was_cut_is_a_doubt_too(desk: Desk) -> None:
    desk.relay.answers["END"] = HANG
    assert await desk.sender.send(desk.delivery(attempt=2, interrupted=True)) == Unknown("data_timeout")


async def test_temporary_refusals_come_ever_more_rarely_for_three_days(desk: Desk) -> None:
    desk.relay.answers["RCPT"] = "450 busy"
    waits = []
    for attempt in range(1, 9):
        outcome = await desk.sender.send(desk.delivery(attempt=attempt))
        assert isinstance(outcome, Retry)
        assert outcome.after_ms is not None
        waits.append(outcome.after_ms // 60_000)
    assert waits[:4] == [1, 5, 15, 60]
    assert waits == sorted(waits)
    old = desk.delivery(attempt=9, created_at=desk.clock.now_ms() - 3 * 24 * 3600 * 1000)
    assert await desk.sender.send(old) == Failed("expired_recipient_450")


async def test_what_can_never_be_sent_says_why(desk: Desk) -> None:
    assert await desk.sender_for(None).send(desk.delivery()) == Parked("no_relay")
    assert await desk.sender_for(None).send(desk.delivery(1, DeliveryKind.ACKNOWLEDGEMENT)) == Failed("no_relay")
    assert await desk.sender.send(desk.delivery(message_id="ms_none")) == Failed("no_message")
    assert await desk.sender.send(desk.delivery(contact_id="ct_none")) == Failed("no_address")
    await desk.address("đồng@example.vn")
    assert await desk.sender.send(desk.delivery()) == Failed("bad_address")
    await desk.address("a@b.vn\r\nBcc: x@y.vn")
    assert await desk.sender.send(desk.delivery()) == Failed("bad_address")
    assert desk.relay.taken == []


async def test_an_erased_answer_is_not_sent(desk: Desk) -> None:
    await desk.database.pool.execute("UPDATE message SET erased = true WHERE id = $1", mails.MESSAGE)
    assert await desk.sender.send(desk.delivery()) == Failed("no_message")


async def test_files_go_with_the_answer_or_nothing_goes(desk: Desk) -> None:
    attachments = [
        {"attachment_id": "at_1", "name": "Giấy.pdf", "media_type": "application/pdf", "size": 5, "sha256": "00"}
    ]
    await desk.database.pool.execute(
        "UPDATE message SET attachments = $2::jsonb WHERE id = $1", mails.MESSAGE, json.dumps(attachments)
    )
    assert await desk.sender.send(desk.delivery()) == Failed("no_file")
    await desk.database.pool.execute(
        "INSERT INTO blob (sha256, media_type, size, bytes) VALUES ('00', 'application/pdf', 5, $1)", b"%PDF-"
    )
    assert isinstance(await desk.sender.send(desk.delivery()), Sent)
    (file,) = read(desk.relay.taken[0].raw).files
    assert (file.name, file.content) == ("Giấy.pdf", b"%PDF-")


async def test_the_ledger_holds_no_address_and_forgets(desk: Desk) -> None:
    await desk.sender.send(desk.delivery())
    rows = await desk.database.pool.fetch("SELECT mail_sent::text FROM mail_sent")
    assert len(rows) == 1
    assert "khach" not in rows[0][0]
    await desk.database.pool.execute("UPDATE mail_sent SET sent_at = sent_at - interval '3 days'")
    await Ledger(desk.database, mails.KEY).prune()
    assert await desk.database.pool.fetchval("SELECT count(*) FROM mail_sent") == 0
