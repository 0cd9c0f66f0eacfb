"""Acknowledging webhooks: the whole service in a process of its own, against a bare endpoint in another.

Both get the same load from the same client over the same number of connections, in turns, so that whatever else the machine does
falls on both. The service checks a signature, reads the event, keeps it raw and as a fact, deduplicated, and its engine works on the
facts meanwhile; the bare endpoint inserts one row.
"""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg

from bench.centre import catalogue, write_catalogue
from bench.client import Answered, keep_busy, request
from bench.load import median, percentile
from bench.server import Server
from ccc_router.kernel import signing

CONNECTIONS: Final = 32
SECRET: Final = signing.secret_of(b"of the switch of the measurement")
PAGE_SECRET: Final = "of-the-page-of-the-measurement"
_CALL: Final = ("Offered", "Established", "ConnectionCleared")
_MADE: Final = 40_000
_PATIENCE_S: Final = 60.0

Requests = Callable[[], Iterator[bytes]]


class Acknowledged(NamedTuple):
    """Medians over the turns: acknowledgements a second of both, their ratio, and how long one takes (seconds)."""

    per_s: float
    bare_per_s: float
    ratio: float
    p50: float
    bare_p50: float
    backlog: int


class Pair:
    """Both servers, running."""

    def __init__(self, service_port: int, bare_port: int, dsn: str) -> None:
        self.port = self._service = service_port
        self._bare = bare_port
        self._dsn = dsn

    async def compare(self, made: Sequence[bytes], bare: bytes, turns: int, seconds: float) -> Acknowledged:
        """Take turns. ``made`` are requests to the service, each once; ``bare`` is the one to the other."""
        ours, theirs, backlog = [], [], 0
        requests = iter(made)
        await keep_busy(self._bare, itertools.repeat(bare), CONNECTIONS, 0.5)
        await keep_busy(self._service, requests, CONNECTIONS, 0.5)
        await self.worked_off()
        for _ in range(turns):
            theirs.append(_fine(await keep_busy(self._bare, itertools.repeat(bare), CONNECTIONS, seconds)))
            ours.append(_fine(await keep_busy(self._service, requests, CONNECTIONS, seconds)))
            backlog = max(backlog, await self.worked_off())
        return Acknowledged(
            median([one.per_s for one in ours]),
            median([one.per_s for one in theirs]),
            median([one.per_s / other.per_s for one, other in zip(ours, theirs, strict=True)]),
            median([percentile(one.waits, 0.5) for one in ours]),
            median([percentile(one.waits, 0.5) for one in theirs]),
            backlog,
        )

    async def worked_off(self) -> int:
        """Wait until the engine has read everything, so that it does not weigh on the other's turn; what there was to read."""
        connection = await asyncpg.connect(self._dsn)
        try:
            first = left = int(await connection.fetchval("SELECT count(*) FROM inbox"))
            until = time.perf_counter() + _PATIENCE_S
            while left and time.perf_counter() < until:
                await asyncio.sleep(0.05)
                left = int(await connection.fetchval("SELECT count(*) FROM inbox"))
            return first
        finally:
            await connection.close()


def _fine(answered: Answered) -> Answered:
    if answered.others or not answered.ok:
        raise RuntimeError(f"{answered.others} of {answered.ok + answered.others} were not acknowledged")
    return answered


def call_events(count: int = _MADE) -> list[bytes]:
    """Signed call events in the neutral dialect, one a request: calls that come, are answered and end."""
    (key,) = signing.keys_of([SECRET])
    now = int(time.time())
    found = []
    for number in range(count):
        call, place = divmod(number, len(_CALL))
        body = call_event(call, place, now)
        found.append(request("/v1/channels/phone/tracked/events", body, signing.sign([key], f"ev-{number}", now, body)))
    return found


def call_event(call: int, place: int, at_s: int) -> bytes:
    """One event of a call."""
    event = {
        "event_id": f"ev-{call}-{place}",
        "event": _CALL[place],
        "call_id": f"call-{call}",
        "leg_id": f"call-{call}-a" if place != 1 else f"call-{call}-b",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s)),
        "calling": f"+8490{call:07d}",
        "called": "19009068",
        "role": "customer" if place != 1 else "agent",
        "queue": "insurance",
    }
    return json.dumps(event).encode()


def page_messages(count: int = _MADE) -> list[bytes]:
    """Messages to a page as Meta delivers and signs them, one a request."""
    now_ms = int(time.time() * 1000)
    found = []
    for number in range(count):
        message = {
            "sender": {"id": str(7_000_000 + number)},
            "recipient": {"id": "1000"},
            "timestamp": now_ms,
            "message": {"mid": f"m_{number}", "text": "Cho tôi hỏi thẻ bảo hiểm y tế của con tôi bao giờ có ạ?"},
        }
        body = json.dumps(
            {"object": "page", "entry": [{"id": "1000", "time": now_ms, "messaging": [message]}]}, ensure_ascii=False
        ).encode()
        signature = signing.hex_digest(PAGE_SECRET.encode(), body)
        found.append(request("/v1/channels/fanpage/page/webhook", body, {"X-Hub-Signature-256": f"sha256={signature}"}))
    return found


def bare_request() -> bytes:
    """The same event for the bare endpoint."""
    return request("/events", call_event(1, 0, int(time.time())), {})


@contextlib.asynccontextmanager
async def both(server: Server) -> AsyncIterator[Pair]:
    """Start the service and the bare endpoint; stop them at the end."""
    dsn, bare_dsn = await server.database("web"), await server.database("bare")
    port, bare_port = free_port(), free_port()
    settings = {
        "CCC_DATABASE_URL": dsn,
        "CCC_PORT": str(port),
        "CCC_DATA_DIR": str(server.folder / "web"),
        "CCC_CATALOGUE": str(write_catalogue(server.folder, catalogue(50))),
        "CCC_SECRET_TRACKED": SECRET,
        "CCC_SECRET_PAGE": PAGE_SECRET,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CCC_")}
    with (server.folder / "web.log").open("wb") as log:
        started = [
            subprocess.Popen([sys.executable, "-m", "ccc_router", "up"], env=clean | settings, stderr=log),
            subprocess.Popen(
                [sys.executable, "-m", "bench.bare", str(bare_port)],
                env=clean | {"CCC_BENCH_DSN": bare_dsn},
                stderr=log,
            ),
        ]
        try:
            await alive(port, started[0], server.folder / "web.log")
            await alive(bare_port, started[1], server.folder / "web.log")
            yield Pair(port, bare_port, dsn)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                await asyncio.to_thread(process.wait, 20)


async def alive(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server answers. Raises RuntimeError when it does not come up."""
    until = time.perf_counter() + _PATIENCE_S
    while time.perf_counter() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            if answer.startswith(b"HTTP/1.1 200"):
                return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"a server did not come up: {log.read_text(errors='replace')[-2000:]}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
