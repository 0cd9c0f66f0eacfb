"""I18: the counts add up, in the tables and in the journal; and what was decided to be owed is owed (I10)."""

from collections import Counter

import msgspec

from ccc_router.events.envelope import Entry
from ccc_router.routing.state import ENDED
from ccc_router.storage.database import Database
from tests.conftest import SEED
from tests.integration.queues.test_rebuild import start, work
from tests.support.fake_clock import FakeClock
from tests.support.spine import by_hand
from tests.support.workload import Workload

ENDS = {state.value for state in ENDED}


def bodies(entries: list[Entry], kind: str) -> list[dict[str, object]]:
    """What the journal says, of one kind."""
    return [msgspec.json.decode(entry.body) for entry in entries if entry.kind == kind]


async def test_i18_received_is_open_and_every_way_of_ending_together(database: Database) -> None:
    """After a random day: each contact that the journal opened is one row, open or ended as the journal says."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, Workload(SEED), 200)
        entries = await spine.entries()
        live = {contact.id for contact in spine.state.contacts.values() if contact.state not in ENDED}
    received = [one["contact_id"] for one in bodies(entries, "ContactOpened")]
    ended: dict[object, object] = {}
    for entry in entries:
        one = msgspec.json.decode(entry.body)
        if entry.kind == "ContactEnded":
            ended[one["contact_id"]] = one["state"]
        elif entry.kind == "ContactQueued":  # abandoned, until we heard that he had chosen to be called back (I3)
            ended.pop(one["contact_id"], None)
    rows = {row[0]: (row[1], row[2]) for row in await database.pool.fetch("SELECT id, state, open FROM contact")}
    assert len(received) == len(set(received)) > 20
    assert set(received) == set(rows)
    assert {contact: state for contact, (state, _) in rows.items() if state in ENDS} == ended
    assert {contact for contact, (_, is_open) in rows.items() if is_open} == live == set(received) - set(ended)
    counted = Counter(state if state in ENDS else "open" for state, _ in rows.values())
    assert counted["open"] == len(live)
    assert counted["closed"] > 0
    assert counted.total() == len(received)


async def test_i10_what_was_decided_to_be_owed_is_owed_and_nothing_else(database: Database) -> None:
    """The delivery and its decision are one commit: neither is there without the other."""
    clock = FakeClock()
    async with by_hand(database, clock=clock) as spine:
        await start(spine)
        await work(spine, clock, Workload(SEED + 1), 150)
        entries = await spine.entries()
    decided = [one["delivery_id"] for one in bodies(entries, "DeliveryOwed")]
    owed = [row[0] for row in await database.pool.fetch("SELECT id FROM delivery")]
    assert len(decided) > 5
    assert sorted(str(one) for one in decided) == sorted(owed)
