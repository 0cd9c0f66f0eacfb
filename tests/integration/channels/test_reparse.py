"""What was not understood is kept, and read again once it can be (I1)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from ccc_router.channels import registry
from ccc_router.channels.channel import Parsed, Refusal, Request, Unreadable
from ccc_router.channels.fanpage.adapter import FanpageAdapter
from ccc_router.channels.intake import Intake
from ccc_router.channels.keeping import PostgresBlobs, RawDeliveries
from ccc_router.channels.reparse import Reparsed, reparse
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import SystemClock
from ccc_router.routing.policy import Endpoint
from ccc_router.storage.database import Database
from tests.contract.cases.fanpage import PAGE, SECRET, deliver, fixture
from tests.support.channel_intake import KnownEndpoints, KnownSecrets


class Older:
    """The adapter before it learnt to read."""

    channel = Channel.FANPAGE
    kept_headers = frozenset[str]()

    def verify(self, request: Request, endpoint: Endpoint, secrets: Sequence[str], now: datetime, /) -> Refusal | None:
        return FanpageAdapter().verify(request, endpoint, secrets, now)

    def parse(self, request: Request, endpoint: Endpoint, agents: Mapping[str, str], /) -> Parsed | Unreadable:
        if b"BHYT" in request.body:
            raise ValueError("a fault of ours")
        return Unreadable("nothing is understood yet")


async def test_i1_kept_deliveries_are_read_again_and_tell_each_fact_once(database: Database) -> None:
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    directory = KnownEndpoints(PAGE)
    intake = Intake(inbox, PostgresBlobs(database), KnownSecrets({PAGE.id: (SECRET,)}), directory, SystemClock())
    kept = RawDeliveries(database, "main")
    for name in ("told/message", "told/batch", "ignored/reaction"):
        assert (await intake.take(PAGE, deliver(fixture(name)), Older())).accepted == 0
    await intake.take(PAGE, deliver(b"never to be understood"), Older())
    assert len(await kept.unreadable()) == len(await kept.unreadable(PAGE.id)) == 4
    assert await kept.unreadable("another") == []

    assert await reparse(intake, kept) == Reparsed(understood=3, unreadable=1, facts=4)
    assert await reparse(intake, kept) == Reparsed(understood=0, unreadable=1, facts=0)
    assert await database.pool.fetchval("SELECT count(*) FROM inbox") == 4
    states = await database.pool.fetch("SELECT state FROM raw_delivery ORDER BY state")
    assert [row["state"] for row in states] == ["ignored", "parsed", "parsed", "unreadable"]
    await inbox.close()


async def test_a_dialect_that_is_gone_leaves_its_deliveries_where_they_are(database: Database) -> None:
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    intake = Intake(inbox, PostgresBlobs(database), KnownSecrets({}), KnownEndpoints(), SystemClock())
    await intake.accept(PAGE, deliver(b"{"), registry.ADAPTERS[Channel.FANPAGE, ""])
    assert await reparse(intake, RawDeliveries(database, "main")) == Reparsed(unreadable=1)
    await inbox.close()


@pytest.mark.parametrize("body", [b"\x00\xff", b"", "{\ud83d}".encode("utf-8", "surrogatepass")])
async def test_any_bytes_are_kept_as_they_came(database: Database, body: bytes) -> None:
    inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    inbox.start()
    intake = Intake(inbox, PostgresBlobs(database), KnownSecrets({}), KnownEndpoints(PAGE), SystemClock())
    await intake.accept(PAGE, deliver(body), registry.ADAPTERS[Channel.FANPAGE, ""])
    kept = RawDeliveries(database, "main")
    (raw_id,) = await kept.unreadable()
    raw = await kept.read(raw_id)
    assert raw is not None
    assert (raw.body, raw.endpoint, raw.state) == (body, PAGE.id, "unreadable")
    await inbox.close()
