"""What goes on at the side of routing, as the service does it: supervisors' readings, an export of the journal, a relay that is far behind."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from bench.centre import QUEUES
from ccc_router.agents.store.counts import Counts
from ccc_router.events.kafka.journal import JournalTopic
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor, Tasks
from ccc_router.storage.database import ASIDE, Database, Limits
from ccc_router.storage.kafka import Cluster
from ccc_router.workers.relay import Relay
from tests.support.waiting import until

LOOKERS: Final = 20
_ANYWHEN: Final = 0


class Done:
    """How much of it was done: readings answered and made, exports ended, entries relayed."""

    def __init__(self) -> None:
        self.answered = self.exported = self.relayed = 0


@contextlib.asynccontextmanager
async def reports(dsn: str, folder: Path, done: Done) -> AsyncIterator[None]:
    """Supervisors ask for the readings of all that ever came, each as soon as he was answered; and the journal is exported over and over."""
    aside = await Database.open(dsn, Limits(pool_size=2, statement_ms=10_000), name="aside", extra=ASIDE, kept=0)
    counts, tasks = Counts(aside, "main", SystemClock()), Tasks()
    for _ in range(LOOKERS):
        tasks.start(_look(counts, done), name="looker")
    path = folder / "export.jsonl.gz"
    tasks.start(_export(dsn, path, done), name="export")
    try:
        # A program's start is no export: it is over within a second of the minutes that one takes.
        await until(path.with_name(f"{path.name}.part").exists, within_s=300)
        yield
    finally:
        await tasks.close()
        await aside.close()


async def _look(counts: Counts, done: Done) -> None:
    thresholds = dict.fromkeys(QUEUES, 20)
    while True:
        await counts.readings(since=_ANYWHEN, thresholds=thresholds)
        done.answered += 1
        await asyncio.sleep(0.01)


async def _export(dsn: str, path: Path, done: Done) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CCC_")}
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ccc_router", "journal", "export", "--file", str(path),
            env=clean | {"CCC_DATABASE_URL": dsn}, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            if await process.wait():
                raise RuntimeError("the export failed")
            done.exported += 1
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@contextlib.asynccontextmanager
async def relay(dsn: str, kafka: str, topic: str, done: Done) -> AsyncIterator[None]:
    """A relay in this process, as `up` has it, that begins at the first entry."""
    clock = SystemClock()
    database, supervisor = await Database.open(dsn, Limits(pool_size=2)), Supervisor(clock)
    made = Relay(database, "main", JournalTopic(Cluster(kafka), topic), clock)
    supervisor.add(made.loop)
    try:
        yield
    finally:
        await made.stop()
        await supervisor.stop(2)
        told = "SELECT coalesce(max(position), 0) FROM relay WHERE topic = $1"
        done.relayed += await database.pool.fetchval(told, topic)
        await database.close()
