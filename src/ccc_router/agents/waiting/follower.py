"""Follows the journal behind the engine, by dense positions, and tells the streams of this process what was touched (I13)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ...kernel.clock import Clock
from ...kernel.errors import TooMany
from ...kernel.tasks import Loop
from ...rest.streams import PING, PING_S, event
from ..store.records import Entry, Records

LOOK_S: Final = 0.25
BATCH: Final = 1000
STREAM_S: Final = 3600.0
STREAMS_EACH: Final = 5
MOST_UNTOLD: Final = 10_000
"""Ids a stream may be behind. Whoever reads so slowly is dropped: he connects again and gets the whole picture."""
Parts = dict[str, Any]

_NAMES: Final = ("agent_id", "actor", "contact_id", "offer_id", "case_id", "queue", "reserved_for", "customer_id")


@dataclass(slots=True)
class News:
    """What a stream has not yet been told: which ids were touched up to ``position``."""

    subject: str
    position: int
    touched: set[str] = field(default_factory=set)
    event: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    def take(self) -> set[str]:
        """What was touched since the last call."""
        touched, self.touched = self.touched, set()
        self.event.clear()
        return touched

    def end(self) -> None:
        """No more; nothing is kept for it."""
        self.over = True
        self.touched = set()
        self.event.set()


class Follower:
    """One reader of the journal for all streams. Run ``loop`` under the supervisor.

    A stream lives ``stream_s`` seconds at most, so that no token outlives itself for long; clients connect again.
    """

    def __init__(self, records: Records, clock: Clock, *, stream_s: float = STREAM_S) -> None:
        self._records = records
        self._clock = clock
        self._stream_s = stream_s
        self._streams: list[News] = []
        self._position = 0
        self._closed = False
        self.loop = Loop("follower", self._look, LOOK_S)

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    async def stream(
        self,
        subject: str,
        seen: int,
        parts: Callable[[], Awaitable[Parts]],
        concerns: Callable[[set[str], Parts], bool],
        *,
        pause_s: float = 0.0,
    ) -> AsyncIterator[bytes]:
        """Events: a snapshot of ``parts``, left out when nothing was journalled since position ``seen``; then the parts that
        changed, whole, so that whoever missed one is right again with the next. At most one event in ``pause_s``.

        Raises ``TooMany`` before the first event.
        """
        head = await self._records.head()
        self._admit(subject)  # before the answer begins, so that one too many is refused with a status

        async def events() -> AsyncIterator[bytes]:
            # The place is taken here: of an answer whose client left before it began nothing runs, so nothing would give it back.
            with self._listening(subject, head) as news:
                async for one in self._events(news, seen, parts, concerns, pause_s):
                    yield one

        return events()

    async def _events(
        self,
        news: News,
        seen: int,
        parts: Callable[[], Awaitable[Parts]],
        concerns: Callable[[set[str], Parts], bool],
        pause_s: float,
    ) -> AsyncIterator[bytes]:
        head = news.position
        shown = await parts()
        yield PING if seen == head else event("snapshot", {"position": head, **shown}, number=head)
        end = self._clock.monotonic() + self._stream_s
        while not news.over and (left := end - self._clock.monotonic()) > 0:
            if not await self._clock.wait(news.event, min(PING_S, left)):
                yield PING
                continue
            if not concerns(news.take(), shown):
                continue
            position, fresh = news.position, await parts()
            changed = {name: part for name, part in fresh.items() if part != shown.get(name)}
            if changed:
                shown = fresh
                yield event("changed", {"position": position, **changed}, number=position)
            if pause_s:
                await self._clock.sleep(pause_s)

    def _admit(self, subject: str) -> None:
        if sum(1 for other in self._streams if other.subject == subject) >= STREAMS_EACH:
            raise TooMany(f"At most {STREAMS_EACH} streams for one caller.", retry_after_s=5, code="too_many_streams")

    @contextmanager
    def _listening(self, subject: str, position: int) -> Iterator[News]:
        news = News(subject, position, over=self._closed)
        if not self._streams:
            self._position = position
        # A stream that begins behind the others makes the reader go back; the others hear some news twice, which is harmless.
        self._position = min(self._position, position)
        self._streams.append(news)
        self.loop.wake()
        try:
            yield news
        finally:
            self._streams.remove(news)

    def close(self) -> None:
        """End every stream: the service stops."""
        self._closed = True
        for news in self._streams:
            news.end()

    async def _look(self) -> bool:
        if not self._streams:
            return False
        after = self._position
        entries = await self._records.journal(after=after, limit=BATCH)
        if entries:
            if self._position == after:  # else a stream that begins further back came meanwhile
                self._position = entries[-1].position
            self._tell(entries)
        return len(entries) == BATCH

    def _tell(self, entries: list[Entry]) -> None:
        named = {value for entry in entries for value in _named(entry)}
        last = entries[-1].position
        for news in self._streams:
            if last > news.position:
                news.position = last
                news.touched |= named
                if len(news.touched) > MOST_UNTOLD:
                    news.end()
                news.event.set()


def _named(entry: Entry) -> Iterator[str]:
    document = entry.document()
    inner = document.get("body")
    for part in (document, inner if isinstance(inner, dict) else {}):
        for name in _NAMES:
            value = part.get(name)
            if isinstance(value, str) and value:
                yield value
