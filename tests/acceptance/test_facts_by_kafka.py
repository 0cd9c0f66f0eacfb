"""Facts through Kafka with real processes: one takes them, another decides; Kafka goes, the leader is killed, both come back."""

import httpx
import pytest

from ccc_router.events.kafka.record import topic_of
from ccc_router.storage.database import Database
from tests.acceptance.surroundings import the_catalogue
from tests.support.database import ONE_POSTGRES
from tests.support.fleet import a_fleet
from tests.support.kafka.cluster import ends
from tests.support.kafka.mock import MockCluster
from tests.support.process import Process
from tests.support.waiting import eventually

PAGE = "/v1/channels/portal/site/contacts"


async def forms(visitor: httpx.AsyncClient, count: int) -> set[str]:
    """So many visitors write; the contacts that were acknowledged."""
    found = set()
    for _ in range(count):
        answer = await visitor.post(PAGE, json={"text": "Tôi chưa nhận được thẻ."})
        assert answer.status_code == 201, answer.text
        found.add(answer.json()["contact_id"])
    return found


async def detail(process: Process, check: str) -> str:
    """What its ``/readyz`` says of it."""
    async with httpx.AsyncClient() as client:
        checks = (await client.get(f"{process.probes}/readyz")).json()["checks"]
    return str(checks.get(check, {}).get("detail", ""))


async def says(process: Process, check: str, wanted: str) -> None:
    """Wait until it says so."""

    async def there() -> bool:
        return await detail(process, check) == wanted

    await eventually(there, within_s=20, what=f"{check} to be {wanted}")


async def decided(database: Database, contacts: set[str]) -> None:
    """Each of them is in the journal once."""

    async def there() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM contact") >= len(contacts))

    await eventually(there, within_s=20, what="every contact to be there")
    rows = await database.pool.fetch("SELECT id FROM contact")
    assert {row[0] for row in rows} == contacts
    assert len(rows) == await database.pool.fetchval("SELECT count(*) FROM message")


@ONE_POSTGRES
@pytest.mark.timeout(120)
async def test_i1_i15_facts_go_by_kafka_around_it_and_by_it_again(
    dsn: str, database: Database, kafka_mock: MockCluster
) -> None:
    """R-11: acknowledged by Kafka or by PostgreSQL, decided once, whoever leads; ``/readyz`` says which way and how far behind."""
    more = {"CCC_KAFKA_SERVERS": kafka_mock.servers, "CCC_FORMS_PER_MINUTE": "1000000"}
    async with a_fleet(dsn, the_catalogue(), more=more, serve=1, engine=2) as fleet:
        [serve] = fleet.of("serve")
        visitor = serve.anybody()
        await says(serve, "inbox_mode", "kafka")
        contacts = await forms(visitor, 20)
        await decided(database, contacts)
        by_kafka = sum((await ends(kafka_mock.servers, topic_of("main"))).values())
        assert by_kafka >= 15, "nearly all, for the first may come before Kafka is there"
        await says(await fleet.leader(), "kafka", "0 records behind")
        await kafka_mock.go_away()
        contacts |= await forms(visitor, 10)
        await says(serve, "inbox_mode", "postgres")
        await decided(database, contacts)
        leader = await fleet.leader()
        await kafka_mock.come_back()

        async def returned() -> bool:
            contacts.update(await forms(visitor, 1))
            return await detail(serve, "inbox_mode") == "kafka"

        await eventually(returned, within_s=30, what="facts to go by Kafka again")
        await leader.kill()
        contacts |= await forms(visitor, 20)
        await decided(database, contacts)
        assert await fleet.leader(but=leader) is not leader
