"""People who write: to the page, whose messages come several in a delivery and twice now and then, and on the portal."""

import asyncio
import itertools
import json
import random
import time
from dataclasses import replace
from typing import Final

from ccc_router.channels.portal.names import fingerprint
from ccc_router.kernel import signing
from soak.centre import PAGE, PAGE_ID, PAGE_SECRET, SITE
from soak.http import Reply
from soak.load.asking import Asked, Doors

_AGAIN: Final = 0.08
_PERSONS: Final = 3_000
_WORDS: Final = "Cho tôi hỏi thẻ bảo hiểm y tế của con tôi bao giờ có ạ?"


class Writers:
    """Both channels."""

    def __init__(self, doors: Doors, rng: random.Random, *, page_every_s: float, portal_every_s: float) -> None:
        self._doors = doors
        self._rng = rng
        self._page_every_s = page_every_s
        self._portal_every_s = portal_every_s
        self._numbers = itertools.count(1)

    async def page(self) -> None:
        """Deliveries of the page until it is over."""
        async with asyncio.TaskGroup() as sent:
            while not self._doors.over.is_set():
                sent.create_task(self._deliver([next(self._numbers) for _ in range(self._rng.choice((1, 1, 1, 2, 4)))]))
                await asyncio.sleep(self._rng.expovariate(1 / self._page_every_s))

    async def portal(self) -> None:
        """Forms until it is over."""
        async with asyncio.TaskGroup() as sent:
            while not self._doors.over.is_set():
                sent.create_task(self._open(f"a-visit-to-the-portal-{next(self._numbers)}"))
                await asyncio.sleep(self._rng.expovariate(1 / self._portal_every_s))

    async def _deliver(self, numbers: list[int]) -> None:
        now_ms = int(time.time() * 1000)
        messages = [
            {
                "sender": {"id": str(7_000_000 + self._rng.randrange(_PERSONS))},
                "recipient": {"id": PAGE_ID},
                "timestamp": now_ms,
                "message": {"mid": f"m_{number}", "text": _WORDS},
            }
            for number in numbers
        ]
        body = json.dumps(
            {"object": "page", "entry": [{"id": PAGE_ID, "time": now_ms, "messaging": messages}]}
        ).encode()
        signature = signing.hex_digest(PAGE_SECRET.encode(), body)
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
        path = f"/v1/channels/fanpage/{PAGE}/webhook"
        await self._twice(Asked("facts", PAGE, ("mid:m_", numbers), "POST", path, headers, body, counts=len(numbers)))

    async def _open(self, key: str) -> None:
        body = json.dumps({"text": f"{_WORDS} ({key})"}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        dedup = f"contact:{fingerprint(key).hex()}"
        path = f"/v1/channels/portal/{SITE}/contacts"
        await self._twice(Asked("form", SITE, dedup, "POST", path, headers, body, told=_ticket))

    async def _twice(self, asked: Asked) -> None:
        """Until it is acknowledged, and once more now and then."""
        if await self._doors.insist(asked) is not None and self._rng.random() < _AGAIN:
            await self._doors.once(replace(asked, counts=0))


def _ticket(reply: Reply) -> str:
    return str(reply.json().get("contact_id", ""))
