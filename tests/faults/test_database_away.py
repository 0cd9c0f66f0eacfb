"""I1, I2, I14: the way to PostgreSQL is cut, hangs or is refused, and the service says 503, promises nothing, and comes back by itself.

Nobody waits for ever: each request is answered within a time that follows from the limits of a statement and of a connection.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from ccc_router.kernel.tasks import Tasks
from tests.acceptance.surroundings import the_catalogue
from tests.support.crowd import Crowd, well_again
from tests.support.database import Server, make_folder, servers
from tests.support.fault_proxy import BOTH, FaultProxy, Faults, a_proxy, address_of
from tests.support.process import Process


@asynccontextmanager
async def on(address: str) -> AsyncIterator[Process]:
    """A service on that database, with short limits."""
    service = Process(
        make_folder("ccc-away-"),
        the_catalogue(),
        CCC_DATABASE_URL=address,
        CCC_DATABASE_STATEMENT_S="1",
        CCC_OUTCOME_WAIT_S="1",
        CCC_FORMS_PER_MINUTE="100000",
    )
    try:
        await service.start()
        yield service
    finally:
        await service.close()
    shutil.rmtree(service.folder, ignore_errors=True)  # after a failure it stays: its log says why


@asynccontextmanager
async def behind_a_proxy(dsn: str) -> AsyncIterator[tuple[Process, FaultProxy]]:
    """A service that reaches its database through a proxy."""
    async with a_proxy(address_of(dsn)) as proxy, on(proxy.dsn(dsn)) as service:
        yield service, proxy


@pytest.mark.timeout(240)
async def test_i1_i14_a_way_to_the_database_that_is_lost_in_any_manner_gives_503_and_comes_back(dsn: str) -> None:
    """Half-open both ways and one way, reset, refused: engine, appender, pool and listener all had a connection in it."""
    async with behind_a_proxy(dsn) as (service, proxy):
        crowd = Crowd(service)
        assert all(await crowd.all_at_once())
        for faults in (Faults(swallow=BOTH), Faults(swallow=frozenset({"back"}))):
            proxy.faults = faults
            assert not any(await crowd.all_at_once()), "nothing is promised that was not committed"
            proxy.faults = Faults()
            await well_again(service, crowd, dsn)
        await proxy.refuse()
        proxy.cut()
        assert not any(await crowd.all_at_once())
        await proxy.listen()
        await well_again(service, crowd, dsn)
        for number in range(5):
            proxy.faults = Faults(reset_after=2_000 * (number + 1))
            proxy.cut()
            await crowd.all_at_once()
        proxy.faults = Faults()
        proxy.cut()
        await well_again(service, crowd, dsn)


async def a_backend_is_killed(dsn: str) -> None:
    """PostgreSQL ends every session and recovers, for a killed one may have spoilt the memory they share."""
    connection = await asyncpg.connect(dsn)
    victim = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%engine main%'")
    os.kill(victim, signal.SIGKILL)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        while True:
            await connection.fetchval("SELECT pg_sleep(0.05)")


async def it_ends(server: Server, number: signal.Signals) -> None:
    """The server is told to end, and does."""
    pid = server.embedded.pid
    assert pid is not None
    os.kill(pid, number)
    await asyncio.to_thread(_waited_for, server)


def _waited_for(server: Server) -> None:
    process = server.embedded._process
    assert process is not None
    process.wait(20)


async def a_smart_stop(server: Server, crowd: Crowd) -> None:
    """It takes nobody new and waits for those who are there: who is connected is served, then it is told to be quick."""
    assert server.embedded.pid is not None
    os.kill(server.embedded.pid, signal.SIGTERM)
    await crowd.all_at_once()
    await it_ends(server, signal.SIGINT)
    assert not any(await crowd.all_at_once())
    await server.embedded.keep()


FAST, AT_ONCE, KILLED = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL


async def stopped_in_every_manner(numbers: Sequence[signal.Signals], *, smart: bool) -> None:
    """Each time the service says 503 and goes on when PostgreSQL is there again; last, one session is killed."""
    server = Server(next(iter(servers().values())))
    await server.start()
    try:
        dsn = await server.make("away")
        async with on(dsn) as service:
            crowd = Crowd(service)
            assert all(await crowd.all_at_once())
            tasks = Tasks()
            for number in numbers:
                load = tasks.start(crowd.all_at_once(), name="load")
                await it_ends(server, number)
                assert not any(await crowd.all_at_once())
                await server.embedded.keep()
                await load
                await well_again(service, crowd, dsn)
            if smart:
                await a_smart_stop(server, crowd)
                await well_again(service, crowd, dsn)
            load = tasks.start(crowd.all_at_once(), name="load")
            await a_backend_is_killed(dsn)
            await load
            await well_again(service, crowd, dsn)
    finally:
        await server.stop()


@pytest.mark.timeout(240)
async def test_i1_i14_a_postgresql_killed_under_load_loses_nothing_acknowledged() -> None:
    """kill -9 of the server, and of one session."""
    await stopped_in_every_manner([KILLED], smart=False)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_i1_i14_a_postgresql_that_stops_in_any_manner_under_load_loses_nothing_acknowledged() -> None:
    """Fast, immediate, killed, smart."""
    await stopped_in_every_manner([FAST, AT_ONCE, KILLED, FAST, AT_ONCE, KILLED], smart=True)
