"""The engine's time: the last entry's time and what has passed on the monotonic clock since, drawn slowly to the database's clock.

It never goes back. A take-over continues where the last engine stopped. Was that seconds ago, what was missed is made up for so slowly
that nobody notices; was it longer, time jumps to the database's clock, and the gap becomes an input (`facts.TimeResumed`) that takes it
out of the deadlines of offers, penalties and agents (I12).
"""

from typing import Final

from ccc_router.kernel.clock import Clock

_SLEW: Final = 0.02
_SLEW_FAR: Final = 0.1
_FAR_MS: Final = 60_000
_SETTLE_MS: Final = 5_000
"""A lag is made up for within about this time, if that is not too fast."""
_GAP_MS: Final = 5_000
"""A longer time without an engine is not made up for but jumped over."""


class EngineTime:
    """Milliseconds since the epoch as the engine counts them."""

    def __init__(self, clock: Clock, last_ms: int, database_ms: int) -> None:
        """``last_ms``: the time of the last entry, 0 if there is none. ``database_ms``: what the database's clock says now."""
        self._clock = clock
        self._base_ms = float(last_ms or database_ms)
        self._since = clock.monotonic()
        self._rate = 1.0
        self._lag_ms = 0.0
        self.observe(database_ms)

    def now(self) -> int:
        """The time now."""
        return int(self._exact())

    def observe(self, database_ms: int) -> None:
        """Draw towards the database's clock from now on."""
        now = self._exact()
        self._base_ms, self._since = now, self._clock.monotonic()
        self._lag_ms = database_ms - now
        most = _SLEW if abs(self._lag_ms) < _FAR_MS else _SLEW_FAR
        self._rate = 1.0 + max(-most, min(most, self._lag_ms / _SETTLE_MS))

    def resume(self) -> int:
        """Be where the database's clock was when last asked, if that is far ahead. The ms jumped over; 0: it is made up for slowly."""
        gap_ms = int(self._lag_ms)
        if gap_ms <= _GAP_MS:
            return 0
        self._base_ms += gap_ms
        self._lag_ms -= gap_ms
        self._rate = 1.0
        return gap_ms

    @property
    def lag_ms(self) -> int:
        """How far the database's clock was ahead when last asked (negative: behind)."""
        return int(self._lag_ms)

    def of(self, database_ms: int) -> int:
        """A moment of the database's clock in engine time, never later than now."""
        return min(self.now(), int(database_ms - self._lag_ms))

    def seconds_until(self, due_ms: int) -> float:
        """How long to wait for a moment of engine time; 0 when it is here."""
        return max(0.0, (due_ms - self._exact()) / (1000.0 * self._rate))

    def _exact(self) -> float:
        return self._base_ms + (self._clock.monotonic() - self._since) * 1000.0 * self._rate
