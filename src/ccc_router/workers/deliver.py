"""Sending what is owed: one loop for each kind claims what is due, hands it to the kind's sender and reports what came of it.

Each kind has room of its own, so that hanging webhooks never hold up a reply or a call. The end of a delivery and the
fact that reports it are one transaction: a delivery that ended is always reported, exactly once.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random, SystemRandom
from typing import Final, assert_never

from prometheus_client import Counter, Histogram

from ccc_router.events.appending import Group, write
from ccc_router.events.facts import DeliveryReported
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import DeliveryKind, DeliveryState
from ccc_router.kernel import crashing, tracing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.ids import fresh
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop, Tasks
from ccc_router.queues.deliveries.claiming import Claim, bring_forward, claim, finish, lane_aside, let_next, put_off
from ccc_router.queues.deliveries.owing import WAKE
from ccc_router.queues.deliveries.port import (
    Attempted,
    Failed,
    Parked,
    Postponed,
    Retry,
    Sender,
    Sent,
    Unknown,
    told_of,
)
from ccc_router.storage.database import Connection, Database
from ccc_router.storage.failures import Failure, classify
from ccc_router.storage.wakeups import Wakeups
from ccc_router.workers.schedules import Schedule

_log = get_logger("workers.deliver")

ENDED: Final = Counter("ccc_deliveries_ended", "Deliveries that ended, by kind and end", ["kind", "state"])
ATTEMPTS: Final = Counter("ccc_delivery_attempts", "Attempts by what they came to", ["kind", "result"])
ATTEMPT_SECONDS: Final = Histogram(
    "ccc_delivery_attempt_seconds",
    "How long attempts took",
    ["kind"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25),
)
RETRIED: Final = Counter("ccc_deliveries_retried", "Attempts that failed and will be repeated, by kind", ["kind"])

SOURCE: Final = "deliveries"
LOOK_AT: Final = 200
_LONGEST_WAIT: Final = timedelta(hours=24)
_CUT: Final = "took_too_long"
_OURS: Final = frozenset({None, Failure.BUG, Failure.DATA, Failure.CONSTRAINT})


async def report(connection: Connection, pool: str, submission: Submission) -> None:
    """Put a fact into the pool's inbox in the caller's transaction."""
    await write(connection, pool, [Group.of([submission], None)])


@dataclass(frozen=True, slots=True)
class Way:
    """How deliveries of a kind leave: who sends, how many at once, how long an attempt may take, and how often."""

    sender: Sender
    schedule: Schedule
    at_once: int = 16
    limit_s: float = 20.0
    interval_s: float = 1.0


@dataclass(slots=True)
class _Run:
    """A kind at work."""

    kind: DeliveryKind
    way: Way
    tasks: Tasks = field(default_factory=Tasks)
    forward_at: float = 0.0


class Deliver:
    """The loops of all kinds. Add ``loops`` to the supervisor; ``close`` before the database is closed."""

    def __init__(
        self,
        database: Database,
        pool: str,
        clock: Clock,
        ways: Mapping[DeliveryKind, Way],
        *,
        reported: Callable[[str], None] = lambda _pool: None,
        rng: Random | None = None,
    ) -> None:
        """``reported`` is told the pool after each commit, to wake its engine."""
        self._database = database
        self._pool = pool
        self._clock = clock
        self._reported = reported
        self._rng = rng or SystemRandom()
        self._worker = fresh("wk")
        self._closing = False
        self._runs = {kind: _Run(kind, way) for kind, way in ways.items()}
        self.loops: dict[DeliveryKind, Loop] = {kind: self._loop(run) for kind, run in self._runs.items()}

    def listen(self, wakeups: Wakeups) -> None:
        """Wake a kind's loop at the engine's hint."""
        wakeups.on(WAKE, self._wake)

    async def close(self, drain_s: float = 5.0) -> None:
        """Claim nothing more, give the attempts under way ``drain_s`` seconds, then give back what they have not ended."""
        self._closing = True
        await asyncio.gather(*(run.tasks.close(drain_s) for run in self._runs.values()))

    def _loop(self, run: _Run) -> Loop:
        return Loop(f"deliver-{run.kind.value}", lambda: self._look(run), run.way.interval_s)

    def _wake(self, kind: str) -> None:
        for of, loop in self.loops.items():
            if kind in ("", of.value):
                loop.wake()

    async def _look(self, run: _Run) -> bool:
        room = run.way.at_once - len(run.tasks)
        if room <= 0 or self._closing:
            return False  # the end of an attempt wakes the loop
        if self._clock.monotonic() >= run.forward_at:
            run.forward_at = self._clock.monotonic() + run.way.interval_s
            await bring_forward(self._database, run.kind)
        hold_s = run.way.limit_s + 15
        found = await claim(
            self._database, self._pool, run.kind, self._worker, room=room, look_at=max(LOOK_AT, room), hold_s=hold_s
        )
        for item in found.claims:
            run.tasks.start(self._attend(run, item), name=f"deliver-{item.delivery.id}")
        return found.looked_at >= LOOK_AT

    async def _attend(self, run: _Run, item: Claim) -> None:
        began = self._clock.monotonic()
        try:
            with tracing.part("deliver", "client", item.delivery.traceparent) as span:
                outcome = Failed("too_late") if item.expired else await self._try(run.way, item)
                span.note(told_of(item.delivery, outcome))
                took_s = self._clock.monotonic() - began
                ATTEMPTS.labels(run.kind.value, type(outcome).__name__.lower()).inc()
                ATTEMPT_SECONDS.labels(run.kind.value).observe(took_s)
                await self._settle(run, item, outcome, took_s)
        except asyncio.CancelledError:
            # Stopping: the attempt was cut, so it may have arrived; the same id again does no harm.
            await self._give_back(item, self._clock.monotonic() - began)
            raise
        except Exception as error:
            if classify(error) in _OURS:
                raise
            # The claim ends by itself; the attempt is repeated under the same id.
            _log.warning("delivery_not_settled", delivery=item.delivery.id, error=type(error).__name__)
        finally:
            self.loops[run.kind].wake()

    async def _try(self, way: Way, item: Claim) -> Attempted:
        try:
            async with asyncio.timeout(way.limit_s):
                crashing.before(Site.SEND)
                attempted = await way.sender.send(item.delivery)
                crashing.after(Site.SEND)
                return attempted
        except TimeoutError:
            return Retry(_CUT)
        except Exception as error:  # noqa: BLE001 - a sender's fault must not end the loop; it counts as a failed attempt
            _log.error("sender_failed", delivery=item.delivery.id, error=type(error).__name__, exc_info=error)
            return Retry("sender_failed")

    async def _settle(self, run: _Run, item: Claim, outcome: Attempted, took_s: float) -> None:
        match outcome:
            case Sent(external_id):
                await self._end(item, DeliveryState.SENT, "", took_s, external_id=external_id)
            case Retry():
                await self._retry(run.way.schedule, item, outcome, took_s)
            case Postponed(reason, after_ms):
                await self._put_off(item, reason, max(after_ms, 1) / 1000, took_s, counted=False)
            case Failed(reason):
                await self._end(item, DeliveryState.FAILED, reason, took_s)
            case Parked(reason):
                await self._end(item, DeliveryState.PARKED, reason, took_s)
            case Unknown(reason):
                await self._end(item, DeliveryState.UNKNOWN, reason, took_s)
            case _:
                assert_never(outcome)

    async def _retry(self, schedule: Schedule, item: Claim, outcome: Retry, took_s: float) -> None:
        reason, after_ms = outcome.reason, outcome.after_ms
        wait_s = schedule.wait_s(item.tries, self._rng)
        if wait_s is None:
            await self._end(item, schedule.over, reason, took_s)
            return
        if after_ms is not None:
            wait_s = min(max(after_ms / 1000, 1.0), _LONGEST_WAIT.total_seconds())
        not_after = item.delivery.not_after
        if not_after and self._clock.now_ms() + wait_s * 1000 >= not_after:
            await self._end(item, DeliveryState.FAILED, reason, took_s)
            return
        await self._put_off(item, reason, wait_s, took_s, cut=reason == _CUT, aside=outcome.aside)
        if outcome.aside and item.delivery.lane != lane_aside(item.delivery):
            await let_next(self._database, item)
        RETRIED.labels(item.delivery.kind.value).inc()
        _log.info(
            "delivery_put_off", delivery=item.delivery.id, reason=reason, tries=item.tries, wait_s=round(wait_s, 1)
        )

    async def _end(
        self,
        item: Claim,
        state: DeliveryState,
        reason: str,
        took_s: float,
        *,
        external_id: str = "",
    ) -> None:
        delivery = item.delivery
        fact = DeliveryReported(
            at=self._clock.now_ms(),
            delivery_id=delivery.id,
            state=state,
            attempt=delivery.attempt,
            external_id=external_id,
            reason=reason,
            delivery=delivery.kind,
            command=delivery.command,
            offer_id=delivery.data.get("offer_id", ""),
            contact_id=delivery.contact_id,
            case_id=delivery.case_id,
            escalation_id=delivery.escalation_id,
            message_id=delivery.message_id,
        )
        async with self._database.transaction() as connection:
            mine = await finish(connection, item, state, reason, external_id, took_s)
            if mine:
                key = f"{delivery.id}:{delivery.attempt}"
                await report(connection, delivery.pool, Submission(SOURCE, key, fact))
            crashing.before(Site.END)
        crashing.after(Site.END)
        if mine:
            await let_next(self._database, item)
            self._reported(delivery.pool)
            ENDED.labels(delivery.kind.value, state.value).inc()
            _log.info(
                "delivery_ended", delivery=delivery.id, state=state.value, reason=reason, attempt=delivery.attempt
            )

    async def _give_back(self, item: Claim, took_s: float) -> None:
        await self._put_off(item, "stopped", 0, took_s, cut=True)

    async def _put_off(
        self,
        item: Claim,
        reason: str,
        wait_s: float,
        took_s: float,
        *,
        counted: bool = True,
        cut: bool = False,
        aside: bool = False,
    ) -> None:
        async with self._database.transaction() as connection:
            await put_off(connection, item, reason, wait_s, took_s, counted=counted, cut=cut, aside=aside)
            crashing.before(Site.PUT_OFF)
        crashing.after(Site.PUT_OFF)
