"""Departments without a system: the mail and its links. What a link does once, it does not do twice; a GET does nothing."""

import email
import email.policy
import re
from email.message import EmailMessage

import pytest

from ccc_router.escalations.links import Links
from ccc_router.escalations.mailed.sender import DepartmentMailSender
from ccc_router.escalations.texts import Texts
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Parked, Retry, Sent, Unknown
from ccc_router.routing.policy import Department, Text
from ccc_router.storage.database import Database
from tests.support.deliveries import POOL

KEY = b"k" * 32
DEPARTMENT = Department(
    id="d_mail", name=Text("Văn phòng", "Office"), calendar="office", email="vanphong@example.gov.vn"
)
SUMMARY = "Người bệnh đang nằm viện, thẻ BHYT báo không còn giá trị."


class Relay:
    """Takes mails and answers as told."""

    def __init__(self, answer: Attempted | None = None) -> None:
        self.answer = answer or Sent()
        self.taken: list[tuple[str, str, bytes]] = []

    async def __call__(self, sender: str, recipient: str, raw: bytes) -> Attempted:
        self.taken.append((sender, recipient, raw))
        return self.answer

    @property
    def mail(self) -> EmailMessage:
        """The only mail, read by the standard library."""
        [(_, _, raw)] = self.taken
        return email.message_from_bytes(raw, policy=email.policy.default)


def a_delivery(notice: str = "raised", *, to: str = "d_mail") -> Delivery:
    return Delivery(
        pool=POOL,
        id="dl_1",
        kind=DeliveryKind.DEPARTMENT_MAIL,
        lane=f"department:{to}",
        target=to,
        escalation_id="es_1",
        case_id="cs_1",
        message_id="ms_1",
        type=f"ccc.escalation.{notice}.v1",
        data={
            "at": "1795395600000",
            "department": "d_mail",
            "reference": "7K3M-Q2XZ-9F1",
            "acknowledge_by": "1795399200000",
            "answer_by": "1795428000000",
            "summary_id": "ms_1",
        },
    )


async def sender_for(database: Database, relay: Relay | None, **more: str) -> DepartmentMailSender:
    await database.pool.execute(
        "INSERT INTO message (pool, id, contact_id, case_id, number, direction, visibility, author, form, text, at, position)"
        " VALUES ($1, 'ms_1', 'ct_1', 'cs_1', 1, 'internal', 'note', 'agent:an', 'escalation', $2, 0, 1)",
        POOL,
        SUMMARY,
    )
    departments = {
        "d_mail": DEPARTMENT,
        "head": Department("head", Text("Lãnh đạo", "Head"), "o", email="h@example.gov.vn"),
    }
    links = Links(database, POOL, KEY)
    settings = {"sender": "cskh@example.gov.vn", "public_url": "https://ccc.example.gov.vn"} | more
    return DepartmentMailSender(departments.get, Texts(database), links, relay, **settings)


async def test_the_mail_says_the_same_as_the_webhook_in_both_languages(database: Database) -> None:
    relay = Relay()
    assert await (await sender_for(database, relay)).send(a_delivery()) == Sent()
    [(sender, recipient, raw)] = relay.taken
    assert (sender, recipient) == ("cskh@example.gov.vn", "vanphong@example.gov.vn")
    mail = relay.mail
    assert "7K3M-Q2XZ-9F1" in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<dl_1@example.gov.vn>"
    text = mail.get_content()
    assert SUMMARY in text
    assert "17:00 23/11/2026" in text
    assert "Hạn trả lời" in text
    assert "Answer by" in text
    assert raw.isascii()


async def test_links_hold_nothing_personal_and_only_their_hash_is_kept(database: Database) -> None:
    relay = Relay()
    await (await sender_for(database, relay)).send(a_delivery())
    tokens = re.findall(r"https://ccc\.example\.gov\.vn/v1/links/([A-Za-z0-9_-]+)\s", relay.mail.get_content())
    assert len(set(tokens)) == 2
    assert all(len(token) == 43 for token in tokens)
    rows = await database.pool.fetch("SELECT * FROM department_link")
    assert len(rows) == 2
    assert not any(token in str(dict(row)) for row in rows for token in tokens)


async def test_the_same_mail_again_is_the_same_to_the_byte(database: Database) -> None:
    relay = Relay(Unknown("data_lost"))
    sender = await sender_for(database, relay)
    assert await sender.send(a_delivery()) == Retry("data_lost")
    assert await sender.send(a_delivery()) == Retry("data_lost")
    assert relay.taken[0] == relay.taken[1]


async def test_who_is_only_told_gets_no_links(database: Database) -> None:
    relay = Relay()
    await (await sender_for(database, relay)).send(a_delivery("overdue", to="head"))
    assert "/v1/links/" not in relay.mail.get_content()
    relay.taken.clear()
    await database.pool.execute("DELETE FROM message")
    await (await sender_for(database, relay)).send(a_delivery("withdrawn"))
    assert "/v1/links/" not in relay.mail.get_content()


@pytest.mark.parametrize(("more", "reason"), [({"sender": ""}, "no_relay"), ({"public_url": ""}, "no_public_url")])
async def test_what_is_not_configured_is_parked(database: Database, more: dict[str, str], reason: str) -> None:
    assert await (await sender_for(database, Relay(), **more)).send(a_delivery()) == Parked(reason)


async def test_a_relay_that_is_not_there_and_a_department_that_is_not(database: Database) -> None:
    sender = await sender_for(database, None)
    assert await sender.send(a_delivery()) == Parked("no_relay")
    assert await sender.send(a_delivery(to="nobody")) == Parked("no_address")


async def test_the_relays_word_is_passed_on(database: Database) -> None:
    sender = await sender_for(database, Relay(Failed("recipient_550")))
    assert await sender.send(a_delivery()) == Failed("recipient_550")


async def test_a_link_is_found_by_its_token_only_and_used_once(database: Database) -> None:
    links = Links(database, POOL, KEY)
    token = await links.make("es_1", "d_mail", "dl_1", "answer")
    assert token == await links.make("es_1", "d_mail", "dl_1", "answer")
    assert token != await links.make("es_1", "d_mail", "dl_2", "answer")
    found = await links.find(token)
    assert found is not None
    assert (found.escalation_id, found.department, found.action, found.used, found.over) == (
        "es_1", "d_mail", "answer", False, False,
    )  # fmt: skip
    assert await links.use(token)
    assert not await links.use(token)
    used = await links.find(token)
    assert used is not None
    assert used.used
    for guess in ("", "x", token[:-1], token[:-1] + "!", "a" * 43, "' OR 1=1 --", token + "a"):
        assert await links.find(guess) is None


async def test_a_link_of_another_key_or_pool_is_none(database: Database) -> None:
    token = await Links(database, POOL, KEY).make("es_1", "d_mail", "dl_1", "answer")
    assert await Links(database, "other", KEY).find(token) is None
    assert token != await Links(database, POOL, b"o" * 32).make("es_1", "d_mail", "dl_1", "answer")


async def test_a_link_ends_with_its_time(database: Database) -> None:
    links = Links(database, POOL, KEY)
    token = await links.make("es_1", "d_mail", "dl_1", "answer")
    await database.pool.execute("UPDATE department_link SET expires_at = clock_timestamp()")
    found = await links.find(token)
    assert found is not None
    assert found.over
