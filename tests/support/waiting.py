"""Waiting for something real to happen, with an end: it is there to fail a test, never to measure, so a busy machine must not meet it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")
_FIRST_S = 0.002
_LONGEST_S = 0.05


async def until(condition: Callable[[], bool], *, within_s: float = 30.0, what: str = "") -> None:
    """Return as soon as `condition()` holds. Fails the test after `within_s` seconds, saying `what` did not happen.

    A condition that looks at something which is not there yet (LookupError) does not hold.
    """

    async def check() -> bool | None:
        try:
            return condition() or None
        except LookupError:
            return None

    await eventually(check, within_s=within_s, what=what or getattr(condition, "__name__", "the condition"))


async def eventually(ask: Callable[[], Awaitable[_T | None]], *, within_s: float = 30.0, what: str = "") -> _T:
    """Ask again and again until the answer is neither None nor False, and return it."""
    deadline = time.monotonic() + within_s
    pause = _FIRST_S
    while True:
        answer = await ask()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what or getattr(ask, '__name__', 'the answer')}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_S)
