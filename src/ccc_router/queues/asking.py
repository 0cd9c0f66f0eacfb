"""The desk: where a command is handed in and its outcome is waited for.

An engine in this process tells outcomes directly; those of another process are fetched on its hint and every 100 ms. A
command that nobody answers in time is withdrawn; if that is too late, its outcome stays open, and asking again under the
same key waits for it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from ccc_router.events.commands import AnyCommand
from ccc_router.events.inbox import Inbox, Submission
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Unavailable
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.queues.batch import Waiting
from ccc_router.queues.store.outcomes import WAKE, Outcome, read_outcome
from ccc_router.storage.database import Database
from ccc_router.storage.failures import classify
from ccc_router.storage.wakeups import Notifier

__all__ = ["Desk", "NoOutcome", "Outcome"]

_log = get_logger("queues.asking")

PATIENCE_S: Final = 5.0
_FETCH_S: Final = 0.1
# LIMIT keeps the server from reading the whole table to join it.
_FETCH: Final = """
SELECT e.source, e.key, o.status, o.body FROM unnest($2::text[], $3::text[]) AS e (source, key),
     LATERAL (SELECT status, body FROM outcome WHERE pool = $1 AND source = e.source AND key = e.key LIMIT 1) o
"""

_Key = tuple[str, str]


class NoOutcome(Unavailable):
    """There is no answer yet; ask again under the same key."""

    code = "no_outcome"


class _TooLate(Exception):
    pass


def _give_up(future: asyncio.Future[Outcome]) -> None:
    if not future.done():
        future.set_exception(_TooLate())


class Desk:
    """Asks the engine of one pool. Run its loop under the supervisor."""

    def __init__(
        self,
        inbox: Inbox,
        database: Database,
        pool: str,
        clock: Clock,
        notifier: Notifier | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """``notifier`` sends the hint to other processes; None: there are none. ``patience_s``: how long a command waits.

        Have `hear` told of the hints that come.
        """
        self._patience_s = patience_s
        self._inbox = inbox
        self._database = database
        self._pool = pool
        self._clock = clock
        self._notifier = notifier
        self._waiting: dict[_Key, list[asyncio.Future[Outcome]]] = {}
        self._asked_at: dict[_Key, float] = {}
        self._hinted = False
        self.loop = Loop("outcomes", self.fetch, _FETCH_S)

    async def ask(self, command: AnyCommand, key: str, *, patience_s: float | None = None) -> Outcome:
        """Hand a command in and wait. The same key again gets the same outcome.

        Raises NoOutcome (503) when none comes in time, and what `Inbox.append` raises.
        """
        source = f"{command.actor_role.value}:{command.actor}"
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        futures = self._waiting.setdefault((source, key), [])
        futures.append(future)
        self._asked_at.setdefault((source, key), self._clock.monotonic())
        try:
            [appended] = await self._inbox.append([Submission(source, key, command)])
            if appended.duplicate:
                self._asked_at[source, key] = 0.0  # there may be an outcome already
                self.loop.wake()
            patience_s = self._patience_s if patience_s is None else patience_s
            return await self._wait(future, source, key, patience_s)
        finally:
            futures.remove(future)
            if not futures:
                self._waiting.pop((source, key), None)
                self._asked_at.pop((source, key), None)

    async def _wait(self, future: asyncio.Future[Outcome], source: str, key: str, patience_s: float) -> Outcome:
        late = asyncio.get_running_loop().call_later(patience_s, _give_up, future)
        try:
            return await future
        except _TooLate:
            return await self._too_late(source, key)
        finally:
            late.cancel()

    async def _too_late(self, source: str, key: str) -> Outcome:
        if len(self._waiting.get((source, key), ())) > 1:
            raise NoOutcome(retry_after_s=1)  # somebody else still waits for the same command
        withdrawn = await self._inbox.withdraw(source, key)
        _log.warning("no_outcome", pool=self._pool, source=source, withdrawn=withdrawn)
        raise NoOutcome(retry_after_s=2 if withdrawn else 1)

    def settle(self, answers: Sequence[Waiting]) -> None:
        """Called by an engine in this process after its commit."""
        elsewhere = False
        for one in answers:
            elsewhere |= not self._tell(one.source, one.key, one.outcome)
        if elsewhere and self._notifier is not None:
            self._notifier.notify(WAKE, self._pool, here=False)

    def hear(self, pool: str) -> None:
        """Another process has outcomes of this pool ("": perhaps)."""
        if pool in {"", self._pool} and self._waiting:
            self._hinted = True
            self.loop.wake()

    async def fetch(self) -> None:
        """Look for the outcomes that callers of this process wait for: of all at a hint, else of those who wait for longer than
        an engine in this process would take."""
        hinted, self._hinted = self._hinted, False
        asked_before = self._clock.monotonic() - (0.0 if hinted else _FETCH_S)
        wanted = [one for one, asked_at in self._asked_at.items() if asked_at <= asked_before]
        if not wanted:
            return
        sources, keys = zip(*wanted, strict=True)
        try:
            found = await self._database.pool.fetch(_FETCH, self._pool, sources, keys, timeout=2)
        except Exception as error:
            if classify(error) is None:
                raise
            return
        for row in found:
            self._tell(row[0], row[1], read_outcome(row[2], row[3]))

    def _tell(self, source: str, key: str, outcome: Outcome) -> bool:
        futures = self._waiting.get((source, key), ())
        for future in futures:
            if not future.done():
                future.set_result(outcome)
        return bool(futures)
