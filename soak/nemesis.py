"""What does the harm: it goes through the schedule, and measures how long nobody led after it took a leader."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from soak.history import Recorder
from soak.processes import Member, until
from soak.schedule import Step
from soak.watch import Led, now_ms
from soak.world import World

LEASE_S: Final = 3.0
_STOPPED_S: Final = LEASE_S + 1.5
_PAUSED_S: Final = 4.0
_PATIENCE_S: Final = 20.0
_READY_S: Final = 15.0


@dataclass
class Harm:
    """What was done, and what came of it. Windows are [from, until] in ms since the epoch."""

    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    takeovers: list[tuple[float, float]] = field(default_factory=list)
    """From the moment a leader was taken to the first commit of the next epoch."""
    outages: list[tuple[float, float]] = field(default_factory=list)
    """From the moment PostgreSQL was taken to the first commit after it."""
    parts: list[tuple[float, float]] = field(default_factory=list)
    """Of each of both: until the lease was taken, and from then to the first commit (ms)."""
    never: int = 0
    """After how many of them nobody led within 20 s."""


class Nemesis:
    """Does harm to a world."""

    def __init__(self, world: World, record: Recorder) -> None:
        self._world = world
        self._record = record
        self.harm = Harm()

    async def run(self, steps: Sequence[Step], until_ms: float) -> None:
        """One step after the other; returns at ``until_ms``, when no more is begun. Then nothing is stopped or paused."""
        for step in steps:
            await asyncio.sleep(max(0.0, min(step.pause_s, (until_ms - now_ms()) / 1000)))
            if now_ms() >= until_ms:
                return
            self._record.note("fault", step)
            self.harm.faults[f"{step.fault} {step.target}"] += 1
            match step.target:
                case "postgres":
                    await self._postgres(step)
                case "kafka":
                    await self._kafka(step)
                case "leader":
                    await self._leader(step.fault)
                case _:
                    await self._follower(step)
        await asyncio.sleep(max(0.0, (until_ms - now_ms()) / 1000))

    async def _follower(self, step: Step) -> None:
        """A process of a role that does not lead, if there is another: its role's others go on."""
        led = await self._led()
        there = self._world.members_of(step.target)
        others = [member for member in there if led is None or member.pid != led.pid] or there
        await self._harm(others[int(step.draw * len(others))], step.fault)

    async def _leader(self, fault: str) -> None:
        """The leader; a standby is given the time to be there, for that is what is promised to take over in time."""
        led = await self._led()
        leader = self._world.leader(led.pid) if led is not None else None
        if led is None or leader is None:
            return
        peers = [member for member in self._world.members_of(leader.role) if member is not leader]
        for peer in peers:
            await until(lambda peer=peer: peer.answers(self._world.client), _READY_S)  # type: ignore[misc]
        began = now_ms()
        stopping = asyncio.create_task(self._harm(leader, fault))
        await self._window(led.epoch + 1, began, began, self.harm.takeovers)
        await stopping

    async def _harm(self, member: Member, fault: str) -> None:
        match fault:
            case "kill":
                self.harm.kills += member.signal(signal.SIGKILL) > 0
            case "term":
                member.signal(signal.SIGTERM)
            case _:
                pid = member.signal(signal.SIGSTOP)
                await asyncio.sleep(_STOPPED_S)
                if pid and pid == member.pid:
                    member.signal(signal.SIGCONT)

    async def _postgres(self, step: Step) -> None:
        led, began = await self._led(), now_ms()
        match step.fault:
            case "backend":
                backends = await self._world.watch.backends()
                if backends:
                    os.kill(backends[int(step.draw * len(backends))], signal.SIGKILL)
                    self.harm.kills += 1
            case "immediate":
                await self._world.postgres.end(signal.SIGQUIT)
            case _:
                self.harm.kills += 1
                await self._world.postgres.end(signal.SIGKILL)
        if led is not None:
            await self._window(led.epoch, began, now_ms(), self.harm.outages)

    async def _kafka(self, step: Step) -> None:
        kafka = self._world.kafka
        if kafka is None:
            return
        match step.fault:
            case "kill":
                self.harm.kills += 1
                await kafka.kill()
                await kafka.start()
            case "restart":
                await kafka.stop()
                await kafka.start()
            case _:
                await kafka.pause(_PAUSED_S)

    async def _led(self) -> Led | None:
        """Who leads; waits until somebody does."""
        found: list[Led] = []

        async def look() -> bool:
            led = await self._world.watch.led()
            if led is not None and led.good and self._world.leader(led.pid) is not None:
                found.append(led)
            return bool(found)

        await until(look, _PATIENCE_S)
        return found[0] if found else None

    async def _window(self, epoch: int, began: float, since: float, windows: list[tuple[float, float]]) -> None:
        """Wait for the first commit after ``since`` (ms) of this epoch or a later one, and note how long that took from ``began``."""
        found: list[float] = []

        async def look() -> bool:
            led = await self._world.watch.led()
            if led is None or led.epoch < epoch:
                return False
            at = await self._world.watch.first_commit(max(since, led.taken_at))
            if at is not None:
                found.append(at)
                self.harm.parts.append((led.taken_at - began, at - led.taken_at))
            return bool(found)

        if await until(look, _PATIENCE_S):
            windows.append((began, found[0]))
        else:
            self.harm.never += 1
