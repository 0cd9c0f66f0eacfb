"""A run from start to end: the world, its load, what goes wrong, healing and draining, and then the verdict."""

import asyncio
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soak.centre import agent_ids
from soak.checking.verdict import Verdict, judge
from soak.history import Recorder
from soak.load.agents import Working
from soak.load.asking import Doors
from soak.load.calls import Numbers, Pace, WatchedCalls
from soak.load.hotline import Hotline
from soak.load.outside import Outside
from soak.load.writers import Writers
from soak.nemesis import Harm, Nemesis
from soak.processes import until
from soak.schedule import Step, draw
from soak.watch import now_ms
from soak.world import Kafka, Ports, World, a_world

_POSTERS: Final = 6
_SETTLE_S: Final = 8.0
_DRAIN_S: Final = 120.0


@dataclass(frozen=True)
class Options:
    """What is run. ``per_second``: the most call events that are offered; ``kafka``: none, mock or real."""

    minutes: float
    seed: int
    per_second: float
    processes: tuple[tuple[str, int], ...]
    kafka: str
    steps: list[Step] | None = None
    """What goes wrong; None draws it from the seed."""


@dataclass
class Outcome:
    """What came of it. Seconds: of load, of draining, of stopping everything and of checking; megabytes: of this process at most."""

    verdict: Verdict
    harm: Harm
    steps: list[Step]
    load_s: float
    drain_s: float
    stop_s: float
    check_s: float
    memory_mb: float
    clients_cpu: float
    """How much of a core the clients took while there was load."""
    drained: bool
    died: int


async def soak(options: Options, kafka: Kafka | None, free: Ports, say: "Say") -> Outcome:
    """Do it. The folder with logs, history and database stays when something was wrong."""
    folder = Path(tempfile.mkdtemp(prefix="ccc-soak-"))
    folder.chmod(0o755)  # the server runs as another user where we are root
    say(f"seed {options.seed}; logs and history in {folder}")
    outcome = await _run(options, kafka, free, folder, say)
    if outcome.verdict.clean:
        shutil.rmtree(folder, ignore_errors=True)
    return outcome


class Say:
    """Tells a person how far it is."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.1f} s  {text}", flush=True)


async def _run(options: Options, kafka: Kafka | None, free: Ports, folder: Path, say: Say) -> Outcome:
    rng = random.Random(options.seed)
    record = Recorder(folder / "history.jsonl")
    outside = Outside(random.Random(rng.random()))
    async with outside.listening(), a_world(folder, outside.url, options.processes, kafka, free) as world:
        await world.begin()
        say("everything is up")
        load = Load(world, outside, record, rng, options.per_second)
        load.begin()
        roles = tuple(dict.fromkeys(member.role for member in world.members))
        steps = options.steps
        if steps is None:
            steps = draw(options.seed, 60 * options.minutes, roles, kafka=kafka is not None)
        nemesis, began, used = Nemesis(world, record), time.monotonic(), time.process_time()
        telling = asyncio.create_task(_tell(record, nemesis, say))
        await nemesis.run(steps, now_ms() + 60_000 * options.minutes)
        load_s, healed = time.monotonic() - began, time.monotonic()
        cpu = (time.process_time() - used) / load_s
        telling.cancel()
        say("no more harm; the customers go, what is under way is finished")
        drained = await load.end(say)
        drain_s = time.monotonic() - healed
        stop_s, died = await world.end()
        record.close()
        say(f"drained: {drained}; now the history and the journal are compared")
        checked = time.monotonic()
        verdict = await judge(folder / "history.jsonl", world.postgres.dsn)
        check_s = time.monotonic() - checked
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(verdict, nemesis.harm, steps, load_s, drain_s, stop_s, check_s, peak_mb, cpu, drained, died)


async def _tell(record: Recorder, nemesis: Nemesis, say: Say) -> None:
    before = 0
    while True:
        await asyncio.sleep(10)
        harm = nemesis.harm
        last = f"{(harm.takeovers[-1][1] - harm.takeovers[-1][0]) / 1000:.1f} s" if harm.takeovers else "-"
        say(
            f"{record.acknowledged} acknowledged (+{(record.acknowledged - before) // 10}/s), {harm.kills} kills, last take-over {last}"
        )
        before = record.acknowledged


class Load:
    """Everybody outside."""

    def __init__(self, world: World, outside: Outside, record: Recorder, rng: random.Random, per_second: float) -> None:
        self._world = world
        self._outside = outside
        self._doors = Doors(world.doors, world.client, record, random.Random(rng.random()))
        numbers = Numbers()
        pace = Pace(per_second)
        self._doors.brake = pace.brake
        self._watched = WatchedCalls(self._doors, numbers, pace, random.Random(rng.random()))
        self._hotline = Hotline(self._doors, numbers, random.Random(rng.random()), every_s=0.8)
        self._writers = Writers(self._doors, random.Random(rng.random()), page_every_s=0.35, portal_every_s=0.6)
        self._done = asyncio.Event()
        self._agents = [
            Working(self._doors, subject, random.Random(rng.random()), self._done) for subject in agent_ids()
        ]
        self._customers: list[asyncio.Task[None]] = []
        self._staff: list[asyncio.Task[None]] = []
        outside.meet(self._doors, self._hotline)

    def begin(self) -> None:
        """Everybody comes."""
        coming: list[Coroutine[Any, Any, None]] = [self._watched.run() for _ in range(_POSTERS)]
        coming += [self._hotline.run(), self._writers.page(), self._writers.portal()]
        self._customers = [asyncio.create_task(one) for one in coming]
        self._staff = [asyncio.create_task(agent.run()) for agent in self._agents]

    async def end(self, say: Say) -> bool:
        """Customers finish what they began, agents what is there, departments are well; whether nothing was left over."""
        self._outside.well = True
        self._doors.over.set()
        finished = await _within(self._customers, 150.0)
        await self._watched.finish()
        say("the customers are gone")
        await until(self._world.nothing_left, _SETTLE_S)
        self._done.set()
        finished &= await _within(self._staff, 90.0)
        say("the agents are gone")
        drained = await until(self._world.nothing_left, _DRAIN_S)
        self._doors.gave_up.set()
        return drained and finished


async def _within(tasks: list["asyncio.Task[None]"], seconds: float) -> bool:
    """Wait for tasks and raise what one raised; those that do not end are cancelled, and it is said."""
    done, pending = await asyncio.wait(tasks, timeout=seconds)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()
    return not pending
