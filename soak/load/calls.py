"""Calls that are only watched: whole lives of call events, several of them in a signed request, shuffled and doubled throughout.

They carry the number: an array of events costs the clients hardly more than one, and each event is a fact of its own.
"""

import asyncio
import itertools
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ccc_router.kernel import signing
from soak.centre import SWITCH_SECRET, TRACKED
from soak.http import Reply
from soak.load.asking import Asked, Doors

(_KEY,) = signing.keys_of([SWITCH_SECRET])
_LIVES: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (("Offered", "c"), ("Queued", "c"), ("ConnectionCleared", "c")),
    (("Offered", "c"), ("Queued", "c"), ("Delivered", "a"), ("Failed", "a"), ("ConnectionCleared", "c")),
    (("Offered", "c"), ("Queued", "c"), ("Delivered", "a"), ("Established", "a"), ("Held", "a"), ("Retrieved", "a"),
     ("ConnectionCleared", "a"), ("ConnectionCleared", "c")),
)  # fmt: skip
_WEIGHTS: Final = (6, 3, 1)
EVENTS_A_CALL: Final = sum(len(life) * weight for life, weight in zip(_LIVES, _WEIGHTS, strict=True)) / sum(_WEIGHTS)
"""How many events a call has, taken together."""
_AT_ONCE: Final = 400
_LATE: Final = 0.02
_SHUFFLED: Final = 0.1
_DOUBLED: Final = 0.1
_REMEMBERED: Final = 2_000
_NUMBERS: Final = 20_000
_SLOWEST: Final = 0.15


class Numbers:
    """The numbers of call events: of all switches together."""

    def __init__(self) -> None:
        self._next = itertools.count(1)

    def take(self) -> int:
        """The next one."""
        return next(self._next)


def event(number: int, name: str, call: str, leg: str, *, caller: int = 0, at: float = 0.0, more: str = "") -> bytes:
    """A call event in the neutral dialect. ``at``: seconds since the epoch."""
    role = "customer" if leg == "c" else "agent"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"
    return (
        f'{{"event_id":"e{number}","event":"{name}","call_id":"{call}","leg_id":"{call}-{leg}","role":"{role}",'
        f'"at":"{moment}","sequence":{number},"calling":"+8490{caller:07d}","called":"19009068"{more}}}'
    ).encode()


def posted(doors: Doors, endpoint: str, numbers: list[int], events: list[bytes], fresh: int) -> Asked:
    """A signed request of call events. ``fresh``: how many of them were never acknowledged before."""
    body = b"[" + b",".join(events) + b"]"
    message_id = f"msg_{numbers[0]}_{doors.rng.getrandbits(40):x}"
    return Asked(
        "facts", endpoint, ("csta:e", numbers), "POST", f"/v1/channels/phone/{endpoint}/events",
        lambda: {"Content-Type": "application/json", **signing.sign([_KEY], message_id, int(time.time()), body)},
        body, told=_receipt, counts=fresh,
    )  # fmt: skip


def _receipt(reply: Reply) -> list[int]:
    told = reply.json() if reply.status == 200 else {}
    return [told.get("accepted", 0), told.get("duplicate", 0), told.get("ignored", 0)]


class Pace:
    """At most so many facts a second, however many ask; fewer while the service says that it has too much to do."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._share = 1.0
        self._due = self._looked = time.monotonic()

    def brake(self) -> None:
        """Somebody was told to come back later: go a little slower; half a minute without it brings all of it back."""
        self._recover()
        self._share = max(_SLOWEST, self._share * 0.95)

    async def take(self, facts: int) -> None:
        """Wait until so many may go. What was not asked for in a bad time is caught up with for five seconds at most."""
        self._recover()
        now = time.monotonic()
        self._due = max(self._due, now - 5.0) + facts / (self._per_second * self._share)
        if self._due > now:
            await asyncio.sleep(self._due - now)

    def _recover(self) -> None:
        now = time.monotonic()
        self._share = min(1.0, self._share + (now - self._looked) / 30)
        self._looked = now


class WatchedCalls:
    """The switch of the endpoint without call control."""

    def __init__(self, doors: Doors, numbers: Numbers, pace: Pace, rng: random.Random) -> None:
        self._doors = doors
        self._numbers = numbers
        self._pace = pace
        self._rng = rng
        self._calls = itertools.count(1)
        self._live: deque[Iterator[tuple[int, bytes]]] = deque()
        self._late: deque[tuple[int, bytes]] = deque()
        self._known: deque[tuple[int, bytes]] = deque(maxlen=_REMEMBERED)

    async def run(self) -> None:
        """Post batches until it is over. Whatever was drawn is posted until it is acknowledged."""
        while not self._doors.over.is_set():
            await self._pace.take(await self._post(self._batch(self._rng.randint(20, 50))))

    async def finish(self) -> None:
        """End the calls that are still on, so that every call has ended."""
        left = [*self._late, *itertools.chain.from_iterable(self._live)]
        self._late.clear()
        self._live.clear()
        for first in range(0, len(left), 50):
            await self._post(left[first : first + 50])

    async def _post(self, batch: list[tuple[int, bytes]]) -> int:
        doubled = self._rng.sample(self._known, min(3, len(self._known))) if self._rng.random() < _DOUBLED else []
        sent = batch + doubled
        if self._rng.random() < _SHUFFLED:
            self._rng.shuffle(sent)
        asked = posted(self._doors, TRACKED, [one for one, _ in sent], [body for _, body in sent], len(batch))
        if await self._doors.insist(asked) is not None:
            self._known.extend(batch[:5])
            if self._rng.random() < _DOUBLED / 3:
                await self._doors.once(replace(asked, counts=0))
        return len(batch)

    def _batch(self, size: int) -> list[tuple[int, bytes]]:
        """The next events of the calls that are on, in their order, but for some that are late."""
        found = [self._late.popleft() for _ in range(min(len(self._late), 2))]
        while len(found) < size:
            if len(self._live) < _AT_ONCE:
                self._live.append(self._life())
            call = self._live.popleft()
            following = next(call, None)
            if following is None:
                continue
            self._live.append(call)
            if self._rng.random() < _LATE:
                self._late.append(following)
            else:
                found.append(following)
        return found

    def _life(self) -> Iterator[tuple[int, bytes]]:
        call, caller = f"w{next(self._calls)}", self._rng.randrange(_NUMBERS)
        [life] = self._rng.choices(_LIVES, _WEIGHTS)
        at = time.time()
        for place, (name, leg) in enumerate(life):
            number = self._numbers.take()
            yield number, event(number, name, call, leg, caller=caller, at=at + place)
