"""The relay as a process: ended by kill -9, its place is taken, and the topic has every entry (I1, I13)."""

import pytest

from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.kafka.entries import TOPIC
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from tests.support.database import ONE_POSTGRES
from tests.support.fleet import Fleet, a_fleet
from tests.support.inputs import submitted
from tests.support.kafka.cluster import records
from tests.support.kafka.mock import MockCluster
from tests.support.process import Process
from tests.support.relayed import events, journalled, place, taken_once
from tests.support.waiting import eventually
from tests.support.world import a_catalogue


async def relaying(fleet: Fleet, database: Database, but: Process | None = None) -> Process:
    """Which process relays."""

    async def leads() -> Process | None:
        holder = await database.pool.fetchval(
            "SELECT holder FROM lease WHERE name = 'relay:main' AND until > clock_timestamp()"
        )
        found = [one for one in fleet.of("relay") if one.running and str(holder).endswith(f":{one.pid}")]
        return next((one for one in found if one is not but), None)

    return await eventually(leads, what="somebody to relay")


async def caught_up(database: Database) -> None:
    """Wait until the topic has what the journal has."""

    async def level() -> bool:
        last = await database.pool.fetchval("SELECT max(last) FROM journal")
        waiting = await database.pool.fetchval("SELECT count(*) FROM inbox")
        return bool(not waiting and last and await place(database, TOPIC) == last)

    await eventually(level, within_s=20, what="the topic to have everything")


@ONE_POSTGRES
@pytest.mark.timeout(120)
async def test_i13_a_relay_is_killed_and_the_topic_has_every_entry(
    dsn: str, database: Database, kafka_mock: MockCluster
) -> None:
    await kafka_mock.make_topic(TOPIC)
    async with a_fleet(dsn, a_catalogue(), more={"CCC_KAFKA_SERVERS": kafka_mock.servers}, engine=1, relay=2) as fleet:
        inbox = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
        inbox.start()
        leader = await relaying(fleet, database)
        await inbox.append([submitted(f"before-{number}") for number in range(40)])
        await leader.kill()
        await inbox.append([submitted(f"after-{number}") for number in range(40)])
        heir = await relaying(fleet, database, leader)
        await caught_up(database)
        assert await heir.stop() == 0
        await inbox.close()
    found = await records(kafka_mock.servers, TOPIC)
    entries = await journalled(database)
    assert sorted(taken_once(found)) == [entry.position for entry in entries]
    assert {event["id"] for event in events(found)} == {f"main/{entry.position}" for entry in entries}
