"""One ``serve`` process and two: how many webhooks they acknowledge, and where the processor time goes.

Each run has an ``engine`` process beside it, a database of its own on the same server, and the same number of connections, half of them
to each. A machine with few cores cannot do twice as much with twice the processes: the shares say what took the cores.
"""

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.centre import catalogue, write_catalogue
from bench.client import Answered, keep_busy
from bench.load import median, percentile
from bench.server import Server
from bench.webhooks import CONNECTIONS, PAGE_SECRET, SECRET, alive, call_events, free_port

_TURNS: Final = 3
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_KEY: Final = "of-the-tokens-of-the-measurement"


class Spent(NamedTuple):
    """Processor seconds by part."""

    serve: float
    engine: float
    postgres: float
    client: float

    def __sub__(self, before: "Spent") -> "Spent":
        return Spent(*(now - then for now, then in zip(self, before, strict=True)))

    def cores(self, seconds: float) -> str:
        """How many cores each part kept busy."""
        told = [f"{name} {took / seconds:.2f}" for name, took in zip(self._fields, self, strict=True)]
        return f"cores: {', '.join(told)}; all {sum(self) / seconds:.2f} of {os.cpu_count()}"


class Served(NamedTuple):
    """Acknowledgements a second, how long the median one takes (seconds), and what was spent in how many seconds."""

    per_s: float
    p50: float
    spent: Spent
    seconds: float


async def acknowledged(server: Server, serves: int, seconds: float) -> Served:
    """With so many ``serve`` processes: medians over the turns, and the shares of all of them."""
    requests = iter(call_events())
    async with _running(server, serves) as (ports, spent):
        await _busy(ports, requests, 0.5)
        before, began = spent(), time.perf_counter()
        turns = [await _busy(ports, requests, seconds) for _ in range(_TURNS)]
        took = time.perf_counter() - began
        return Served(
            median([one.per_s for one in turns]),
            median([percentile(one.waits, 0.5) for one in turns]),
            spent() - before,
            took,
        )


async def _busy(ports: Sequence[int], requests: Iterator[bytes], seconds: float) -> Answered:
    each = CONNECTIONS // len(ports)
    parts = await asyncio.gather(*(keep_busy(port, requests, each, seconds) for port in ports))
    if any(one.others for one in parts):
        raise RuntimeError("some were not acknowledged")
    waits = list(itertools.chain.from_iterable(one.waits for one in parts))
    return Answered(sum(one.ok for one in parts), 0, max(one.seconds for one in parts), waits, parts[0].statuses)


@contextlib.asynccontextmanager
async def _running(server: Server, serves: int) -> "AsyncIterator[tuple[list[int], _Spending]]":
    ports = [free_port() for _ in range(serves)]
    settings = {
        "CCC_DATABASE_URL": await server.database(f"serve_{serves}"),
        "CCC_CATALOGUE": str(write_catalogue(server.folder, catalogue(50))),
        "CCC_SIGNING_KEY": _KEY,
        "CCC_SECRET_TRACKED": SECRET,
        "CCC_SECRET_PAGE": PAGE_SECRET,
        "CCC_SECRET_MAIL": SECRET,
        "CCC_SECRET_LINKS": SECRET,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CCC_")}
    log = server.folder / f"serve-{serves}.log"
    with log.open("wb") as told:

        def start(name: str, port: int) -> "subprocess.Popen[bytes]":
            own = {"CCC_PORT": str(port), "CCC_DATA_DIR": str(server.folder / name)}
            command = [sys.executable, "-m", "ccc_router", name]
            return subprocess.Popen(command, env=clean | settings | own, stderr=told)

        engine = start("engine", free_port())
        started = [start("serve", port) for port in ports]
        try:
            for process, port in zip(started, ports, strict=True):
                await alive(port, process, log)
            yield ports, _Spending(server.folder, [one.pid for one in started], engine.pid)
        finally:
            for process in (*started, engine):
                process.terminate()
            for process in (*started, engine):
                await asyncio.to_thread(process.wait, 20)


class _Spending:
    """Call it for what each part has spent until now. PostgreSQL's are its postmaster, its children, and those that have ended."""

    def __init__(self, folder: Path, serves: Sequence[int], engine: int) -> None:
        [of] = folder.rglob("postmaster.pid")
        self._postmaster = int(of.read_text().split()[0])
        self._serves = serves
        self._engine = engine

    def __call__(self) -> Spent:
        """Seconds since each began."""
        backends = [pid for pid in _processes() if _fields(pid)[1:2] == [str(self._postmaster)]]
        postgres = _seconds(self._postmaster, ended=True) + sum(_seconds(pid) for pid in backends)
        return Spent(sum(_seconds(pid) for pid in self._serves), _seconds(self._engine), postgres, time.process_time())


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def _fields(pid: int) -> list[str]:
    """What ``/proc/<pid>/stat`` says behind the name, which may hold anything; nothing of a process that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(pid: int, *, ended: bool = False) -> float:
    """Processor time of a process, with that of its children that have ended if wanted."""
    return sum(map(int, _fields(pid)[11 : 15 if ended else 13])) / _TICKS
