"""Something costly to look up that many look at in the same moment: one of them makes it for all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The last value. Whoever asks gets one whose making began after he asked, so nobody misses what he was told of."""

    def __init__(self) -> None:
        self._value: Value | None = None
        self._asked = 0
        self._covers = 0
        self._making = asyncio.Lock()

    async def get(self, make: Callable[[], Awaitable[Value]]) -> Value:
        """The value, made anew unless somebody began to make it after this call. Raises what ``make`` raises."""
        self._asked += 1
        mine = self._asked
        async with self._making:
            if self._value is None or self._covers < mine:
                covers = self._asked  # everybody who asked until now
                self._value = await make()
                self._covers = covers
            return self._value
