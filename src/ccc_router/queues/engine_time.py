"""The engine's time: the last entry's time and what has passed on the monotonic clock since, drawn slowly to the database's clock.

It never goes back. Time without an engine does not pass: a take-over continues where the last entry was, so that no offer,
penalty or agent loses the time nobody could act in (I12). What was missed is made up for so slowly that nobody notices.
"""

from typing import Final

from ccc_router.kernel.clock import Clock

_SLEW: Final = 0.02
_SLEW_FAR: Final = 0.1
_FAR_MS: Final = 60_000
_SETTLE_MS: Final = 5_000
"""A lag is made up for within about this time, if that is not too fast."""


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
