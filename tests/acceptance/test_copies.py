"""I1, I2: a delivery that comes many times, at once, in one batch or by two processes is one contact; one process takes over from another."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from email.message import EmailMessage

import httpx
import msgspec
import pytest
from standardwebhooks.webhooks import Webhook

from ccc_router.events import journal
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.signing import hex_digest
from ccc_router.kernel.tasks import Tasks
from ccc_router.storage.database import Database
from tests.acceptance.surroundings import a_message, accepted, ready, the_catalogue
from tests.support.database import ONE_POSTGRES
from tests.support.fake_graph import APP_SECRET, PAGE_ID
from tests.support.process import SECRET, Process, a_process
from tests.support.waiting import eventually, until

pytestmark = ONE_POSTGRES

COPIES = 64
MAIL_TOKEN = "a-token-of-the-mail-server"
CLOCK = SystemClock()


@dataclass(frozen=True)
class Delivery:
    """What a vendor posts, and posts again."""

    path: str
    body: bytes
    headers: dict[str, str]

    async def to(self, client: httpx.AsyncClient) -> httpx.Response:
        """Post it once."""
        return await client.post(self.path, content=self.body, headers=self.headers)


def calls(call_id: str, copies: int = 1) -> Delivery:
    """A switch tells that a call has come; several times in an array, if wanted."""
    at = CLOCK.now().astimezone(UTC)
    event = {
        "event_id": f"ev-{call_id}", "event": "Offered", "call_id": call_id, "leg_id": "cust", "role": "customer",
        "at": at.isoformat(), "sequence": 1, "calling": "0912345678", "called": "19009068",
    }  # fmt: skip
    raw = json.dumps(event if copies == 1 else [event] * copies).encode()
    headers = {
        "webhook-id": f"msg_{call_id}",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(f"msg_{call_id}", at, raw.decode()),
        "content-type": "application/json",
    }
    return Delivery("/v1/channels/phone/hotline/events", raw, headers)


def pages(mid: str, copies: int = 1) -> Delivery:
    """Meta tells of a message of a person nobody knows; its batch may say so several times."""
    said = a_message(f"Chuyện {mid}", mid, person=f"65{mid}")
    raw = json.dumps({"object": "page", "entry": [{"id": PAGE_ID, "time": 1, "messaging": [said] * copies}]}).encode()
    headers = {
        "x-hub-signature-256": f"sha256={hex_digest(APP_SECRET.encode(), raw)}",
        "content-type": "application/json",
    }
    return Delivery("/v1/channels/fanpage/page/webhook", raw, headers)


def mails(name: str) -> Delivery:
    """A mail system hands over a mail."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"{name}@example.net", "ccc@example.org"
    mail["Subject"], mail["Message-ID"] = "Hỏi", f"<{name}@example.net>"
    mail.set_content(f"Chuyện {name}")
    headers = {"authorization": f"Bearer {MAIL_TOKEN}", "content-type": "message/rfc822"}
    return Delivery("/v1/channels/email/mailbox/messages", bytes(mail), headers)


def settings(dsn: str) -> dict[str, str]:
    """A process that works on this database."""
    return {
        "CCC_DATABASE_URL": dsn,
        "CCC_SECRET_HOTLINE": SECRET,
        "CCC_SECRET_PAGE": APP_SECRET,
        "CCC_SECRET_MAILBOX": MAIL_TOKEN,
    }


@asynccontextmanager
async def two_processes(dsn: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two of the same service on one database."""
    catalogue = the_catalogue()
    async with a_process(catalogue, **settings(dsn)) as first, a_process(catalogue, **settings(dsn)) as second:
        yield first, second


async def contacts(database: Database) -> int:
    """How many contacts there are once everything that was taken is decided."""

    async def decided() -> bool:
        return bool(await database.pool.fetchval("SELECT NOT EXISTS (SELECT 1 FROM inbox)"))

    await eventually(decided, what="the inbox to be empty")
    return int(await database.pool.fetchval("SELECT count(*) FROM contact"))


def added(answers: list[httpx.Response]) -> tuple[int, int]:
    """What the answers say together: accepted, duplicate."""
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    told = [answer.json() for answer in answers]
    return sum(one["accepted"] for one in told), sum(one["duplicate"] for one in told)


@pytest.mark.timeout(120)
async def test_i2_64_copies_at_once_or_in_one_batch_are_one_contact(dsn: str, database: Database) -> None:
    """R-19: what a channel delivers twice is one contact and the same answer; the echo of our own answer is known."""
    async with a_process(the_catalogue(), **settings(dsn)) as service:
        client = service.anybody()
        for number, delivery in enumerate((calls("c-1"), pages("1"), mails("hoi-1")), 1):
            answers = await asyncio.gather(*(delivery.to(client) for _ in range(COPIES)))
            assert added(answers) == (1, COPIES - 1), delivery.path
            assert await contacts(database) == number, delivery.path
        for number, delivery in enumerate((calls("c-2", COPIES), pages("2", COPIES)), 4):
            accepted_once, _ = added([await delivery.to(client)])
            assert accepted_once == 1, delivery.path
            assert await contacts(database) == number, delivery.path
        assert await database.pool.fetchval("SELECT count(*) FROM message") == 3
        arrivals = "SELECT count(*) FROM journal_entry WHERE kind IN ('CallEvent', 'MessageReceived')"
        assert await database.pool.fetchval(arrivals) == 5


@pytest.mark.timeout(120)
async def test_i2_64_copies_by_two_processes_are_one_contact(dsn: str, database: Database) -> None:
    """R-38: several processes are safe by construction."""
    async with two_processes(dsn) as processes:
        clients = [process.anybody() for process in processes]
        for number, delivery in enumerate((calls("c-1"), pages("1"), mails("hoi-1")), 1):
            answers = await asyncio.gather(*(delivery.to(clients[copy % 2]) for copy in range(COPIES)))
            assert added(answers) == (1, COPIES - 1), delivery.path
            assert await contacts(database) == number, delivery.path


async def leader_of(database: Database, processes: tuple[Process, ...]) -> Process | None:
    """Whose engine leads now."""
    holder = await database.pool.fetchval(
        "SELECT holder FROM lease WHERE name = 'engine:main' AND until > clock_timestamp()"
    )
    return next((one for one in processes if holder is not None and holder.endswith(f":{one.pid}")), None)


@dataclass
class Vendor:
    """Delivers messages of many people, each until it is acknowledged, to whichever process answers."""

    clients: list[httpx.AsyncClient]
    acknowledged: set[str] = field(default_factory=set)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    async def deliver(self) -> None:
        """One after the other."""
        while not self.over.is_set():
            number = next(self.numbers)
            await self.insist(pages(str(number)), number)
            self.acknowledged.add(f"Chuyện {number}")

    async def insist(self, delivery: Delivery, turn: int) -> None:
        """The same delivery again and again, now here and now there."""
        for attempt in itertools.count(turn):
            try:
                if (await delivery.to(self.clients[attempt % len(self.clients)])).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await CLOCK.sleep(0.02)


async def more(vendor: Vendor, count: int) -> None:
    """Wait until so many more are acknowledged."""
    wanted = len(vendor.acknowledged) + count
    await until(lambda: len(vendor.acknowledged) >= wanted, within_s=30, what=f"{count} more acknowledged")


@pytest.mark.timeout(120)
async def test_i1_i2_when_the_leader_is_killed_the_other_leads_and_nothing_is_lost_or_doubled(
    dsn: str, database: Database
) -> None:
    """R-11: nodes share the work by pool under a fencing token; a killed node loses nothing."""
    async with two_processes(dsn) as processes:
        leader = await leader_of(database, processes)
        assert leader is not None
        [heir] = [one for one in processes if one is not leader]
        an = await ready(heir.client(Role.AGENT, "an"))
        vendor, tasks = Vendor([one.anybody() for one in processes]), Tasks()
        running = [tasks.start(vendor.deliver(), name=f"vendor-{number}") for number in range(8)]
        await more(vendor, 60)
        before = await accepted(an)
        assert await leader_of(database, processes) is leader, "the other stands by, and serves"

        await leader.kill()
        await eventually(lambda: _leads(database, heir), what="the other to lead")
        after = await accepted(an)
        await more(vendor, 60)
        vendor.over.set()
        await asyncio.wait_for(asyncio.gather(*running), 60)

        count = await contacts(database)
        texts = Counter(row[0] for row in await database.pool.fetch("SELECT text FROM message"))
        assert set(texts.values()) == {1}, "nothing is doubled"
        assert vendor.acknowledged - texts.keys() == set(), "nothing is lost"
        assert count == len(texts)
        mine = await database.pool.fetch("SELECT id FROM contact WHERE agent_id = 'an'")
        assert {row[0] for row in mine} == {before["contact_id"], after["contact_id"]}
        await _one_offer_at_a_time(database)


async def _leads(database: Database, process: Process) -> bool:
    return await leader_of(database, (process,)) is process


async def _one_offer_at_a_time(database: Database) -> None:
    """I4, from the history and not from the tables; and I13: dense and verifiable across the take-over."""
    async with database.pool.acquire() as connection:
        assert (await journal.verify(connection, "main")).fault == ""
        entries = await journal.read(connection, "main", 0, 1_000_000)
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    offered: dict[str, str] = {}
    for entry in entries:
        body = msgspec.json.decode(entry.body)
        if entry.kind == "OfferMade":
            assert body["contact_id"] not in offered.values(), f"two offers of {body['contact_id']}"
            offered[body["offer_id"]] = body["contact_id"]
        elif entry.kind == "OfferEnded":
            assert offered.pop(body["offer_id"], None) is not None, f"{body['offer_id']} ended twice"
