"""The clock, the agenda, and what the engine does with an input: stamp it, step, write it down, seal a batch."""

import heapq
import random
from collections.abc import Callable, Iterator

import msgspec

from ccc_router.events import commands as c
from ccc_router.events import journal
from ccc_router.events.codec import canonical, seal, trace_of
from ccc_router.events.envelope import AnyInput, Entry, Input
from ccc_router.events.facts import TimeResumed
from ccc_router.events.journal import Head, Link, Written
from ccc_router.queues.batch import Parked, row_of
from ccc_router.queues.recording import has_content
from ccc_router.queues.store.loading import NO_CATALOGUE
from ccc_router.routing import CORE_VERSION, Rows, State, Step, next_due, step
from ccc_router.routing.decisions import Decision
from tests.support.day.directory import Directory

START = 1_795_395_600_000
"""A Monday at 08:00 in Viet Nam."""

Reaction = Callable[[Decision], None]


class Centre:
    """``rng`` is the day's only source of chance. People register what they react to in ``reactions``, by the decision's name.

    ``given`` are the inputs from outside with their sources, as they came.
    """

    def __init__(self, seed: int, pool: str = "main") -> None:
        self.rng = random.Random(seed)
        self.state = State(pool, NO_CATALOGUE)
        self.now = START
        self.reactions: dict[str, list[Reaction]] = {}
        self.counts: dict[str, int] = {}
        self.given: list[tuple[str, AnyInput]] = []
        self._directory = Directory(pool)
        self._agenda: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = 0
        self._head = Head()
        self._rows: list[Written] = []
        self._inputs = 0
        self._seal_at = 1
        self._links: list[Link] = []

    def number(self) -> int:
        """The next of the numbers that ids of this day are made from."""
        self._numbers += 1
        return self._numbers

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Do something in so many seconds."""
        heapq.heappush(self._agenda, (self.now + max(1, round(1000 * seconds)), self.number(), what))

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return self.rng.random() < probability

    def run(self, hours: float) -> Iterator[Link]:
        """Let the day pass; the journal, batch by batch."""
        end = self.now + round(3_600_000 * hours)
        while self._agenda and self._agenda[0][0] <= end:
            at, _, what = heapq.heappop(self._agenda)
            self._fire_timers(at)
            self.now = max(self.now, at)
            what()
            yield from self._sealed()
        self._seal()
        yield from self._sealed()

    def _fire_timers(self, until: int) -> None:
        while (due := next_due(self.state)) is not None and due.due <= until:
            self.now = max(self.now, due.due)
            self.give(due, "engine")

    def give(self, body: AnyInput, source: str = "") -> Step:
        """One input, now; everybody reacts to what followed."""
        position = self._next_position
        resolved = self._directory.resolve(self.state, body, position)
        private, digest = body.private, ""
        if private is not None and has_content(private):
            digest = seal(private, f"salt {position}".encode())
        source = source or (f"{body.actor_role.value}:{body.actor}" if isinstance(body, c.Command) else "channel")
        if source != "engine":
            self.given.append((source, body))
        key = "" if source == "engine" else trace_of(f"key {position}")
        bare = body if private is None else msgspec.structs.replace(body, private=None)
        given = Input(position, self.now, bare, resolved, source, key, digest, 0 if source == "engine" else self.now)
        made = step(self.state, given)
        self._directory.note(body, resolved, made)
        self._write(row_of(given, made))
        self._count("inputs", type(body).__name__)
        for one in made.decisions:
            name = type(one).__name__
            self._count(name)
            for react in self.reactions.get(name, ()):
                react(one)
        return made

    def _count(self, *names: str) -> None:
        for name in names:
            self.counts[name] = self.counts.get(name, 0) + 1

    def park(self) -> None:
        """An input came that the engine could not handle."""
        position = self._next_position
        parked = Parked(position, self.now, "portal", "", "Broken")
        self._write(journal.row_of(position, self.now, [canonical(parked)]))
        self.state.position, self.state.now = position, self.now

    def take_over(self, gap_ms: int) -> None:
        """Another engine goes on after ``gap_ms`` in which nobody led, with the state as the tables hold it."""
        self._seal()
        old = self.state
        rows = msgspec.json.decode(canonical(old.dump()), type=Rows)
        for name in rows.__struct_fields__:
            self.rng.shuffle(getattr(rows, name))
        self.state = State(old.pool, old.book.catalogue)
        self.state.load(rows)
        self.state.position, self.state.now = old.position, old.now
        self.now += gap_ms
        self.give(TimeResumed(gap_ms=gap_ms), "engine")

    @property
    def _next_position(self) -> int:
        return (self._rows[-1].last if self._rows else self._head.position) + 1

    def _write(self, row: Written) -> None:
        self._rows.append(row)
        self._inputs += 1
        if self._inputs >= self._seal_at:
            self._seal()

    def _seal(self) -> None:
        if not self._rows:
            return
        before = self._head
        self._head, _, _ = journal.append(before, self._rows, CORE_VERSION)
        self._links.append(Link(before.position + 1, self._head.position, before.hash, self._head.hash, self._stored()))
        self._rows, self._inputs, self._seal_at = [], 0, self.rng.randrange(1, 97)
        self._directory.keep(self.state.take_changed())

    def _stored(self) -> list[Entry]:
        return [
            entry
            for row in self._rows
            for entry in journal.split(self.state.pool, row.position, row.at, CORE_VERSION, row.body)
        ]

    def _sealed(self) -> Iterator[Link]:
        links, self._links = self._links, []
        yield from links
