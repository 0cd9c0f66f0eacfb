"""The fixtures, and which of them this machine can have."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from ccc_router.kernel.ids import fresh
from ccc_router.storage.kafka import Cluster as Reached
from tests.support.fault_proxy import FaultProxy, a_proxy
from tests.support.kafka.cluster import ByDoor, Cluster
from tests.support.kafka.doors import Door
from tests.support.kafka.mock import MockCluster
from tests.support.kafka.real import RealCluster, programs
from tests.support.process import free_port

_PROGRAMS: Final = programs()
_GIVEN: Final = os.environ.get("CCC_TEST_KAFKA", "")
# One worker runs everything that a real broker is needed for, so that a run starts each of them once (--dist loadgroup).
_TOGETHER: Final = pytest.mark.xdist_group("kafka")
_MOCK: Final = pytest.param("mock", id="mock")
_REAL: Final = [pytest.param("real", id="real", marks=_TOGETHER)] if _PROGRAMS is not None else []
_THERE: Final = [pytest.param("given", id="given", marks=_TOGETHER)] if _GIVEN else _REAL

KAFKAS: Final = (_MOCK, *_THERE)
"""The mock cluster and a real one: parameters of a fixture that takes what `chosen` gives."""


def report() -> str:
    """Which Kafka the tests run on, for the head of the run."""
    if _GIVEN:
        real = f"and the broker at {_GIVEN}"
    elif _PROGRAMS is not None:
        real = f"and a real one ({_PROGRAMS.name})"
    else:
        real = "ONLY, NO REAL BROKER is tested: tests/support/kafka/fetch.sh fetches one where there is Java and Maven"
    return f"kafka: the mock cluster {real}"


class Given:
    """The broker at CCC_TEST_KAFKA. It is somebody's: nothing here stops it."""

    name = "given"
    servers = _GIVEN

    async def make_topic(self, topic: str, partitions: int = 4) -> None:
        """Make a topic with three copies, or as many as there are brokers."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        try:
            brokers = len((await admin.describe_cluster())["brokers"])
            answer = await admin.create_topics([NewTopic(topic, partitions, min(3, brokers))])
        finally:
            await admin.close()
        assert answer.topic_errors[0][1] == 0, answer

    async def go_away(self) -> None:
        """Not this one: ask for `own_kafka`."""
        raise AssertionError(f"{_GIVEN} is not ours to stop")

    async def come_back(self) -> None:
        """It never went."""


def _made(programs: Path, nodes: int, *doors: Door) -> Iterator[RealCluster]:
    """A cluster for the run; the first test that wants it starts it by `come_back`, as one that finds a node dead does."""
    cluster = RealCluster(programs, nodes, doors)
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(
    scope="session", params=[] if _PROGRAMS is None else [pytest.param(_PROGRAMS, id="real", marks=_TOGETHER)]
)
def kafka_programs(request: pytest.FixtureRequest) -> Path:
    """Where Kafka's programs are. What needs them is left out, and counted as skipped, where there are none."""
    found: Path = request.param
    return found


@pytest.fixture(scope="session")
def real_kafka() -> Iterator[RealCluster]:
    """The run's one real broker; ask for `kafka` or `own_kafka`, which know whether there is one."""
    assert _PROGRAMS is not None
    yield from _made(_PROGRAMS, 1, Door("PROXIED", told=free_port()))


@pytest.fixture(scope="session")
def real_trio(kafka_programs: Path) -> Iterator[RealCluster]:
    """The run's one cluster of three; ask for `kafka_trio`, which mends it first."""
    yield from _made(kafka_programs, 3)


@dataclass
class Way:
    """The way to a real broker, which the test may spoil: ``servers`` leads through the proxy, as does what the broker says of itself there."""

    proxy: FaultProxy
    cluster: RealCluster

    @property
    def servers(self) -> str:
        """CCC_KAFKA_SERVERS of whoever goes this way."""
        return f"127.0.0.1:{self.proxy.port}"

    @property
    def both(self) -> ByDoor:
        """Who appends and who reads goes this way."""
        return ByDoor(self.cluster, Reached(self.servers))

    @property
    def producing(self) -> ByDoor:
        """Who appends goes this way, and who relays."""
        return ByDoor(self.cluster, Reached(self.servers), Reached(self.cluster.servers))

    @property
    def reading(self) -> ByDoor:
        """The engine goes this way."""
        return ByDoor(self.cluster, Reached(self.cluster.servers), Reached(self.servers))


@pytest.fixture
async def kafka_way(kafka_programs: Path, real_kafka: RealCluster) -> AsyncIterator[Way]:
    """The run's one real broker behind a proxy, at the address that it tells its clients."""
    await real_kafka.come_back()
    door = real_kafka.doors["PROXIED"]
    async with a_proxy(("127.0.0.1", door.port), door.told) as proxy:
        yield Way(proxy, real_kafka)


@pytest.fixture
async def kafka_trio(real_trio: RealCluster) -> RealCluster:
    """Three real nodes, each broker and controller, all well at the start. Without a Kafka here the test is left out."""
    await real_trio.come_back()
    return real_trio


@pytest.fixture
def kafka_mock() -> Iterator[MockCluster]:
    """A fresh mock cluster of three brokers."""
    with MockCluster() as cluster:
        yield cluster


async def chosen(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """What a parameter of `KAFKAS` names."""
    if request.param == "given":
        yield Given()
    elif request.param == "mock":
        yield request.getfixturevalue("kafka_mock")
    else:
        cluster: RealCluster = request.getfixturevalue("real_kafka")
        await cluster.come_back()
        yield cluster


@pytest.fixture(params=KAFKAS)
async def kafka(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A Kafka to use as it is: the mock cluster, and a real one where there is one."""
    async for cluster in chosen(request):
        yield cluster


@pytest.fixture(params=[pytest.param("postgres", id="postgres"), *KAFKAS])
async def way(request: pytest.FixtureRequest) -> AsyncIterator[Cluster | None]:
    """Every way that facts can come: None is PostgreSQL."""
    if request.param == "postgres":
        yield None
        return
    async for cluster in chosen(request):
        yield cluster


@pytest.fixture(params=[_MOCK, *_REAL])
async def own_kafka(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """A Kafka that the test may stop and start."""
    async for cluster in chosen(request):
        yield cluster


@pytest.fixture
def topic() -> str:
    """A name no other test has."""
    return fresh("t")
