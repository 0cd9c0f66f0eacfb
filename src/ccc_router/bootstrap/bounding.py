"""The bounds of the last hour and day, made beside the service when somebody looks (docs/adr/0041)."""

from typing import Final

from ccc_router.agents.bounds import BoundsView, BoundView, ChannelBoundsView
from ccc_router.bootstrap.recording import Told, tell
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Loop
from ccc_router.queues.catalogue import Current
from ccc_router.routing.policy import Catalogue
from ccc_router.simulation.bounds.apart import bounds_apart
from ccc_router.simulation.bounds.recorded import ChannelBounds, Recording
from ccc_router.storage.database import Database
from ccc_router.storage.failures import Failure, classify

_log = get_logger("bootstrap.bounding")

_OLD_S: Final = 900.0
_LOOK_S: Final = 60.0
_WITHIN_S: Final = 120.0
_HOURS: Final = (1, 24)
_HOUR_MS: Final = 3_600_000


class LastBounds:
    """Call it for the last figures. Run ``loop`` under the supervisor: it does nothing that nobody asked for."""

    def __init__(self, database: Database, pool: str, current: Current, clock: Clock) -> None:
        """Nothing is read before the first question."""
        self._database = database
        self._pool = pool
        self._current = current
        self._clock = clock
        self._made: BoundsView | None = None
        self._made_at = 0.0
        self._asked = False
        self.loop = Loop("bounds", self._run, _LOOK_S)

    def __call__(self) -> BoundsView | None:
        """The last figures, None before the first. Old ones are made anew behind this call."""
        if self._made is None or self._clock.monotonic() - self._made_at > _OLD_S:
            self._asked = True
            self.loop.wake()
        return self._made

    async def _run(self) -> None:
        catalogue = self._current.catalogue
        if not self._asked or catalogue is None:
            return
        try:
            async with self._database.pool.acquire() as connection:
                told = await tell(connection, self._pool, max(_HOURS))
        except Exception as error:
            if classify(error) in {None, Failure.BUG}:
                raise
            _log.warning("bounds_delayed", pool=self._pool, error=type(error).__name__)
            return
        found = await bounds_apart([_recording(told, catalogue, hours) for hours in _HOURS], _WITHIN_S)
        hour, day = found or ([], [])
        self._made = BoundsView(
            computed_at=self._clock.now(),
            complete=found is not None,
            hour=[_view(one) for one in hour],
            day=[_view(one) for one in day],
        )
        self._made_at, self._asked = self._clock.monotonic(), False


def _recording(told: Told, catalogue: Catalogue, hours: int) -> Recording:
    begins = told.until - hours * _HOUR_MS
    shifts = told.recorder.workload(begins, told.until).shifts
    return Recording(begins, told.until, tuple(told.recorder.stays(begins, told.until)), shifts, catalogue)


def _view(one: ChannelBounds) -> ChannelBoundsView:
    reached = one.in_time / one.contacts
    return ChannelBoundsView(
        channel=one.channel,
        contacts=one.contacts,
        in_time=one.in_time,
        service_level=round(reached, 4),
        pooled=_bound(one.pooled, one, one.without_pooled),
        hindsight=_bound(one.hindsight, one, one.without_hindsight),
    )


def _bound(in_time: float | None, one: ChannelBounds, unknown: str) -> BoundView:
    share = None if in_time is None else round(in_time / one.contacts, 4)
    gap = None if in_time is None else round((in_time - one.in_time) / one.contacts, 4)
    return BoundView.model_validate({"service_level": share, "gap": gap, "unknown": unknown})
