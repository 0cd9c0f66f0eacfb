"""What everybody in the demo shares: the service as its clients see it, the clock, and a chance of his own for each."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from ccc_router.kernel import ids
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks

Json = dict[str, Any]

_log = get_logger("demo")
_TRIES: Final = 6
_LATER: Final = frozenset({429, 503})
_ORDINARY: Final = frozenset({404, 409, 410})
_LONGEST_PAUSE_S: Final = 2.0
_ID: Final = re.compile(r"\b(?:ct|of|cs|es|cu|dl)_[0-9a-z]+|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}|links/\S+")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token: role and subject."""

    role: str
    subject: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said. ``body`` is empty when there was none, ``etag`` likewise."""

    status: int
    body: Json
    etag: str = ""

    @property
    def done(self) -> bool:
        """Whether it is 2xx."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The stable code of a problem."""
        return str(self.body.get("code", ""))


@dataclass(slots=True)
class World:
    """``token_of`` and ``secret_of`` are what an administrator would hand out: tokens by role and subject, secrets by name."""

    url: str
    smtp: tuple[str, int]
    http: httpx.AsyncClient
    clock: Clock
    tasks: Tasks
    token_of: Callable[[str, str], str]
    secret_of: Callable[[str], str]
    seed: int
    speed: float
    run: str = ""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    catalogue: Json = field(default_factory=dict)
    _tokens: dict[Caller, str] = field(default_factory=dict)

    def chance(self, *who: str | int) -> random.Random:
        """The dice of one person: what others do does not change how they fall."""
        return random.Random(":".join(map(str, (self.seed, *who))))

    async def dawdle(self, seconds: float) -> None:
        """Take exactly ``seconds``, but no longer than everybody goes home: for whoever keeps a connection waiting."""
        await self.clock.wait(self.closing, seconds)

    async def pause(self, dice: random.Random, seconds: float) -> None:
        """Take about ``seconds``, as people do."""
        await self.clock.sleep(seconds * dice.lognormvariate(0, 0.35))

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Let somebody go about his business; at closing time nobody begins anything."""
        if self.closing.is_set():
            work.close()
            return
        self.tasks.start(work, name=name)

    def bearer(self, caller: Caller) -> dict[str, str]:
        """The header that says who asks."""
        if caller not in self._tokens:
            self._tokens[caller] = self.token_of(caller.role, caller.subject)
        return {"Authorization": f"Bearer {self._tokens[caller]}"}

    async def get(self, caller: Caller, path: str) -> Answer:
        """Read something."""
        return await self.send("GET", path, headers=self.bearer(caller))

    async def post(self, caller: Caller, path: str, body: Json | None = None, *, wait_s: float = 15.0) -> Answer:
        """Ask for something, under a key of its own, so that a repetition changes nothing."""
        headers = {**self.bearer(caller), "Idempotency-Key": ids.fresh("demo")}
        return await self.send("POST", path, headers=headers, body=body, wait_s=wait_s)

    async def put(self, caller: Caller, path: str, body: Json, **headers: str) -> Answer:
        """Put something in place of what is there."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("PUT", path, headers={**self.bearer(caller), **more}, body=body)

    async def patch(self, caller: Caller, path: str, body: Json) -> Answer:
        """Change a part of something."""
        return await self.send("PATCH", path, headers=self.bearer(caller), body=body)

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str],
        body: Json | None = None,
        content: bytes | None = None,
        wait_s: float = 15.0,
    ) -> Answer:
        """One request; while the service is overloaded or away it is repeated, as a client should."""
        for number in range(_TRIES):
            try:
                got = await self.http.request(
                    method, self.url + path, headers=headers, json=body, content=content, timeout=wait_s
                )
            except httpx.TransportError:
                await self.clock.sleep(0.2 * (number + 1))
                continue
            if got.status_code in _LATER:
                await self.clock.sleep(min(float(got.headers.get("retry-after", "1")), _LONGEST_PAUSE_S))
                continue
            answer = Answer(got.status_code, _read(got), got.headers.get("etag", ""))
            if answer.status >= 400 and answer.status not in _ORDINARY:
                _log.warning(
                    "demo_refused", method=method, path=_ID.sub("…", path), status=answer.status, code=answer.code
                )
            return answer
        _log.warning("demo_gave_up", method=method, path=_ID.sub("…", path))
        return Answer(503, {})

    async def events(
        self, path: str, headers: dict[str, str], read_s: float = 60.0
    ) -> AsyncIterator[tuple[str, Json, str]]:
        """Server-sent events of one connection as (name, data, id); it ends when the connection does."""
        timeout = httpx.Timeout(10.0, read=read_s)
        try:
            async with self.http.stream("GET", self.url + path, headers=headers, timeout=timeout) as answer:
                if answer.status_code != 200:
                    return
                fields: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    if line:
                        name, _, value = line.partition(":")
                        fields[name] = value.strip()
                    elif fields.get("data"):
                        yield fields.get("event", "message"), json.loads(fields["data"]), fields.get("id", "")
                        fields = {}
        except httpx.TransportError:
            return


def _read(got: httpx.Response) -> Json:
    if "json" not in got.headers.get("content-type", "") or not got.content:
        return {}
    found = got.json()
    return found if isinstance(found, dict) else {"items": found}
