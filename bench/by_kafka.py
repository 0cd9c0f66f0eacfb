"""Whole lives with facts through Kafka beside the same through PostgreSQL, turn by turn on the same machine.

The broker is a real one (tests/support/kafka), a single node on the loopback that shares the two cores with everything else; where there
is no Java, nothing is measured.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from bench import centre
from bench.lives import AGENTS, Lives, Run, saturate
from bench.load import median
from bench.server import Server
from tests.support.kafka.real import RealCluster, programs

TURNS: Final = 3


class Pair(NamedTuple):
    """Sustained runs of either way, one of each a turn."""

    postgres: list[Run]
    kafka: list[Run]

    @property
    def ratio(self) -> float:
        """Lives a second through Kafka over those through PostgreSQL: the median of the turns."""
        return median([two.per_s / one.per_s for one, two in zip(self.postgres, self.kafka, strict=True)])


async def compare(server: Server, first: float, seconds: float) -> Pair | None:
    """How many lives a second each way sustains, looked for from ``first`` upwards. None without a broker."""
    found = programs()
    if found is None:
        return None
    cluster = RealCluster(found)
    await cluster.start()
    try:
        async with _lives(server, "by-postgres", "") as direct, _lives(server, "by-kafka", cluster.servers) as through:
            pair = Pair([], [])
            for _ in range(TURNS):
                pair.postgres.append((await saturate(direct, first, seconds))[0])
                pair.kafka.append((await saturate(through, first, seconds))[0])
            return pair
    finally:
        cluster.stop()


@contextlib.asynccontextmanager
async def _lives(server: Server, name: str, kafka: str) -> AsyncIterator[Lives]:
    made = centre.catalogue(AGENTS)
    async with centre.working(await server.database(name), server.folder, made, kafka) as spine:
        lives = Lives(spine)
        await lives.run(200, 2)  # what is slow only once
        yield lives
        lives.close()
