"""I7: an agent nobody hears of is lost after his lease, one heard of again is back; nobody is lost for our own silence."""

from collections.abc import AsyncIterator

import pytest

from ccc_router.queues.heartbeats import AgentWatch, Heartbeats
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.spine import Spine, by_hand


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def spine(database: Database, clock: FakeClock) -> AsyncIterator[Spine]:
    """An engine that leads, with three agents ready."""
    async with by_hand(database, clock=clock) as made:
        await start(made)
        yield made


async def silent_since(database: Database, agent: str, seconds: int) -> None:
    """The table says the agent was last heard of so long ago."""
    await database.pool.execute(
        "INSERT INTO heartbeat VALUES ('main', $1, clock_timestamp() - $2 * interval '1 second') "
        "ON CONFLICT (pool, agent_id) DO UPDATE SET at = excluded.at",
        agent,
        seconds,
    )


async def watch(spine: Spine, made: AgentWatch, clock: FakeClock, seconds: float) -> None:
    """Let the watch look twice a second for a while."""
    for _ in range(int(seconds * 2)):
        await made.look()
        await clock.advance(0.5)
    await spine.turns()


def lost(spine: Spine) -> list[str]:
    """Whom the engine believes lost."""
    return sorted(agent.id for agent in spine.state.agents.values() if agent.lost)


async def test_i7_a_lost_agents_offer_goes_to_another(spine: Spine, database: Database, clock: FakeClock) -> None:
    """R-30: who may be offered something: there, heard of, allowed, with room; who is lost gives back with the place kept."""
    await spine.inbox.append([submitted("m1")])
    await spine.turns()
    [offer] = spine.state.offers.values()
    made = AgentWatch(database, spine.engine, spine.inbox, clock)
    for agent in ("an", "binh", "chi"):
        await silent_since(database, agent, 31 if agent == offer.agent_id else 0)
    await watch(spine, made, clock, 29)
    assert not spine.state.agents[offer.agent_id].lost
    for agent in {"an", "binh", "chi"} - {offer.agent_id}:
        await silent_since(database, agent, 0)
    await watch(spine, made, clock, 2)
    assert spine.state.agents[offer.agent_id].lost
    [again] = spine.state.offers.values()
    assert again.agent_id != offer.agent_id
    assert again.contact_id == offer.contact_id
    assert (await spine.kinds()).count("AgentLost") == 1


async def test_an_agent_heard_of_again_is_back_once(spine: Spine, database: Database, clock: FakeClock) -> None:
    made = AgentWatch(database, spine.engine, spine.inbox, clock)
    await watch(spine, made, clock, 31)
    assert lost(spine) == ["an", "binh", "chi"]
    heard = Heartbeats(database, "main")
    heard.beat("an")
    await heard.write()
    await watch(spine, made, clock, 2)
    assert lost(spine) == ["binh", "chi"]
    assert (await spine.kinds()).count("AgentBack") == 1


async def test_i12_after_a_take_over_everybody_has_a_full_lease(
    spine: Spine, database: Database, clock: FakeClock
) -> None:
    made = AgentWatch(database, spine.engine, spine.inbox, clock)
    await watch(spine, made, clock, 20)
    await spine.engine.stop()
    await clock.advance(600)
    await spine.turns()
    assert spine.engine.leading
    await watch(spine, made, clock, 29)
    assert "AgentLost" not in await spine.kinds()
    await watch(spine, made, clock, 2)
    assert "AgentLost" in await spine.kinds()


async def test_a_stalled_watch_blames_nobody(spine: Spine, database: Database, clock: FakeClock) -> None:
    """The process slept for a minute: it could hear nobody."""
    made = AgentWatch(database, spine.engine, spine.inbox, clock)
    await watch(spine, made, clock, 1)
    await clock.advance(60)
    await watch(spine, made, clock, 2)
    assert "AgentLost" not in await spine.kinds()
