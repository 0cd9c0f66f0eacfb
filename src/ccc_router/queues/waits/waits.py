"""Expected waits for whoever asks, and a loop that follows the journal for the paces, foretells those who come, and looks back."""

import asyncio
from typing import Final

from prometheus_client import Counter, Gauge

from ccc_router.events import journal
from ccc_router.events.since import engine_now, position_before
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop, give_way
from ccc_router.queues.catalogue import Current
from ccc_router.queues.waits.estimate import SHARES, Estimator, Expected
from ccc_router.queues.waits.foretold import HOUR_MS, Calibration, Foretold
from ccc_router.queues.waits.paces import Journalled, Line
from ccc_router.queues.waits.sight import look
from ccc_router.routing.rows import Contact
from ccc_router.routing.rulebook import Rulebook
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

_log = get_logger("queues.waits")

FORETOLD: Final = Counter("ccc_expected_waits", "Contacts whose wait was foretold when they came", ["pool"])
COVERED: Final = Gauge(
    "ccc_expected_wait_covered",
    "Share of the last day's contacts answered within the time that was to hold for `share` of them",
    ["queue", "channel", "share"],
)
_LOOK_S: Final = 1.0
_RESTS: Final = 20.0
"""A sight that took long is used for so many times as long: looking takes a twentieth of the time at most."""
_CALIBRATE_S: Final = 60.0
_PAGE: Final = 1_000
"""Rows of the journal, of which each is an input with all that followed from it."""
_IN_ONE_GO: Final = 50
"""Rows read before others have their turn: less than a millisecond, for an engine may live in the same process."""
_FURTHEST: Final = 200_000
"""Entries. Paces are means, and whoever reads them wants them now."""
_AT_ONCE: Final = 50
_FRESH_MS: Final = 5_000


class Waits:
    """Run ``loop`` under the supervisor. ``calibration`` is by queue and channel, as of the last minute."""

    def __init__(
        self, database: Database, pool: str, current: Current, clock: Clock, *, furthest: int = _FURTHEST
    ) -> None:
        """Nothing is read before the first run or question. What is more than ``furthest`` entries behind is passed over."""
        self._furthest = furthest
        self._database = database
        self._pool = pool
        self._current = current
        self._clock = clock
        self._journalled = Journalled()
        self._foretold = Foretold(database, pool)
        self._position = -1
        self._book: Rulebook | None = None
        self._estimator: Estimator | None = None
        self._at = 0
        self._good_until = 0.0
        self._looking = asyncio.Lock()
        self._calibrate_at = 0.0
        self.calibration: dict[Line, Calibration] = {}
        self.loop = Loop("waits", self._run, _LOOK_S)

    async def of(self, contact: Contact) -> Expected:
        """How long a waiting contact still waits, as of the last second. Raises what the database raises."""
        return (await self._now()).of(contact)

    async def newcomer(self, queue: str, channel: str) -> Expected:
        """How long an ordinary contact would wait that came now. Others have their turn first: it takes milliseconds in a large centre,
        and whoever asks for one line asks for many."""
        estimator = await self._now()
        await give_way()
        return estimator.newcomer(queue, channel)

    async def _now(self) -> Estimator:
        async with self._looking:
            begun = self._clock.monotonic()
            if self._estimator is None or begun >= self._good_until or self._stale_book():
                book = self._rulebook()
                async with self._database.pool.acquire() as connection:
                    sight = await look(connection, self._pool)
                self._at = sight.at
                self._estimator = Estimator(book, sight, lambda line: self._journalled.paces(sight.at, line))
                took = self._clock.monotonic() - begun
                self._good_until = begun + max(_LOOK_S, _RESTS * took)
            return self._estimator

    def _stale_book(self) -> bool:
        return self._book is None or self._book.version != self._current.version

    def _rulebook(self) -> Rulebook:
        catalogue = self._current.catalogue
        if catalogue is None:
            raise LookupError("no catalogue is in force")
        if self._book is None or self._book.version != catalogue.version:
            self._book = Rulebook(catalogue)
        return self._book

    async def _run(self) -> bool:
        """Read on; once everything is read, foretell and look back. True if there is more."""
        if self._current.catalogue is None:
            return False
        try:
            if await self._read():
                return True
            await self._foretell(self._journalled.joined())
            if self._clock.monotonic() >= self._calibrate_at:
                await self._look_back()
                self._calibrate_at = self._clock.monotonic() + _CALIBRATE_S
        except Exception as error:
            if classify(error) in {None, Failure.BUG}:
                raise
            _log.warning("waits_delayed", pool=self._pool, error=type(error).__name__)
        return False

    async def _read(self) -> bool:
        async with self._database.pool.acquire() as connection:
            head = (await journal.head(connection, self._pool)).position
            if self._position < 0:
                now = await engine_now(connection, self._pool) or 0
                self._position = await position_before(connection, self._pool, now - HOUR_MS)
            if head - self._position > self._furthest:
                self._position = head - self._furthest // 2
                self._journalled.leap()
            rows = await journal.rows(connection, self._pool, self._position, _PAGE)
        for number, row in enumerate(rows):
            if number % _IN_ONE_GO == 0:
                await give_way()
            for entry in journal.split(self._pool, *row):
                self._journalled.take(entry)
                self._position = entry.position
        return len(rows) == _PAGE

    async def _foretell(self, joined: list[str]) -> None:
        """Some of those who came and wait: when many come at once, not all."""
        waiting = await self._foretold.waiting(joined[-_AT_ONCE:]) if joined else []
        if not waiting:
            return
        estimator = await self._now()
        fresh = [one for one in waiting if one.state_since > self._at - _FRESH_MS]
        told = [(one, estimator.of(one)) for one in fresh]
        await self._foretold.keep(self._at, told)
        FORETOLD.labels(self._pool).inc(sum(1 for _, expected in told if expected.waits_ms))

    async def _look_back(self) -> None:
        async with self._database.pool.acquire() as connection:
            now = await engine_now(connection, self._pool) or 0
        self._journalled.forget(now)
        self.calibration = await self._foretold.calibration(now)
        for (queue, channel), found in self.calibration.items():
            for share, covered in zip(SHARES, found.day.within, strict=True):
                if covered is not None:
                    COVERED.labels(queue, channel, f"{share:g}").set(covered)
