"""Job queues on the same server, as yardsticks of durable inputs a second: they store and fetch jobs that do nothing.

Each runs as a process of its own: ``python -m bench.peers pgqueuer|procrastinate JOBS``, the database's address in
``CCC_BENCH_DSN``; the last line it prints is how many jobs a second it worked off.
"""

import asyncio
import os
import subprocess
import sys
import time
from typing import Final

from bench.server import Server

JOBS: Final = {"pgqueuer": 15_000, "procrastinate": 1_500}
_LIMIT_S: Final = 90


async def jobs_per_s(server: Server, peer: str) -> float | None:
    """What one peer does; None when it cannot be measured here."""
    dsn = await server.database(f"peer_{peer}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.peers", peer, str(JOBS[peer]),
        env=dict(os.environ) | {"CCC_BENCH_DSN": dsn}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        told, _ = await asyncio.wait_for(process.communicate(), _LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return float(told.split()[-1]) if process.returncode == 0 and told else None


async def _pgqueuer(dsn: str, jobs: int) -> float:
    import asyncpg
    from pgqueuer import PgQueuer
    from pgqueuer.db import AsyncpgDriver
    from pgqueuer.models import Job
    from pgqueuer.queries import Queries

    connection = await asyncpg.connect(dsn)
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    await queries.install()
    queuer = PgQueuer(driver)
    done = 0

    async def nothing(_job: Job) -> None:
        nonlocal done
        done += 1
        if done == jobs:
            queuer.shutdown.set()

    queuer.entrypoint("nothing")(nothing)
    await queries.enqueue(["nothing"] * jobs, [None] * jobs, [0] * jobs)
    began = time.perf_counter()
    await queuer.run(batch_size=100)
    return jobs / (time.perf_counter() - began)


async def _procrastinate(dsn: str, jobs: int) -> float:
    import procrastinate
    from procrastinate.types import JSONValue

    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))

    @app.task(queue="q")
    async def nothing(number: int) -> None:
        """Do nothing."""

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        given: list[dict[str, JSONValue]] = [{"number": number} for number in range(jobs)]
        await nothing.batch_defer_async(*given)
        began = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=32, install_signal_handlers=False)
        return jobs / (time.perf_counter() - began)


if __name__ == "__main__":
    works = {"pgqueuer": _pgqueuer, "procrastinate": _procrastinate}
    print(asyncio.run(works[sys.argv[1]](os.environ["CCC_BENCH_DSN"], int(sys.argv[2]))))
