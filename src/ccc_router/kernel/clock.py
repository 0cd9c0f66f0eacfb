"""Time is passed in. Inside it is UTC: int milliseconds since the epoch in the core, aware datetimes at the edges."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """What may be asked about time. Tests pass a clock that they move themselves."""

    def now(self) -> datetime:
        """The wall clock: an aware datetime in UTC."""
        ...

    def now_ms(self) -> int:
        """The wall clock in whole milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back, unlike the wall clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait until `event` is set or `seconds` have passed (None: for ever). Tell whether it is set."""
        ...


class SystemClock(Clock):
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        if event.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch, rounded down. Raises ValueError for a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone names no moment")
    return (moment - EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC datetime of `ms` milliseconds since the epoch."""
    return EPOCH + timedelta(milliseconds=ms)


def format_utc(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, as every answer of the API writes it: 2026-11-22T08:26:40.000Z."""
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def parse_utc(text: str) -> datetime:
    """Read an RFC 3339 date-time with a zone into UTC. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a date-time needs a zone: end it with Z or an offset")
    return moment.astimezone(UTC)


def local(ms: int) -> datetime:
    """The same moment on a clock in Vietnam."""
    return from_ms(ms).astimezone(VIETNAM)


def format_local(ms: int) -> str:
    """For people in Vietnam, as they write it: 15:26 22/11/2026."""
    return local(ms).strftime("%H:%M %d/%m/%Y")
