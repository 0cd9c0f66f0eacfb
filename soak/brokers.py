"""The Kafka of a run: a real broker where there is Java and it was fetched, librdkafka's mock cluster, or none."""

import asyncio
import signal

from soak.world import Kafka
from tests.support.kafka.mock import MockCluster
from tests.support.kafka.real import RealCluster, programs

_ONE = 1


class RealKafka:
    """One real node on the loopback, which is both broker and controller."""

    def __init__(self, cluster: RealCluster) -> None:
        self._cluster = cluster
        self.servers = cluster.servers

    async def start(self) -> None:
        """Start it, or again, and wait until it answers."""
        await self._cluster.come_back()

    async def kill(self) -> None:
        """kill -9."""
        self._cluster.kill(_ONE)

    async def stop(self) -> None:
        """SIGTERM, and wait: an orderly stop of a broker."""
        self._cluster.nodes[_ONE].signal(signal.SIGTERM)
        while self._cluster.nodes[_ONE].alive:
            await asyncio.sleep(0.05)

    async def pause(self, seconds: float) -> None:
        """It answers nothing for so long, and keeps its connections."""
        self._cluster.pause(_ONE)
        await asyncio.sleep(seconds)
        self._cluster.resume(_ONE)

    async def close(self) -> None:
        """End it for good; its data is removed."""
        self._cluster.stop()


class MockKafka:
    """The mock cluster: it lives in this process, so a kill is that nobody answers."""

    def __init__(self) -> None:
        self._cluster = MockCluster()
        self._cluster.start()
        self.servers = self._cluster.servers

    async def start(self) -> None:
        """Everybody answers."""
        await self._cluster.come_back()

    async def kill(self) -> None:
        """Connections are cut, and nobody listens, for a moment."""
        await self.stop()
        await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """Nobody listens."""
        await self._cluster.go_away()

    async def pause(self, seconds: float) -> None:
        """Every answer takes so long."""
        self._cluster.delay(int(seconds * 1000))
        await asyncio.sleep(seconds)
        self._cluster.delay(0)

    async def close(self) -> None:
        """End it."""
        self._cluster.stop()


def choose(wanted: str) -> tuple[str, Kafka | None]:
    """The Kafka of this name and what it is. ``auto``: a real one where there is one, else none. Ends the run for a real one that is not there."""
    found = programs() if wanted in {"real", "auto"} else None
    if found is not None:
        return "real", RealKafka(RealCluster(found, _ONE))
    if wanted == "real":
        raise SystemExit(
            "there is no real Kafka here: tests/support/kafka/fetch.sh fetches one where there is Java and Maven"
        )
    return ("mock", MockKafka()) if wanted == "mock" else ("none", None)
