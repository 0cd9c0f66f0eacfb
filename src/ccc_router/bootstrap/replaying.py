"""``ccc-router replay`` and ``ccc-router journal export``: both only read, and need no engine."""

from collections.abc import AsyncIterable
from pathlib import Path
from typing import NamedTuple

from ccc_router.bootstrap.storage import reading
from ccc_router.events import journal
from ccc_router.kernel.clock import SystemClock
from ccc_router.queues.store.loading import NO_CATALOGUE
from ccc_router.routing import State
from ccc_router.settings import Settings
from ccc_router.simulation.replaying import Counts, Difference, Replay, Window, open_file, replay, state_of, write_file


class Replayed(NamedTuple):
    """What a replay found (None: bit-equal), and how long it took."""

    counts: Counts
    difference: Difference | None
    seconds: float


async def replay_pool(settings: Settings, pool: str, window: Window) -> Replayed:
    """Replay the journal in the database. Raises Misconfigured, Unreadable, BrokenChain."""
    async with reading(settings, SystemClock()) as connection:
        return await _replay(State(pool, NO_CATALOGUE), journal.links(connection, pool), window)


async def replay_file(path: Path, window: Window) -> Replayed:
    """Replay an exported part of a journal. Raises BadFile, OSError, Unreadable, BrokenChain."""
    header, links = open_file(path)
    return await _replay(state_of(header), links, window)


async def export_journal(settings: Settings, pool: str, window: Window, path: Path) -> tuple[int, int]:
    """Write a part of the journal into a file; its first and last position. Raises what `write_file` raises, and Misconfigured."""
    async with reading(settings, SystemClock()) as connection:
        return await write_file(path, pool, journal.links(connection, pool), window)


async def _replay(state: State, links: AsyncIterable[journal.Link], window: Window) -> Replayed:
    clock, running = SystemClock(), Replay(state, window)
    begun = clock.monotonic()
    difference = await replay(running, links)
    return Replayed(running.counts, difference, clock.monotonic() - begun)
