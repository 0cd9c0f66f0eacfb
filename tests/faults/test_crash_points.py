"""I1, I2, I4, I6, I10, I13, I15, I16: the process ends at each commit, send and answer, before it and after it, and nothing is lost or doubled.

The suite walks the points at which something is promised or leaves; `make long` walks all that the history comes by.
"""

from typing import Final

import pytest

from ccc_router.kernel.crashing import NAMES, Site
from tests.support.crash_walk import a_walk
from tests.support.kafka.cluster import Cluster
from tests.support.kafka.mock import MockCluster

IN_THE_SUITE: Final = (
    "inbox.append.after:3",
    "engine.commit.before:9",
    "delivery.send.after",
)
# Places that the history does not come by. Each is one statement, or a transaction, that its room's own tests cut or repeat.
UNWALKED: Final = {
    Site.MOVED: "a department refuses one notice for what it says",
    Site.DISABLE: "a department says 410",
    Site.ENABLE: "an administrator enables it again",
    Site.LINK_USE: "somebody clicks on a link of a department's mail",
    Site.PROOF: "a site that asks for proof of work",
    Site.PART_FORGET: "Meta refuses a part",
    Site.MEDIA: "a page's message with files, which are fetched over https only",
    Site.SIGHTING: "Asterisk's own events",
    Site.CURSOR: "a mailbox read by IMAP",
    Site.ERASE: "`ccc-router erase`, a process of its own",
    Site.MAIL_DOUBT: "an attempt that was cut before this one",
    Site.FORETOLD: "somebody asks how long he waits",
}
WITH_KAFKA: Final = {Site.KAFKA, Site.RELAY, Site.RELAY_BEGIN, Site.RELAY_MOVE}
"""Places that only a service with a Kafka comes by."""
WALKED: Final = tuple(name for name in NAMES if name.rpartition(".")[0] not in {*UNWALKED, *WITH_KAFKA})
BY_KAFKA_IN_THE_SUITE: Final = ("kafka.append.after:2",)
# The second half: where the offsets of what was taken are committed, and where the lease of the one who relays and reads is lost.
BY_KAFKA: Final = (
    *(f"{site}.{moment}" for site in sorted(WITH_KAFKA) for moment in ("before", "after")),
    "kafka.append.before:3",
    "relay.send.after:4",
    "relay.move.before:3",
    "engine.take.after:12",
    "engine.commit.before:9",
    "engine.commit.after:9",
)


async def crash_at(dsn: str, point: str, kafka: Cluster | None = None) -> None:
    async with a_walk(dsn, point, kafka=kafka) as walk:
        await walk.begin()
        await walk.history()
        await walk.judge()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", IN_THE_SUITE)
async def test_a_crash_where_something_is_promised_or_leaves_loses_and_doubles_nothing(dsn: str, point: str) -> None:
    await crash_at(dsn, point)


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", WALKED)
async def test_a_crash_at_any_point_loses_and_doubles_nothing(dsn: str, point: str) -> None:
    await crash_at(dsn, point)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", BY_KAFKA_IN_THE_SUITE)
async def test_a_crash_of_a_service_with_kafka_loses_and_doubles_nothing(
    dsn: str, kafka_mock: MockCluster, point: str
) -> None:
    await crash_at(dsn, point, kafka_mock)


@pytest.mark.soak
@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", BY_KAFKA)
async def test_a_crash_at_any_point_with_kafka_loses_and_doubles_nothing(
    dsn: str, kafka_mock: MockCluster, point: str
) -> None:
    await crash_at(dsn, point, kafka_mock)
