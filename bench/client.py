"""An HTTP client that costs little: requests made beforehand, sent over kept connections, each as soon as the one before is answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"


class Answered(NamedTuple):
    """What came of a stretch: answers with status 200, others and their statuses, the time it took, and how long each 200 did (seconds)."""

    ok: int
    others: int
    seconds: float
    waits: list[float]
    statuses: Counter[int]

    @property
    def per_s(self) -> float:
        """Acknowledgements a second."""
        return self.ok / self.seconds


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST of JSON."""
    told = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    return (
        f"POST {path} HTTP/1.1\r\n".encode()
        + "".join(f"{k}: {v}\r\n" for k, v in told.items()).encode()
        + b"\r\n"
        + body
    )


class _Connection(asyncio.Protocol):
    """Sends the next request whenever one is answered, until the time is over."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent_at = 0.0
        self.waits: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, not the class
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(_END_OF_HEAD)
        if not found:
            return
        at = head.lower().find(_LENGTH)
        length = int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self.waits.append(time.perf_counter() - self._sent_at)
        else:
            self.statuses[int(head[9:12])] += 1
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or ConnectionError("the server hung up"))

    def _next(self) -> None:
        assert self._transport is not None
        now = time.perf_counter()
        wanted = next(self._requests, None) if now < self._until else None
        if wanted is None:
            self.over.set_result(None)
            self._transport.close()
            return
        self._sent_at = now
        self._transport.write(wanted)


async def keep_busy(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Answered:
    """So many connections, each with one request under way all the time."""
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: _Connection(requests, began + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(one.over for one in made))
    waits = [wait for one in made for wait in one.waits]
    statuses = sum((one.statuses for one in made), Counter[int]())
    return Answered(len(waits), statuses.total(), time.perf_counter() - began, waits, statuses)
