"""The small world around the real engine: the same moves as `world.World`, but they go through the inbox and end in PostgreSQL."""

import asyncio
import contextlib
import functools
import itertools
import operator
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ccc_router.events import journal
from ccc_router.events.codec import decode_input, trace_of
from ccc_router.events.commands import ActivateCatalogue, Command
from ccc_router.events.envelope import AnyInput, Entry, Input, Resolved
from ccc_router.events.facts import CallEvent, Handle, MessageReceived, Private
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Role
from ccc_router.queues.catalogue import as_document
from ccc_router.queues.store.following import LOAD_SECONDS
from ccc_router.routing import Step, next_due
from ccc_router.routing.applying import APPLIERS
from ccc_router.routing.decisions import CommandRefused, Decision
from ccc_router.routing.policy import Catalogue
from ccc_router.storage.database import Database
from tests.support.fake_clock import FakeClock
from tests.support.spine import by_hand
from tests.support.world import World

_Decisions: Any = functools.reduce(operator.or_, APPLIERS)
_DECISIONS: msgspec.json.Decoder[Decision] = msgspec.json.Decoder(_Decisions)
_SLOWEST = 0.9
"""Engine time that is ahead of the database's clock goes at least so fast."""
_PUNCTUAL = 12
"""So many timers of a long wait fire at their time, the others late: an engine that was busy."""
_T = TypeVar("_T")


def taken_up(pool: str) -> dict[str, float]:
    """How often an engine of this process had the pool's state followed or loaded when it came to lead."""
    [metric] = LOAD_SECONDS.collect()
    counts = [one for one in metric.samples if one.name.endswith("_count") and one.labels["pool"] == pool]
    return {one.labels["how"]: one.value for one in counts}


class EngineWorld(World):
    """``state`` is the engine's own, ``log`` what the journal says was decided. `close` it."""

    def __init__(self, catalogue: Catalogue, runner: asyncio.Runner, database: Database, pool: str) -> None:
        """An engine leads the pool, with the catalogue in force."""
        super().__init__(catalogue)
        self.database = database
        self.pool = pool
        self.appended: list[str] = []
        self._runner = runner
        self._clock = FakeClock()
        self._stack = contextlib.AsyncExitStack()
        self.spine, self._heir = [
            self.run(self._stack.enter_async_context(by_hand(database, pool, self._clock))) for _ in range(2)
        ]
        self._keys = itertools.count(1)
        self.run(self.spine.turns())
        self.give(
            ActivateCatalogue(
                actor="root", actor_role=Role.ADMIN, version=catalogue.version, catalogue=as_document(catalogue)
            )
        )

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something asynchronous."""
        return self._runner.run(work)

    def close(self) -> None:
        """Stop the engine."""
        self.run(self._stack.aclose())

    def give(self, body: AnyInput, resolved: Resolved | None = None) -> Step:
        """One input through the inbox, every third one twice (I2); what the journal says followed from it."""
        key = f"k{next(self._keys)}"
        source = f"{body.actor_role.value}:{body.actor}" if isinstance(body, Command) else "portal"
        submission = Submission(source, key, _as_it_comes(body, resolved or self.resolve(body)))
        self.appended.append(trace_of(key))
        return self.run(self._give(submission, trace_of(key), copies=1 + (len(self.appended) % 3 == 0)))

    async def _give(self, submission: Submission, key: str, copies: int) -> Step:
        for number in range(copies):
            [appended] = await self.spine.inbox.append([submission])
            assert appended.duplicate == (number > 0), "I2"
        return next(made for given, made in await self._turns() if given.key == key)

    def wait(self, seconds: float) -> None:
        """Let time pass; the first timers fire in order, each at its due time."""
        self.run(self._wait(self.now + int(1000 * seconds)))

    async def _wait(self, until: int) -> None:
        for number in itertools.count():
            if self.now >= until:
                return
            due = next_due(self.state) if number < _PUNCTUAL else None
            target = until if due is None else max(self.now + 1, min(due.due, until))
            await self._clock.advance((target - self.now) / 1000 / _SLOWEST)
            await self._turns()

    def stand_by(self) -> None:
        """The other engine follows the journal, up to here."""
        self.run(self._heir.turns())

    def take_over(self) -> str:
        """The engine stops; the other goes on, with what it followed if it stood by since it led, else with what the tables hold."""
        return self.run(self._take_over())

    async def _take_over(self) -> str:
        followed = self._heir.engine.memory is not None
        before = taken_up(self.pool)
        await self.spine.engine.stop()
        self.spine, self._heir = self._heir, self.spine
        while not self.spine.engine.leading:
            await self.spine.engine.run_once()
        how = "followed" if followed else "loaded"
        assert taken_up(self.pool) == before | {how: before.get(how, 0) + 1}, "who stood by need not load"
        await self._turns()
        return how

    async def _turns(self) -> list[tuple[Input, Step]]:
        await self.spine.turns()
        self.state = self.spine.state
        self.now = self.spine.engine.now_ms or self.now
        position = self.log[-1][0].position + len(self.log[-1][1].decisions) if self.log else 0
        added: list[tuple[Input, Step]] = []
        for entry in await self._entries(position):
            if entry.form == "input":
                assert entry.kind != "InputParked", entry
                added.append((decode_input(entry.body), Step([], None, None)))
            else:
                decision = _DECISIONS.decode(entry.body)
                given, made = added[-1]
                made.decisions.append(decision)
                if isinstance(decision, CommandRefused):
                    added[-1] = (given, made._replace(refused=decision))
        self.log.extend(added)
        return added

    async def _entries(self, after: int) -> list[Entry]:
        async with self.database.pool.acquire() as connection:
            return await journal.read(connection, self.pool, after, 1_000_000)


def _as_it_comes(body: AnyInput, resolved: Resolved) -> AnyInput:
    """With handles and refs in which the engine finds what a test of the core says outright."""
    if isinstance(body, MessageReceived) and resolved.case_id:
        return replace(body, private=Private(refs=(f"case:{resolved.case_id}",), text="Xin chào"))
    if isinstance(body, MessageReceived):
        handle = Handle("email", f"{body.message_id}@example.org")
        return replace(body, private=Private(handles=(handle,), text="Xin chào"))
    if isinstance(body, CallEvent):
        return replace(body, private=Private(handles=(Handle("phone", f"+84{body.contact_id}"),)))
    return body
