"""I12, I7, I15: the clocks of the machine and of the database jump an hour, forward or back, under a living engine.

No timer fires early or twice, no agent is lost by it, one who is gone is still missed, and whoever leads can still be followed.
"""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from ccc_router.events.commands import AcceptOffer
from ccc_router.events.vocabulary import Role
from ccc_router.queues.heartbeats import LEASE_S, AgentWatch, Heartbeats
from tests.integration.queues.test_rebuild import start
from tests.support.clock_jump import Jumping, jumping
from tests.support.fake_clock import FakeClock
from tests.support.inputs import submitted
from tests.support.row_invariants import check_entries
from tests.support.spine import Spine, by_hand

HOUR: Final = 3_600
BOTH_WAYS: Final = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
_FASTEST: Final = 1.1
"""Engine time is drawn to the database's clock by a tenth at most (0021)."""


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def jumps(dsn: str) -> AsyncIterator[Jumping]:
    async with jumping(dsn) as made:
        yield made


@pytest.fixture
async def spine(jumps: Jumping, clock: FakeClock) -> AsyncIterator[Spine]:
    """An engine that leads, with three agents ready."""
    async with by_hand(jumps.database, clock=clock) as made:
        await start(made)
        yield made


async def both_clocks(jumps: Jumping, clock: FakeClock, seconds: int) -> None:
    """As when the machine they are on is set."""
    await jumps.jump(seconds)
    clock.jump(seconds)


async def pass_time(spine: Spine, clock: FakeClock, seconds: int) -> None:
    """The engine turns as time passes."""
    for _ in range(seconds):
        await clock.advance(1)
        await spine.turns()


@BOTH_WAYS
async def test_i12_no_timer_is_early_or_fires_twice(spine: Spine, jumps: Jumping, clock: FakeClock, jump: int) -> None:
    await spine.inbox.append([submitted("m1")])
    await spine.turns()
    [offer] = spine.state.offers.values()
    before = spine.engine.now_ms
    assert before is not None
    left_s = (offer.expires_at - before) / 1000
    await both_clocks(jumps, clock, jump)
    await pass_time(spine, clock, int(left_s / _FASTEST) - 1)
    assert list(spine.state.offers) == [offer.id], "not early"
    await pass_time(spine, clock, int(left_s * (_FASTEST - 1 / _FASTEST)) + 4)
    assert offer.id not in spine.state.offers, "not late by more than the drawing"
    kinds = await spine.kinds()
    assert kinds.count("TimeResumed") == 0, "the engine was never away"
    ended = [entry for entry in await spine.entries() if entry.kind == "OfferEnded" and offer.id.encode() in entry.body]
    assert len(ended) == 1
    times = [entry.at for entry in await spine.entries()]
    assert times == sorted(times), "time never goes back"
    async with jumps.database.pool.acquire() as connection:
        await check_entries(connection, "main")


async def hear(spine: Spine, watch: AgentWatch, clock: FakeClock, seconds: int, *agents: str) -> None:
    """These agents' clients are heard of every second, and the watch looks."""
    beats = Heartbeats(spine.database, "main")
    for _ in range(seconds):
        for agent in agents:
            beats.beat(agent)
        await beats.write()
        await watch.look()
        await clock.advance(1)
        await spine.turns()


def lost(spine: Spine) -> list[str]:
    return sorted(agent.id for agent in spine.state.agents.values() if agent.lost)


@BOTH_WAYS
async def test_i12_i7_nobody_is_lost_by_a_jump_and_who_is_gone_is_missed_all_the_same(
    spine: Spine, jumps: Jumping, clock: FakeClock, jump: int
) -> None:
    watch = AgentWatch(jumps.database, spine.engine, spine.inbox, clock)
    await hear(spine, watch, clock, int(LEASE_S) + 2, "an", "binh", "chi")
    await both_clocks(jumps, clock, jump)
    await watch.look()
    await spine.turns()
    assert lost(spine) == [], "heard of a second ago"
    await hear(spine, watch, clock, int(LEASE_S) - 2, "an", "binh")
    assert lost(spine) == []
    await hear(spine, watch, clock, 4, "an", "binh")
    assert lost(spine) == ["chi"]
    await both_clocks(jumps, clock, -jump)
    await hear(spine, watch, clock, 2, "an", "binh")
    assert lost(spine) == ["chi"], "silence is no sign of life"
    await hear(spine, watch, clock, 2, "an", "binh", "chi")
    assert lost(spine) == []


@BOTH_WAYS
async def test_i15_a_leader_that_dies_as_the_clock_jumps_is_followed(
    jumps: Jumping, clock: FakeClock, jump: int
) -> None:
    """Set back, the lease it left would be good for another hour; nobody may ask for so much."""
    async with by_hand(jumps.database, clock=clock) as first, by_hand(jumps.database, clock=clock) as second:
        await start(first)
        await first.inbox.append([submitted("m1")])
        await first.turns()
        [offer] = first.state.offers.values()
        await both_clocks(jumps, clock, jump)
        await second.engine.run_once()
        assert second.engine.leading
        await first.inbox.append([submitted("m2")])
        await first.turns()
        assert not first.engine.leading, "the one before writes nothing"
        accepted = await second.drive(
            second.ask(AcceptOffer(actor=offer.agent_id, actor_role=Role.AGENT, offer_id=offer.id))
        )
        assert accepted.status == 200
        async with jumps.database.pool.acquire() as connection:
            await check_entries(connection, "main")


@BOTH_WAYS
async def test_i15_a_clock_that_jumps_under_a_living_leader_gives_nobody_else_its_place_for_long(
    jumps: Jumping, clock: FakeClock, jump: int
) -> None:
    """It may lose its lease at the jump, to one other; after that there is one leader again, who keeps it."""
    async with by_hand(jumps.database, clock=clock) as first, by_hand(jumps.database, clock=clock) as second:
        await start(first)
        await both_clocks(jumps, clock, jump)
        for _ in range(5):
            await clock.advance(1)
            await first.turns()
            await second.turns()
        assert [first.engine.leading, second.engine.leading] == [True, False]
