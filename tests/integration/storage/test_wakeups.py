"""Hints arrive, many become one, and a broken connection costs a look, not the service."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.storage.database import Database
from ccc_router.storage.wakeups import Notifier, Wakeups
from tests.support.waiting import until

CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name IN ('ccc-router listen', 'ccc-router notify') AND datname = current_database()
"""


@pytest.fixture
async def pair(dsn: str) -> AsyncIterator[tuple[Wakeups, Notifier]]:
    supervisor = Supervisor(SystemClock())
    wakeups, notifier = Wakeups(dsn), Notifier(dsn)
    supervisor.add(wakeups.loop)
    supervisor.add(notifier.loop)
    yield wakeups, notifier
    await supervisor.stop(1)
    await notifier.close()
    await wakeups.close()


async def test_a_hint_reaches_everybody_who_listens(pair: tuple[Wakeups, Notifier]) -> None:
    wakeups, notifier = pair
    heard: list[str] = []
    event = wakeups.event("outcomes")
    wakeups.on("outcomes", heard.append)
    wakeups.on("other", lambda _payload: heard.append("wrong"))
    await until(lambda: "" in heard, what="listening has begun")
    heard.clear()
    event.clear()
    notifier.notify("outcomes", "ct_1")
    await until(lambda: heard == ["ct_1"] and event.is_set())


async def test_who_listens_in_the_same_process_is_told_at_once_and_once(dsn: str) -> None:
    supervisor = Supervisor(SystemClock())
    wakeups = Wakeups(dsn)
    notifier = Notifier(dsn, wakeups)
    supervisor.add(wakeups.loop)
    supervisor.add(notifier.loop)
    heard: list[str] = []
    wakeups.on("outcomes", heard.append)
    await until(lambda: heard == [""], what="listening has begun")
    notifier.notify("outcomes", "here")
    assert heard == ["", "here"]
    notifier.notify("outcomes", "elsewhere", here=False)
    another = Notifier(dsn)
    another.keep("outcomes", "kept", lambda: True)
    another.notify("outcomes", "kept")
    another.notify("outcomes", "from another")
    await notifier.close()
    await another.close()
    await until(lambda: "from another" in heard, what="what another sent")
    assert heard == ["", "here", "from another"], "what came back from the server was passed over"
    await supervisor.stop(1)
    await wakeups.close()


async def test_many_hints_before_the_sending_are_one(pair: tuple[Wakeups, Notifier]) -> None:
    wakeups, notifier = pair
    heard: list[str] = []
    wakeups.on("journal", heard.append)
    await until(lambda: heard == [""])
    for _ in range(1000):
        notifier.notify("journal", "x")
    notifier.notify("journal", "last")
    await until(lambda: "last" in heard)
    assert heard == ["", "x", "last"]


async def test_i14_hints_that_nobody_sends_are_few(dsn: str) -> None:
    """While the database is away they become one for each channel: whoever hears it looks by himself."""
    wakeups, notifier = Wakeups(dsn), Notifier(dsn)
    heard: list[str] = []
    try:
        for number in range(5_000):
            notifier.notify("portal", f"site/{number}")
        wakeups.on("portal", heard.append)
        await wakeups.loop.run_once()
        heard.clear()
        await notifier.close()
        await until(lambda: "site/4999" in heard, what="the last hint")
        assert "" in heard
        assert len(heard) <= 1_001
    finally:
        await wakeups.close()


async def test_after_a_cut_everybody_looks_once_and_hears_again(
    pair: tuple[Wakeups, Notifier], database: Database
) -> None:
    wakeups, notifier = pair
    heard: list[str] = []
    wakeups.on("journal", heard.append)
    await until(lambda: heard == [""])
    await database.pool.execute(CUT)
    await until(lambda: heard == ["", ""], what="a look after the cut")
    notifier.notify("journal", "lost perhaps")
    notifier.notify("journal", "again")
    await until(lambda: notifier.loop.runs > 1)

    def arrived() -> bool:
        notifier.notify("journal", "again")
        return "again" in heard

    await until(arrived)


async def test_listening_ends_when_told(pair: tuple[Wakeups, Notifier]) -> None:
    wakeups, notifier = pair
    heard: list[str] = []
    end = wakeups.on("journal", heard.append)
    event = wakeups.event("journal")
    await until(lambda: heard == [""])
    event.clear()
    end()
    notifier.notify("journal", "x")
    async with asyncio.timeout(30):
        await event.wait()
    assert heard == [""]


def test_a_hint_is_short() -> None:
    with pytest.raises(ValueError, match="short"):
        Notifier("postgresql://").notify("journal", "x" * 8000)
