"""Mail over SMTP, on a real socket: 250 only when it is durable, 451 on any doubt."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from ccc_router.channels.email.listener import LATER, Limits, SmtpListener
from ccc_router.channels.registry import EMAIL
from ccc_router.events.facts import MessageReceived
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.kernel.admission import Gate
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Tasks
from ccc_router.routing.policy import Endpoint
from ccc_router.storage.database import Database
from tests.support import mails
from tests.support.channel_intake import Site
from tests.support.waiting import until

_T = TypeVar("_T")
CSKH = mails.mailbox(aliases="hotro@bhxh.example.vn")
HANOI = mails.mailbox("hanoi", "hanoi@bhxh.example.vn")


@asynccontextmanager
async def listening(
    site: Site,
    endpoints: Sequence[Endpoint] = (CSKH, HANOI),
    limits: Limits | None = None,
    memory: Gate | None = None,
) -> AsyncIterator[SmtpListener]:
    listener = SmtpListener(site.intake, EMAIL, lambda: endpoints, SystemClock(), limits=limits, memory=memory)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.close()


async def with_client(listener: SmtpListener, talk: Callable[[smtplib.SMTP], _T]) -> _T:
    def work() -> _T:
        with smtplib.SMTP("127.0.0.1", listener.port, timeout=10) as client:
            return talk(client)

    return await asyncio.to_thread(work)


def a_site() -> Site:
    return Site(CSKH, HANOI, secrets={})


def hand_over(
    body: bytes, *recipients: str, sender: str = "khach@example.com"
) -> Callable[[smtplib.SMTP], tuple[int, bytes]]:
    def talk(client: smtplib.SMTP) -> tuple[int, bytes]:
        client.ehlo()
        client.mail(sender)
        for recipient in recipients or (mails.ADDRESS,):
            client.rcpt(recipient)
        return client.data(body)

    return talk


async def test_i1_a_mail_is_durable_before_250() -> None:
    site = a_site()
    async with listening(site) as listener:
        code, _ = await with_client(listener, hand_over(mails.a_mail()))
        assert code == 250
        (submission,) = site.inbox.inputs.values()
        assert isinstance(submission.body, MessageReceived)
        (raw,) = site.inbox.raw.values()
        assert raw.body.startswith(b"From: khach@example.com\r\n")
        assert raw.headers["x-ccc-envelope-from"] == "<khach@example.com>"


async def test_i1_without_the_inbox_the_answer_is_451_and_the_mail_comes_again() -> None:
    site = a_site()
    async with listening(site) as listener:
        site.inbox.away = True
        assert (await with_client(listener, hand_over(mails.a_mail())))[0] == 451
        assert site.inbox.inputs == {}
        site.inbox.away = False
        assert (await with_client(listener, hand_over(mails.a_mail())))[0] == 250
        assert len(site.inbox.inputs) == 1


async def test_i2_the_same_mail_again_is_250_and_no_second_fact() -> None:
    site = a_site()
    async with listening(site) as listener:
        for _ in range(2):
            assert (await with_client(listener, hand_over(mails.a_mail())))[0] == 250
        many = [with_client(listener, hand_over(mails.a_mail())) for _ in range(8)]
        assert {code for code, _ in await asyncio.gather(*many)} == {250}
    assert len(site.inbox.inputs) == 1


async def test_recipients_are_mailboxes_of_the_catalogue() -> None:
    def ask(client: smtplib.SMTP) -> list[int]:
        client.ehlo()
        client.mail("khach@example.com")
        addresses = [
            mails.ADDRESS,
            "CSKH+x@BHXH.example.vn",
            "hotro@bhxh.example.vn",
            "nobody@bhxh.example.vn",
            "cskh@elsewhere.vn",
        ]
        return [client.rcpt(address)[0] for address in addresses]

    async with listening(a_site()) as listener:
        assert await with_client(listener, ask) == [250, 250, 250, 550, 550]


async def test_before_the_catalogue_is_known_nobody_is_refused_for_good() -> None:
    async with listening(a_site(), endpoints=()) as listener:
        assert (
            await with_client(
                listener, lambda client: (client.ehlo(), client.mail("a@b.vn"), client.rcpt(mails.ADDRESS))
            )
        )[2][0] == 451


async def test_one_mail_for_two_mailboxes_is_two_facts_and_for_one_twice_is_one() -> None:
    site = a_site()
    async with listening(site) as listener:
        recipients = (mails.ADDRESS, "hanoi@bhxh.example.vn", "cskh+tag@bhxh.example.vn")
        assert (await with_client(listener, hand_over(mails.a_mail(), *recipients)))[0] == 250
    assert sorted(source for source, _ in site.inbox.inputs) == ["cskh", "hanoi"]


async def test_a_mail_over_the_limit_is_552() -> None:
    async with listening(a_site(), limits=Limits(bytes=2000)) as listener:
        assert (await with_client(listener, hand_over(mails.a_mail("x\r\n" * 1000))))[0] == 552

        def told_size(client: smtplib.SMTP) -> int:
            client.ehlo()
            return client.mail("a@b.vn", ["size=999999"])[0]

        assert await with_client(listener, told_size) == 552


async def test_a_line_without_end_ends_the_connection() -> None:
    async with listening(a_site(), limits=Limits(bytes=100_000)) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        await reader.readline()
        writer.write(b"EHLO x\r\nMAIL FROM:<a@b.vn>\r\nRCPT TO:<cskh@bhxh.example.vn>\r\nDATA\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            for _ in range(100):
                writer.write(b"x" * 100_000)
                await writer.drain()
            await reader.readuntil(b"never")
        writer.close()


async def test_long_lines_dots_and_bounces_are_taken() -> None:
    site = a_site()
    async with listening(site) as listener:
        body = mails.a_mail("x" * 5000 + "\r\n.\r\n..hai chấm\r\n")
        assert (await with_client(listener, hand_over(body, sender="")))[0] == 250
    (submission,) = site.inbox.inputs.values()
    assert isinstance(submission.body, MessageReceived)
    assert submission.body.automatic
    assert submission.body.private is not None
    assert submission.body.private.full_text.endswith(".\n..hai chấm\n".strip())


async def test_a_peer_outside_our_networks_proves_nothing() -> None:
    site = a_site()
    async with listening(site, limits=Limits(networks=("10.0.0.0/8",))) as listener:
        await with_client(listener, hand_over(mails.a_mail()))
    (raw,) = site.inbox.raw.values()
    assert raw.headers["x-ccc-hop"] == "untrusted"


async def test_a_fault_of_ours_is_451() -> None:
    site = a_site()

    class Broken:
        async def append(self, *_: object) -> None:
            raise RuntimeError("a fault")

    site.intake._inbox = Broken()  # type: ignore[assignment]
    async with listening(site) as listener:
        code, text = await with_client(listener, hand_over(mails.a_mail()))
    assert f"{code} {text.decode()}" == LATER


async def test_too_many_connections_are_sent_away_politely() -> None:
    async with listening(a_site(), limits=Limits(connections=1)) as listener:
        _, held = await asyncio.open_connection("127.0.0.1", listener.port)
        await until(lambda: len(listener._desk.open) == 1)
        assert await with_client(listener, lambda client: (client.ehlo(), client.mail("a@b.vn"))[1][0]) == 421
        held.close()


async def test_i17_a_mail_under_way_is_taken_before_the_listener_is_closed() -> None:
    site = a_site()
    release = asyncio.Event()
    inbox = site.inbox

    class Slow:
        async def append(self, *arguments: object) -> object:
            await release.wait()
            return await inbox.append(*arguments)  # type: ignore[arg-type]

    site.intake._inbox = Slow()  # type: ignore[assignment]
    listener = SmtpListener(site.intake, EMAIL, lambda: (CSKH,), SystemClock())
    await listener.start()
    tasks = Tasks()
    sent = tasks.start(with_client(listener, hand_over(mails.a_mail())), name="client")
    await until(lambda: bool(listener._desk.taking))
    closing = tasks.start(listener.close(5), name="closing")
    await until(lambda: listener._desk.closing)
    release.set()
    assert (await sent)[0] == 250
    await closing
    assert len(site.inbox.inputs) == 1


async def test_i1_a_real_database_that_goes_away_is_451(database: Database) -> None:
    """Over the real inbox: every connection of it is refused, then allowed again."""
    clock = SystemClock()
    inbox = PostgresInbox(database, "main", clock, wake=lambda: None)
    inbox.start()
    site = a_site()
    site.intake._inbox = inbox
    try:
        async with listening(site) as listener:
            assert (await with_client(listener, hand_over(mails.a_mail("Một"))))[0] == 250
            await database.pool.execute("ALTER TABLE inbox RENAME TO inbox_away")
            assert (await with_client(listener, hand_over(mails.a_mail("Hai"))))[0] == 451
            await database.pool.execute("ALTER TABLE inbox_away RENAME TO inbox")
            assert (await with_client(listener, hand_over(mails.a_mail("Hai"))))[0] == 250
        assert await database.pool.fetchval("SELECT count(*) FROM inbox") == 2
    finally:
        await inbox.close()
