"""I1, I2, I4, I10: each way between the service and the others (client, switch, department, page, mail relay, Kafka) is spoilt at its first use.

The whole history goes on all the same: what was cut is asked again under the same key, what was owed is sent again under the same id.
"""

from typing import Final

import pytest

from ccc_router.kernel.tasks import Tasks
from tests.support.crash_walk import Walk, a_walk
from tests.support.fault_proxy import BOTH, FaultProxy, Faults
from tests.support.kafka.fixtures import Way
from tests.support.waiting import until

WAYS: Final = {"client", "switch", "department", "page", "relay"}


async def heal(proxy: FaultProxy, name: str) -> None:
    """The network is well again once it has done harm."""
    await until(lambda: proxy.spoilt, within_s=100, what=f"the way to the {name} to be spoilt")
    proxy.faults = Faults()


async def history_with(dsn: str, faults: Faults, kafka: Way | None = None) -> None:
    async with a_walk(dsn, faults=faults, kafka=None if kafka is None else kafka.both) as walk:
        tasks = Tasks()
        if kafka is not None:
            kafka.proxy.faults, walk.ways["kafka"] = faults, kafka.proxy
        healing = [tasks.start(heal(proxy, name), name=f"heal-{name}") for name, proxy in walk.ways.items()]
        assert set(walk.ways) == WAYS | ({"kafka"} if kafka is not None else set())
        await walk.begin()
        await walk.history()
        for one in healing:
            await one
        await walk.judge()


@pytest.mark.timeout(200)
async def test_i10_i2_ways_that_are_reset_in_mid_sentence_lose_and_double_nothing(dsn: str) -> None:
    await history_with(dsn, Faults(reset_after=250))


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "faults",
    [Faults(swallow=BOTH), Faults(swallow=frozenset({"back"}))],
    ids=["half-open", "no-answer"],
)
async def test_i10_i2_ways_that_hang_lose_and_double_nothing(dsn: str, faults: Faults) -> None:
    await history_with(dsn, faults)


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "faults",
    [Faults(reset_after=250), Faults(swallow=BOTH), Faults(swallow=frozenset({"back"}))],
    ids=["reset", "half-open", "no-answer"],
)
async def test_i1_i2_i13_the_way_to_kafka_is_no_other(dsn: str, kafka_way: Way, faults: Faults) -> None:
    """The same history with a Kafka behind one more such way: facts come by it in the end, and its topic has the whole journal."""
    await history_with(dsn, faults, kafka_way)


async def walked(walk: Walk) -> None:
    await walk.begin()
    await walk.history()
    await walk.judge()


@pytest.mark.soak
@pytest.mark.timeout(400)
async def test_slow_ways_only_take_longer(dsn: str) -> None:
    async with a_walk(dsn, faults=Faults(delay_s=0.05, bytes_per_s=50_000)) as walk:
        await walked(walk)
