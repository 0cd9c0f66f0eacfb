"""Something costly to look up that many look at in the same moment: one of them makes it for all, and it is not made without a rest."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from ...kernel.clock import Clock

Value = TypeVar("Value")

RESTS: Final = 20.0
"""What took long to make is rested from for so many times as long: making it has a twentieth of the time, however many ask."""
PATIENCE_S: Final = 5.0
"""Whoever would have to wait longer than so for a new one gets the last one."""


class Recent(Generic[Value]):
    """The last value. Whoever asks gets one whose making began after he asked, so nobody misses what he was told of, unless that
    would take longer than `PATIENCE_S`."""

    def __init__(self, clock: Clock, rests: float = RESTS) -> None:
        """Nothing is made before somebody asks."""
        self._clock = clock
        self._rests = rests
        self._value: Value | None = None
        self._asked = 0
        self._covers = 0
        self._making = asyncio.Lock()
        self._not_before = float("-inf")

    async def get(self, make: Callable[[], Awaitable[Value]]) -> Value:
        """The value, made anew unless somebody began to make it after this call, or it is too early. Raises what ``make`` raises."""
        self._asked += 1
        mine = self._asked
        async with self._making:
            if self._value is not None and self._covers >= mine:
                return self._value
            pause_s = self._not_before - self._clock.monotonic()
            if self._value is not None and pause_s > PATIENCE_S:
                return self._value
            if pause_s > 0:
                await self._clock.sleep(pause_s)
            self._value = await self._made(make)
            return self._value

    async def _made(self, make: Callable[[], Awaitable[Value]]) -> Value:
        covers = self._asked  # everybody who asked until now
        began = self._clock.monotonic()
        try:
            made = await make()
        finally:  # also when it failed for taking too long
            ended = self._clock.monotonic()
            self._not_before = ended + self._rests * (ended - began)
        self._covers = covers
        return made
