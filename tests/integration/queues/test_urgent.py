"""What people ask comes before what channels bring: an agent's accept waits one turn, however many new contacts wait (I14, R-27)."""

from ccc_router.events.commands import SetPresence
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.queues.taking import taking
from ccc_router.storage.database import BY_KEYS, Database
from tests.integration.queues.test_rebuild import start
from tests.support.inputs import accept, submitted
from tests.support.spine import Spine, by_hand

BATCH = 32


def presence(agent: str, state: Presence) -> SetPresence:
    """What an agent says of himself."""
    return SetPresence(actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=state)


async def waiting(spine: Spine) -> tuple[int, int]:
    """How many facts and how many commands nobody has read."""
    row = await spine.database.pool.fetchrow(
        "SELECT count(*) FILTER (WHERE NOT urgent) AS facts, count(*) FILTER (WHERE urgent) AS asked FROM inbox"
    )
    assert row is not None
    return row["facts"], row["asked"]


async def test_i14_an_accept_is_decided_in_the_next_turn_however_many_contacts_wait(database: Database) -> None:
    async with by_hand(database, batch=BATCH) as spine:
        await start(spine)
        await spine.inbox.append([submitted("first")])
        await spine.turns()
        [offer] = spine.state.offers.values()
        await spine.inbox.append([submitted(f"m{number}") for number in range(500)])
        command = accept(offer.id, offer.agent_id)
        await spine.inbox.append([Submission(f"agent:{offer.agent_id}", "accept", command)])
        await spine.engine.run_once()
        assert offer.contact_id in spine.state.agents[offer.agent_id].assignments
        assert await waiting(spine) == (500 - (BATCH - 1), 0)


async def test_i14_a_flood_of_commands_leaves_facts_a_quarter_of_each_turn(database: Database) -> None:
    """Nothing starves: neither waits for all of the other, and each keeps its own order (I3)."""
    async with by_hand(database, batch=BATCH) as spine:
        await start(spine)
        before = len(await spine.entries())
        turns = [Presence.NOT_READY, Presence.READY] * 50
        await spine.inbox.append(
            [Submission("agent:an", f"c{number}", presence("an", state)) for number, state in enumerate(turns)]
        )
        await spine.inbox.append([submitted(f"m{number}") for number in range(40)])
        assert await spine.engine.run_once(), "there is more to do at once"
        assert await waiting(spine) == (40 - BATCH // 4, 100 - 3 * BATCH // 4)
        await spine.turns()
        assert await waiting(spine) == (0, 0)
        inputs = [entry for entry in (await spine.entries())[before:] if entry.form == "input"]
        states = [entry.body for entry in inputs if entry.kind == "SetPresence"]
        assert [b'"not_ready"' in body for body in states] == [True, False] * 50
        assert sum(entry.kind == "MessageReceived" for entry in inputs) == 40
        assert spine.state.agents["an"].presence is Presence.READY


async def test_what_is_asked_alone_does_not_end_a_turn_early(database: Database) -> None:
    """More commands than a turn takes, and no facts: the engine goes on at once and does not wait for its next look."""
    async with by_hand(database, batch=BATCH) as spine:
        await start(spine)
        await spine.inbox.append(
            [Submission("agent:an", f"c{number}", presence("an", Presence.READY)) for number in range(60)]
        )
        turns = 0
        while await spine.engine.run_once():
            turns += 1
        assert await waiting(spine) == (0, 0)
        assert turns >= 60 // BATCH


async def test_a_turn_finds_both_by_their_indexes(database: Database) -> None:
    """R-28: with 20,000 facts waiting a turn reads what it takes, and nothing else."""
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO inbox (pool, source, key, body) SELECT 'main', CASE WHEN n % 100 = 0 THEN 'agent:an' ELSE 'site' END,"
            " 'k' || n, '{}' FROM generate_series(1, 20000) AS n"
        )
        for name, value in BY_KEYS.items():
            await connection.execute(f"SET LOCAL {name} = {value}")
        statement = taking.TAKE.replace("$1", "'main'").replace("$2", "512").replace("$3", "0").replace("$4", "0")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement}"))
    assert "Index Scan using inbox_urgent" in plan
    assert "Index Scan using inbox_pkey" in plan
    assert "Tid Scan on inbox" in plan
    assert "Seq Scan" not in plan
