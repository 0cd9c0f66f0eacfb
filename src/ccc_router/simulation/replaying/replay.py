"""Deciding again. The state is built by applying entries up to the window; from there on every input is decided anew.

Entries of another core version are applied, not decided: that version decided by other rules, and its decisions stand (I13).
"""

from collections import deque
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import NamedTuple

from ccc_router.events.codec import decode_input
from ccc_router.events.envelope import Entry
from ccc_router.events.journal import Link, split
from ccc_router.queues.batch import row_of
from ccc_router.queues.store.loading import PARKED, Rebuilding, Unreadable
from ccc_router.routing import CORE_VERSION, State, step
from ccc_router.simulation.replaying.window import EVERYTHING, Window


@dataclass(slots=True)
class Counts:
    """How many inputs were decided again, and how many of their entries (the inputs among them) were compared; how many entries
    were applied as they stand, how many of those inside the window for their core version; how many inputs are parked ones."""

    inputs: int = 0
    compared: int = 0
    applied: int = 0
    other_core: int = 0
    parked: int = 0


class Difference(NamedTuple):
    """The first place where deciding again gives something else.

    ``recorded`` is what the journal has there (None: nothing more followed from the input), ``decided`` what the core says now
    (None: nothing more, or it raised what ``raised`` says).
    """

    position: int
    given: Entry
    recorded: Entry | None
    decided: Entry | None
    raised: str = ""


class Replay:
    """One replay. Give it every entry in order; after a difference the state is of no more use."""

    def __init__(self, state: State, window: Window = EVERYTHING) -> None:
        """``state`` is as it was before the first entry that will be given."""
        self.state = state
        self.counts = Counts()
        self._window = window
        self._rebuilding = Rebuilding(state)
        self._given: Entry | None = None
        self._expected: deque[Entry] = deque()

    def give(self, entry: Entry) -> Difference | None:
        """The next entry; the difference it shows, if any. Raises Unreadable for an entry that cannot be applied or decided."""
        if entry.form == "decision" and self._given is not None:
            return self._compare(self._given, entry)
        missing = self.end()
        if missing is not None:
            return missing
        if entry.form == "input" and self._is_decided_again(entry):
            return self._decide(entry)
        self._rebuilding.take(entry)
        self.counts.applied += 1
        return None

    def end(self) -> Difference | None:
        """Nothing more followed from the last input: the difference if the core says that something does."""
        given, self._given = self._given, None
        if given is None or not self._expected:
            return None
        position = self.state.position - len(self._expected) + 1
        return Difference(position, given, None, self._expected[0])

    def over(self, entry: Entry) -> bool:
        """Whether an entry stands behind the window and everything that belongs to it."""
        return entry.form == "input" and self._window.last.passed(entry)

    def _is_decided_again(self, entry: Entry) -> bool:
        if not self._window.holds(entry):
            return False
        if entry.kind == PARKED:
            self.counts.parked += 1
            return False
        if entry.core_version != CORE_VERSION:
            self.counts.other_core += 1
            return False
        return True

    def _decide(self, entry: Entry) -> Difference | None:
        if entry.position != self.state.position + 1:
            raise Unreadable(f"entry {entry.position} follows {self.state.position}")
        try:
            given = decode_input(entry.body)
        except ValueError as error:
            raise Unreadable(f"entry {entry.position} ({entry.kind}) cannot be read: {error}") from error
        try:
            made = step(self.state, given)
        except Exception as error:  # noqa: BLE001 - whatever the core raises now, it did not raise it then
            return Difference(entry.position, entry, None, None, f"{type(error).__name__}: {error}")
        self._given = entry
        row = row_of(given, made)
        self._expected = deque(split(entry.pool, row.position, row.at, CORE_VERSION, row.body))
        self.counts.inputs += 1
        return self._compare(entry, entry)

    def _compare(self, given: Entry, entry: Entry) -> Difference | None:
        self.counts.compared += 1
        decided = self._expected.popleft() if self._expected else None
        return None if entry == decided else Difference(entry.position, given, entry, decided)


async def replay(running: Replay, links: AsyncIterable[Link]) -> Difference | None:
    """Replay what comes, up to the end of the window. Raises Unreadable and what the reading of ``links`` raises."""
    async for link in links:
        for entry in link.entries:
            if running.over(entry):
                return running.end()
            found = running.give(entry)
            if found is not None:
                return found
        running.state.take_changed()
    return running.end()
