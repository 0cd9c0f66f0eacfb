"""The servers outside: departments that are slow, fail, or say yes and do their work late; the page's Graph API; the switch."""

import asyncio
import contextlib
import hashlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any, Final

from ccc_router.events.vocabulary import Role
from ccc_router.kernel import signing
from soak.centre import DEPARTMENT_SECRET, DEPARTMENTS, SWITCH_SECRET, bearer
from soak.load.agents import do
from soak.load.asking import Doors
from soak.load.hotline import Hotline

_LIMIT: Final = 2**20
_DEPARTMENT_KEYS: Final = signing.keys_of([DEPARTMENT_SECRET])
_SWITCH_KEYS: Final = signing.keys_of([SWITCH_SECRET])


class Outside:
    """One server for all of them, by the path."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._doors: Doors | None = None
        self._hotline: Hotline | None = None
        self._seen: set[str] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._messages = 0
        self._tokens = {name: bearer(Role.DEPARTMENT, name) for name in DEPARTMENTS}
        self.well = False
        """From now on nobody fails: what is owed can be delivered."""
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen on a free port of the loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LIMIT)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for task in list(self._busy):
                task.cancel()

    def meet(self, doors: Doors, hotline: Hotline) -> None:
        """Who is asked back, and whose commands are taken."""
        self._doors, self._hotline = doors, hotline

    async def settled(self) -> None:
        """Wait until the departments have done what they began."""
        while self._busy:
            await asyncio.wait(set(self._busy))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                answer = await self._answer(first.split(" ")[1], headers, body)
                if answer is None:
                    break
                status, said = answer
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\nContent-Type: application/json\r\n\r\n"
                writer.write(head.encode() + said)
        writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Status and body; None cuts the connection."""
        if path.startswith("/hooks/"):
            return await self._department(path.removeprefix("/hooks/"), headers, body)
        if path.startswith("/graph"):
            self._messages += 1
            return 200, json.dumps({"recipient_id": "1", "message_id": f"m_out_{self._messages}"}).encode()
        if self._hotline is None or not isinstance(
            signing.verify(_SWITCH_KEYS, headers, body, _stamp(headers)), signing.Verified
        ):
            return 401, b""
        return self._hotline.control(body), b""

    async def _department(self, name: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        doors = self._doors
        if doors is None or not isinstance(
            signing.verify(_DEPARTMENT_KEYS, headers, body, _stamp(headers)), signing.Verified
        ):
            return 401, b""
        chance = 1.0 if self.well else self._rng.random()
        status = 0 if chance < 0.04 else 503 if chance < 0.08 else 204
        if chance > 0.9 and not self.well:
            await asyncio.sleep(self._rng.uniform(0.5, 3.0))
        event = json.loads(body)
        about = (event["type"], event["data"]["escalation_id"], hashlib.blake2b(body, digest_size=8).hexdigest())
        doors.record.note("webhook", (name, headers["webhook-id"], status, *about))
        if status == 204 and headers["webhook-id"] not in self._seen:
            self._seen.add(headers["webhook-id"])
            task = asyncio.create_task(self._work(doors, name, event))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        return None if status == 0 else (status, b"")

    async def _work(self, doors: Doors, name: str, event: dict[str, Any]) -> None:
        """What a department does about a notice, soon or late."""
        escalation = event["data"]["escalation_id"]
        if event["type"] not in ("ccc.escalation.raised.v1", "ccc.escalation.rejected.v1") or doors.over.is_set():
            return
        await asyncio.sleep(self._rng.expovariate(1 / 5))
        if event["type"].endswith("raised.v1"):
            await self._do(doors, name, escalation, "acknowledge")
        chance = self._rng.random()
        if chance < 0.2:
            await self._do(doors, name, escalation, "ask", {"text": "Xin bổ sung số thẻ."})
        if chance < 0.1:
            await self._do(doors, name, escalation, "return", {"reason": "Không thuộc chúng tôi."})
        else:
            await self._do(doors, name, escalation, "answer", {"text": "Đã giải quyết."})

    async def _do(
        self, doors: Doors, name: str, escalation: str, verb: str, body: dict[str, Any] | None = None
    ) -> None:
        headers = self._tokens[name] | {"Content-Type": "application/json"}
        key = f"{name}-{verb}-{escalation}-{self._rng.getrandbits(40):x}"
        await do(
            doors, f"department:{name}", headers, key, f"/v1/escalations/{escalation}/{verb}", (verb, escalation), body
        )


def _stamp(headers: dict[str, str]) -> float:
    """The sender's own time: whether his clock is right is not what is tried here."""
    given = headers.get("webhook-timestamp", "")
    return float(given) if given.isdigit() else 0.0
