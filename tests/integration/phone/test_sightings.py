"""Sightings in PostgreSQL, and the line of a call that is commanded: shared by processes, complete, gone after hours."""

import asyncio
import random

import pytest

from ccc_router.channels.channel import Keyed, Sighting
from ccc_router.channels.intake import Intake
from ccc_router.channels.phone.ari.joiner import AriJoiner
from ccc_router.channels.phone.ari.store import KEPT_HOURS, PostgresSightings
from ccc_router.channels.phone.asterisk_ari import AsteriskAri
from ccc_router.channels.phone.control import Line, PostgresLines
from ccc_router.events.facts import CallEvent
from ccc_router.events.inbox import InboxUnavailable
from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.storage.database import Database
from tests.support.channel_intake import FixedClock, KeptBlobs, KeptInbox, KnownEndpoints, KnownSecrets
from tests.unit.phone import recordings


def sighting(number: int) -> Sighting:
    return Sighting(f"k-{number}", b"{}")


async def test_whoever_adds_later_sees_what_was_added_earlier_each_once(database: Database) -> None:
    one, other = PostgresSightings(database, "main"), PostgresSightings(database, "main")
    first = await one.add("lab", [sighting(1), sighting(2)], 0)
    assert [kept.key for kept in first] == ["k-1", "k-2"]
    second = await other.add("lab", [sighting(2), sighting(3)], 0)
    assert [kept.key for kept in second] == ["k-1", "k-2", "k-3"]
    assert [kept.key for kept in await one.add("lab", [], first[-1].number)] == ["k-3"]
    assert await other.add("elsewhere", [], 0) == []
    assert await PostgresSightings(database, "other").add("lab", [], 0) == []


async def test_i2_64_at_once_from_two_processes_are_overlooked_by_none(database: Database) -> None:
    """The last of all to come sees every one, though all came together."""
    stores = [PostgresSightings(database, "main") for _ in range(2)]
    seen = await asyncio.gather(*(stores[n % 2].add("lab", [sighting(n)], 0) for n in range(64)))
    assert sorted(map(len, seen)) == list(range(1, 65))


async def test_old_ones_are_no_longer_read(database: Database) -> None:
    store = PostgresSightings(database, "main")
    await store.add("lab", [sighting(1)], 0)
    await database.pool.execute("UPDATE phone_sighting SET seen_at = seen_at - make_interval(hours => $1)", KEPT_HOURS)
    assert await store.add("lab", [], 0) == []


async def test_while_the_database_is_away_it_says_so(database: Database) -> None:
    await database.close()
    with pytest.raises(InboxUnavailable):
        await PostgresSightings(database, "main").add("lab", [sighting(1)], 0)


async def test_i3_two_processes_over_postgres_bring_a_shuffled_recording_to_its_end(database: Database) -> None:
    given = recordings.expectation("c-busy-reject")
    switch = recordings.endpoint(given["endpoint_options"])
    inbox = KeptInbox()
    intakes = [
        Intake(
            inbox, KeptBlobs(), KnownSecrets({}), KnownEndpoints(switch), FixedClock(),
            AriJoiner(PostgresSightings(database, "main")),
        )
        for _ in range(2)
    ]  # fmt: skip
    events = recordings.events("c-busy-reject")
    random.Random(7).shuffle(events)

    async def deliver(number: int) -> None:
        for event in events[number::2]:
            await intakes[number].accept(switch, recordings.request(event), AsteriskAri())

    await asyncio.gather(deliver(0), deliver(1))
    told = {key: one.body for (_, key), one in inbox.inputs.items()}
    facts = [Keyed(key, fact) for key, fact in told.items() if isinstance(fact, CallEvent)]
    assert recordings.outcome(facts) == recordings.expected(given["calls"])


def a_command(contact_id: str) -> Delivery:
    return Delivery(
        pool="main", id="dl_1", kind=DeliveryKind.CONTROL, lane="l", target="hotline", contact_id=contact_id
    )


async def put_contact(database: Database, contact_id: str, legs: str, address: str) -> None:
    await database.pool.execute(
        "INSERT INTO contact (pool, id, case_id, customer_id, channel, endpoint, queue, state, agent_id, offer_id, attention,"
        " arrived_at, answered_at, since, due, open, live, row)"
        " VALUES ('main', $1, 'cs_1', 'cu_1', 'phone', 'hotline', 'general', 'active', 'an', '', '', 1, 1, 1, 0, true, true,"
        " jsonb_build_object('call', jsonb_build_object('legs', $2::jsonb)))",
        contact_id,
        legs,
    )
    if address:
        await database.pool.execute(
            "INSERT INTO contact_address (pool, contact_id, endpoint, address, name, subject, handle_kind, handle_value)"
            " VALUES ('main', $1, 'hotline', $2, '', '', 'phone', $2)",
            contact_id,
            address,
        )


async def test_the_line_of_a_call_is_its_customers_leg_and_number(database: Database) -> None:
    legs = '{"b": {"leg_id": "b", "role": "agent"}, "a": {"leg_id": "a"}}'
    await put_contact(database, "ct_1", legs, "+84912345678")
    assert await PostgresLines(database).of(a_command("ct_1")) == Line("a", "+84912345678")


async def test_a_customer_to_be_called_is_reached_at_his_proven_number(database: Database) -> None:
    await database.pool.execute("INSERT INTO customer (pool, id, created_at) VALUES ('main', 'cu_1', 1)")
    for value, verified, at in (("+84900000001", False, 9), ("+84900000002", True, 1)):
        await database.pool.execute(
            "INSERT INTO handle (pool, kind, value, channel, customer_id, verified, at) VALUES ('main', 'phone', $1, $2, 'cu_1', $3, $4)",
            value,
            "" if verified else "phone",
            verified,
            at,
        )
    await put_contact(database, "ct_2", "{}", "")
    assert await PostgresLines(database).of(a_command("ct_2")) == Line("", "+84900000002")


async def test_a_contact_nobody_knows_has_no_line(database: Database) -> None:
    assert await PostgresLines(database).of(a_command("ct_none")) == Line()
