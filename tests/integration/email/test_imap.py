"""A mailbox read by IMAP: the cursor is ours, moves after the mails are durable, and survives renumbering."""

import pytest

from ccc_router.channels.email.cursors import PostgresCursors
from ccc_router.channels.email.imap import Cursor, ImapPoller, account_of
from ccc_router.channels.registry import EMAIL
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.routing.policy import Endpoint
from ccc_router.storage.database import Database
from ccc_router.workers.mailbox import mailbox_loop
from tests.support import mails
from tests.support.channel_intake import Site
from tests.support.fake_imap import FakeImap, imap_server
from tests.support.waiting import until

SECRETS = {"cskh.imap": ("imap-password",), "other.imap": ("imap-password",)}


def polled(server: FakeImap, endpoint_id: str = "cskh", **options: str) -> Endpoint:
    return mails.mailbox(endpoint_id, imap_host="127.0.0.1", imap_port=str(server.port), imap_tls="none", **options)


def poller(site: Site, database: Database, *endpoints: Endpoint) -> ImapPoller:
    return ImapPoller(
        site.intake, EMAIL, lambda: endpoints, site.secrets, PostgresCursors(database, "main"), SystemClock()
    )


def subjects(site: Site) -> list[str]:
    return [one.body.private.subject for one in site.inbox.inputs.values() if one.body.private]


async def test_new_mails_are_taken_once_and_no_flag_is_touched(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        reader = poller(site, database, endpoint)
        assert await reader.poll() == 0
        server.inbox.add(mails.a_mail(Subject="Mot"))
        server.inbox.add(mails.a_mail(Subject="Hai"))
        server.inbox.seen.update({1, 2})  # another program has read them: that is no business of ours
        assert await reader.poll() == 2
        assert await reader.poll() == 0
        server.inbox.add(mails.a_mail(Subject="Ba"))
        assert await reader.poll() == 1
        assert subjects(site) == ["Mot", "Hai", "Ba"]
        assert server.fetched == [1, 2, 3]
        assert server.inbox.seen == {1, 2}


async def test_i1_a_crash_between_mail_and_cursor_reads_again_and_tells_once(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        server.inbox.add(mails.a_mail(Subject="Mot"))
        cursors = PostgresCursors(database, "main")

        class Dying(PostgresCursors):
            async def put(self, endpoint: str, folder: str, cursor: Cursor) -> None:
                raise OSError("the process ends here")

        dying = ImapPoller(
            site.intake, EMAIL, lambda: (endpoint,), site.secrets, Dying(database, "main"), SystemClock()
        )
        assert await dying.poll() == 0
        assert len(site.inbox.inputs) == 1
        assert await cursors.get("cskh", "INBOX") is None
        assert await poller(site, database, endpoint).poll() == 1
        assert server.fetched == [1, 1]
        assert len(site.inbox.inputs) == 1


async def test_i1_while_the_inbox_is_away_the_cursor_stays(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        reader = poller(site, database, endpoint)
        server.inbox.add(mails.a_mail(Subject="Mot"))
        site.inbox.away = True
        assert await reader.poll() == 0
        site.inbox.away = False
        assert await reader.poll() == 1
        assert subjects(site) == ["Mot"]


async def test_a_lost_connection_goes_on_where_it_stopped(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        reader = poller(site, database, endpoint)
        for number in range(4):
            server.inbox.add(mails.a_mail(Subject=f"So {number}"))
        server.vanish_after = 2
        await reader.poll()
        assert len(site.inbox.inputs) == 2
        server.vanish_after = -1
        assert await reader.poll() == 2
        assert len(site.inbox.inputs) == 4


async def test_i2_a_renumbered_folder_is_read_again_and_told_once(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        reader = poller(site, database, endpoint)
        server.inbox.add(mails.a_mail(Subject="Mot"))
        await reader.poll()
        server.inbox.renumber()
        server.inbox.add(mails.a_mail(Subject="Hai"))
        assert await reader.poll() == 2
        assert subjects(site) == ["Mot", "Hai"]


async def test_the_past_of_a_mailbox_stays_in_the_past(database: Database) -> None:
    """The first look takes the last days only, and the next one does not come back for the rest."""
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        reader = poller(site, database, endpoint)
        server.inbox.add(mails.a_mail(Subject="Cu"), old=True)
        assert await reader.poll() == 0
        assert await reader.poll() == 0
        server.inbox.add(mails.a_mail(Subject="Moi"))
        assert await reader.poll() == 1
        assert subjects(site) == ["Moi"]


async def test_one_mailbox_that_refuses_us_keeps_no_other_waiting(database: Database) -> None:
    async with imap_server() as good, imap_server() as bad:
        bad.password = "another one"
        endpoints = (polled(bad, "other"), polled(good))
        site = Site(*endpoints, secrets=SECRETS)
        good.inbox.add(mails.a_mail(Subject="Mot"))
        assert await poller(site, database, *endpoints).poll() == 1


async def test_a_cursor_never_goes_back(database: Database) -> None:
    cursors = PostgresCursors(database, "main")
    await cursors.put("cskh", "INBOX", Cursor(1, 9))
    await cursors.put("cskh", "INBOX", Cursor(1, 5))
    assert await cursors.get("cskh", "INBOX") == Cursor(1, 9)
    await cursors.put("cskh", "INBOX", Cursor(2, 1))
    assert await cursors.get("cskh", "INBOX") == Cursor(2, 1)


@pytest.mark.parametrize(
    ("options", "port", "tls"),
    [({}, 993, "ssl"), ({"imap_tls": "starttls"}, 143, "starttls"), ({"imap_tls": "none"}, 143, "starttls")],
)
def test_passwords_go_in_the_clear_to_nobody_but_ourselves(options: dict[str, str], port: int, tls: str) -> None:
    account = account_of(mails.mailbox(imap_host="imap.example.vn", **options))
    assert account is not None
    assert (account.port, account.tls, account.user) == (port, tls, mails.ADDRESS)
    assert account_of(mails.mailbox()) is None


async def test_the_loop_polls_until_it_is_stopped(database: Database) -> None:
    async with imap_server() as server:
        endpoint = polled(server)
        site = Site(endpoint, secrets=SECRETS)
        server.inbox.add(mails.a_mail(Subject="Mot"))
        supervisor = Supervisor(SystemClock())
        supervisor.add(mailbox_loop(poller(site, database, endpoint), interval_s=0.05))
        await until(lambda: len(site.inbox.inputs) == 1)
        server.inbox.add(mails.a_mail(Subject="Hai"))
        await until(lambda: len(site.inbox.inputs) == 2)
        await supervisor.stop(5)
