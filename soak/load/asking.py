"""How everybody outside asks: by any door that is open, again under the same key until there is an answer, and on the record."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from soak.history import Recorder
from soak.http import Client, Cut, Refused, Reply

_REFUSED_S: Final = 0.1
_TROUBLE_S: Final = 0.1
_LONGEST_S: Final = 2.0
_BEFORE_ACCEPTING: Final = frozenset({429, 413})
_COME_LATER: Final = frozenset({429, 503})
_TROUBLE: Final = frozenset({408, 425, 500, 502, 503, 504})
_REST_MS: Final = 300.0

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation. ``told`` picks what matters of a definite answer; ``counts`` is how much an acknowledgement of it is worth."""

    kind: str
    who: str
    what: Any
    method: str
    path: str
    headers: Headers
    body: bytes = b""
    timeout_s: float = 12.0
    told: Callable[[Reply], Any] = field(default=lambda _: "")
    counts: int = 1


@dataclass
class Doors:
    """The ports of the processes that serve, and what everybody shares."""

    ports: list[int]
    client: Client
    record: Recorder
    rng: random.Random
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody begins anything new; what was begun is repeated until it is told."""
    gave_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Nothing is repeated any more."""
    brake: Callable[[], None] = field(default=lambda: None)
    """Called when somebody is told that there is too much to do (429, 503)."""
    _resting: dict[int, float] = field(default_factory=dict)

    def pick(self) -> int:
        """A door: one that nobody was refused at just now, if there is one."""
        now = self.record.now_ms()
        open_now = [port for port in self.ports if self._resting.get(port, 0) <= now]
        return self.rng.choice(open_now or self.ports)

    async def once(self, asked: Asked) -> tuple[Reply | None, float]:
        """One try: the definite answer, or how many seconds to wait before the next."""
        port = self.pick()
        op = self.record.begin(asked.kind, asked.who, asked.what)
        headers = asked.headers() if callable(asked.headers) else asked.headers
        try:
            reply = await self.client.ask(port, asked.method, asked.path, headers, asked.body, asked.timeout_s)
        except Refused as error:
            self._resting[port] = self.record.now_ms() + _REST_MS
            self.record.end(op, "fail", str(error))
            return None, _REFUSED_S
        except Cut as error:
            self.record.end(op, "info", str(error))
            return None, _TROUBLE_S
        if reply.status in _COME_LATER:
            self.brake()
        if reply.status in _BEFORE_ACCEPTING:
            self.record.end(op, "fail", reply.status)
            return None, min(_LONGEST_S, reply.retry_after_s or _TROUBLE_S)
        if reply.status in _TROUBLE:
            self.record.end(op, "info", reply.status)
            return None, min(_LONGEST_S, reply.retry_after_s or _TROUBLE_S)
        self.record.end(op, "ok", (reply.status, asked.told(reply)))
        if 200 <= reply.status < 300 and asked.kind in _ACKNOWLEDGED:
            self.record.acknowledged += asked.counts
        return reply, 0.0

    async def insist(self, asked: Asked) -> Reply | None:
        """Until there is a definite answer; None when it was given up."""
        while not self.gave_up.is_set():
            reply, pause_s = await self.once(asked)
            if reply is not None:
                return reply
            await asyncio.sleep(pause_s * self.rng.uniform(0.5, 1.5))
        return None


_ACKNOWLEDGED: Final = frozenset({"facts", "form", "command"})
