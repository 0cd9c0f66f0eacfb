"""Two inboxes as one: facts go through Kafka, and through PostgreSQL while Kafka does not acknowledge.

The same call under the same keys: a record that reached Kafka after all is a duplicate there (I2). After a failure nobody waits for Kafka any
more; now and then one call that PostgreSQL has taken goes to Kafka too, and once such a one is acknowledged, all go there again.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from prometheus_client import Counter, Gauge

from ccc_router.events.envelope import Appended
from ccc_router.events.inbox import Inbox, InboxUnavailable, Overloaded, RawDelivery, Submission
from ccc_router.events.kafka.inbox import TooLarge
from ccc_router.kernel.backoff import ceiling
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Invalid
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks

_log = get_logger("events.kafka")

MODE: Final = Gauge("ccc_inbox_mode", "1 while facts go through Kafka, 0 while they fall back to PostgreSQL", ["pool"])
FALLBACKS: Final = Counter("ccc_inbox_fallbacks", "Appends of facts that went to PostgreSQL instead", ["pool", "why"])
_TRY_S: Final = 0.5
_TRY_CAP_S: Final = 10.0


class Startable(Inbox, Protocol):
    """An inbox with a beginning and an end."""

    def start(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """Finish what is under way."""
        ...


class FallbackInbox:
    """``first`` as long as it acknowledges, else ``second``, which others start and close."""

    def __init__(self, first: Startable, second: Inbox, pool: str, clock: Clock) -> None:
        self._first = first
        self._second = second
        self._pool = pool
        self._clock = clock
        self._failures = 0
        self._try_at = 0.0
        self._trying = False
        self._tasks = Tasks()

    @property
    def mode(self) -> str:
        """``kafka`` or, while that is away, ``postgres``."""
        return "postgres" if self._failures else "kafka"

    def start(self) -> None:
        """Begin with the first."""
        self._first.start()
        MODE.labels(self._pool).set(1)

    async def close(self) -> None:
        """Close the first."""
        await self._tasks.close()
        await self._first.close()

    async def append(self, submissions: Sequence[Submission], raw: RawDelivery | None = None) -> list[Appended]:
        """See `Inbox.append`."""
        if self._failures:
            appended = await self._instead("away", submissions, raw)
            self._try_again(submissions, raw)
            return appended
        try:
            return await self._first.append(submissions, raw)
        except TooLarge:
            return await self._instead("too_large", submissions, raw)
        except InboxUnavailable:
            if not self._failures:  # else it failed for others too, at the same moment
                self._failed()
            return await self._instead("unacknowledged", submissions, raw)

    async def withdraw(self, source: str, key: str) -> bool:
        """See `Inbox.withdraw`: only what waits in the second can be taken back."""
        return await self._second.withdraw(source, key)

    async def _instead(self, why: str, submissions: Sequence[Submission], raw: RawDelivery | None) -> list[Appended]:
        FALLBACKS.labels(self._pool, why).inc()
        return await self._second.append(submissions, raw)

    def _failed(self) -> None:
        if not self._failures:
            _log.error("inbox_falls_back", pool=self._pool)
            MODE.labels(self._pool).set(0)
        self._failures += 1
        self._try_at = self._clock.monotonic() + ceiling(self._failures, base_s=_TRY_S, cap_s=_TRY_CAP_S)

    def _try_again(self, submissions: Sequence[Submission], raw: RawDelivery | None) -> None:
        if self._trying or self._clock.monotonic() < self._try_at:
            return
        self._trying = True
        self._tasks.start(self._try(submissions, raw), name="kafka-try")

    async def _try(self, submissions: Sequence[Submission], raw: RawDelivery | None) -> None:
        try:
            await self._first.append(submissions, raw)
        except TooLarge:
            pass  # says nothing of Kafka; the next one will
        except (InboxUnavailable, Overloaded, Invalid):
            self._failed()
        else:
            self._failures = 0
            MODE.labels(self._pool).set(1)
            _log.info("inbox_returns", pool=self._pool)
        finally:
            self._trying = False
