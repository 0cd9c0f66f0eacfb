"""Ten times the load: a page that storms while agents work and a switch reports calls. What is refused, and what it costs the others (I14).

The whole service in a process of its own. First a calm stretch, then the storm: messages to one page as fast as some dozens of connections
can bring them, each signed and new. Meanwhile agents ask (each command goes through the engine) and a switch reports calls at the rate of
the calm stretch. Printed: how much was refused and whom, p99 of commands, how they and PostgreSQL grew, and how long it took to recover.
`python -m bench.overload 600` is ten minutes.
"""

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import uvloop

from bench.centre import catalogue, write_catalogue
from bench.client import keep_busy, request
from bench.load import Tasks, ms, percentile
from bench.report import Report
from bench.server import Server, serving
from bench.webhooks import alive, call_event, free_port
from ccc_router.events.vocabulary import Role
from ccc_router.kernel import log, signing
from ccc_router.kernel.clock import SystemClock
from ccc_router.web.tokens import Tokens

CONNECTIONS: Final = 64
SENDERS: Final = 20_000
"""So many people write, over and over: what they write joins their open contacts, so the state has an end and only a leak has none."""
_AGENTS: Final = 20
_ASK_EVERY_S: Final = 0.2
_CALL_EVERY_S: Final = 0.05
_CALM_S: Final = 10.0
_EVERY: Final = 10
_POINTS: Final = 10
_PATIENCE_S: Final = 120.0
_SECRET: Final = signing.secret_of(b"of the switch of the measurement")
_PAGE_SECRET: Final = "of-the-page-of-the-measurement"
_SIGNING_KEY: Final = "a key for the measurement that is long enough"


@dataclass
class Told:
    """What callers of one kind were answered: statuses, and the seconds each answer took."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def refused(self) -> float:
        """The share that was 429 or 503."""
        return (self.statuses[429] + self.statuses[503]) / max(1, self.statuses.total())

    @property
    def others(self) -> int:
        """Answers that are neither taken nor refused: there should be none."""
        return sum(count for status, count in self.statuses.items() if status not in {200, 429, 503})


@dataclass
class Stretch:
    """A stretch of the measurement: what agents, the switch and the page were told, and how large the
    process was each second, and PostgreSQL every ten (MB)."""

    asked: Told = field(default_factory=Told)
    calls: Told = field(default_factory=Told)
    page: Told = field(default_factory=Told)
    memory: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)


class Service:
    """The process, and its callers."""

    def __init__(self, port: int, pid: int, postgres: int) -> None:
        self.pid = pid
        self._postgres = postgres
        self._port = port
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits, trust_env=False)
        tokens = Tokens([_SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=SystemClock())
        self._tokens = [tokens.issue(Role.AGENT, f"agent.{number}", lifetime_s=86_400) for number in range(_AGENTS)]
        self._keys = signing.keys_of([_SECRET])
        self._numbers = itertools.count()
        self._messages = _messages()

    async def agent(self, number: int, over: asyncio.Event, told: Told) -> None:
        """Says again and again whether he takes contacts."""
        for state in itertools.cycle(("on_demand", "not_ready")):
            if over.is_set():
                return
            headers = {"Authorization": f"Bearer {self._tokens[number]}"}
            await self._tell(told, "PUT", "/v1/agents/me/presence", headers, {"state": state, "reason": "break"})
            await asyncio.sleep(_ASK_EVERY_S)

    async def switch(self, over: asyncio.Event, told: Told) -> None:
        """Reports calls."""
        while not over.is_set():
            call, place = divmod(next(self._numbers), 3)
            at = int(time.time())
            body = call_event(call, place, at)
            headers = signing.sign(self._keys, f"ev-{call}-{place}", at, body)
            await self._tell(told, "POST", "/v1/channels/phone/tracked/events", headers, body)
            await asyncio.sleep(_CALL_EVERY_S)

    async def page(self, connections: int, seconds: float, told: Told) -> None:
        """Brings a message over each connection as soon as the one before is answered."""
        answered = await keep_busy(self._port, self._messages, connections, seconds)
        told.statuses += answered.statuses + Counter({200: answered.ok})
        told.waits += answered.waits

    async def _tell(self, told: Told, method: str, path: str, headers: dict[str, str], body: object) -> None:
        began = time.perf_counter()
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = await self.client.request(method, path, headers=headers, **given)
        told.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            told.waits.append(time.perf_counter() - began)
        elif answer.status_code in {429, 503} and "retry-after" not in answer.headers:
            told.statuses[0] += 1

    async def stretch(self, seconds: float, storming: int) -> Stretch:
        """Agents and the switch at work for so long, and so many connections of the page."""
        found, over, tasks = Stretch(), asyncio.Event(), Tasks()
        for number in range(_AGENTS):
            tasks.start(self.agent(number, over, found.asked))
        tasks.start(self.switch(over, found.calls))
        if storming:
            tasks.start(self.page(storming, seconds, found.page))
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await asyncio.sleep(min(1.0, seconds))
            found.memory.append(_resident_mb(self.pid))
            if len(found.memory) % _EVERY == 1:
                found.postgres.append(_together_mb(self._postgres))
        over.set()
        await tasks.done(60)
        return found

    async def recovery(self) -> float:
        """Seconds until it says it is ready, its inbox is not behind, and the page is taken again."""
        began = time.perf_counter()
        while (waited := time.perf_counter() - began) < _PATIENCE_S:
            told = await keep_busy(self._port, itertools.islice(self._messages, 1), 1, 1)
            ready = await self.client.get("/readyz")
            if ready.status_code == 200 and told.ok:
                return waited
            await asyncio.sleep(0.25)
        return waited


def _messages() -> Iterator[bytes]:
    """Messages to the page as Meta signs them, each new."""
    for number in itertools.count():
        now = int(time.time() * 1000)
        message = {"mid": f"m_{number}", "text": "Cho tôi hỏi thẻ bảo hiểm y tế của con tôi bao giờ có ạ?"}
        messaging = {
            "sender": {"id": str(7_000_000 + number % SENDERS)}, "recipient": {"id": "1000"}, "timestamp": now, "message": message,
        }  # fmt: skip
        body = json.dumps({"object": "page", "entry": [{"id": "1000", "time": now, "messaging": [messaging]}]}).encode()
        signature = f"sha256={signing.hex_digest(_PAGE_SECRET.encode(), body)}"
        yield request("/v1/channels/fanpage/page/webhook", body, {"X-Hub-Signature-256": signature})


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _together_mb(postmaster: int) -> float:
    """What PostgreSQL's processes hold, each shared page once."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    total = 0
    for pid in (str(postmaster), *children):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            total += int(
                Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").partition("\nPss:")[2].split()[0]
            )
    return total / 1024


def _course(values: list[float]) -> str:
    """Some points of it, first and last among them."""
    step = max(1, (len(values) - 1) // _POINTS)
    return " ".join(f"{one:,.0f}" for one in [*values[:-1:step], values[-1]])


@contextlib.asynccontextmanager
async def service(server: Server) -> AsyncIterator[Service]:
    """The service in a process of its own, on a database of its own."""
    port, where = free_port(), server.folder / "overload.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CCC_")}
    settings = {
        "CCC_DATABASE_URL": await server.database("overload"),
        "CCC_PORT": str(port),
        "CCC_DATA_DIR": str(server.folder / "overload"),
        "CCC_CATALOGUE": str(write_catalogue(server.folder, catalogue(_AGENTS))),
        "CCC_SECRET_TRACKED": _SECRET,
        "CCC_SECRET_PAGE": _PAGE_SECRET,
        "CCC_SIGNING_KEY": _SIGNING_KEY,
        "CCC_LOG_LEVEL": "error",
    }
    with where.open("wb") as lines:
        process = subprocess.Popen([sys.executable, "-m", "ccc_router", "up"], env=clean | settings, stderr=lines)
        try:
            await alive(port, process, where)
            made = Service(port, process.pid, server.postmaster())
            yield made
            await made.client.aclose()
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


async def measure(report: Report, server: Server, seconds: float) -> None:
    """A calm stretch, the storm, and the time after it."""
    async with service(server) as made:
        await made.stretch(3, 0)  # what is slow only once
        calm = await made.stretch(min(seconds, _CALM_S), 0)
        storm = await made.stretch(seconds, CONNECTIONS)
        recovered = await made.recovery()
        after = await made.stretch(min(seconds, _CALM_S), 0)
    half = len(storm.memory) // 2
    report.line("messages to the page, taken / refused", f"{storm.page.statuses[200]:,} / {_refusals(storm.page):,}")
    report.take("overload_refused_share", "of the page's messages refused", storm.page.refused, "")
    report.take(
        "overload_calls_refused_share", "of the switch's events refused meanwhile", storm.calls.refused, "", "0"
    )
    report.take("overload_commands_refused_share", "of the agents' commands refused", storm.asked.refused, "", "0")
    report.take(
        "overload_wrong_answers", "answers that were neither, or named no time to come again", _wrong(storm), "", "0"
    )
    for name, stretch in (("calm", calm), ("storm", storm), ("after", after)):
        p99 = percentile(stretch.asked.waits or [float("nan")], 0.99)
        report.take(f"overload_command_p99_{name}_ms", f"commands, p99, {name}", ms(p99), "ms")
    report.take("overload_memory_mb", "the process grew in the storm by", max(storm.memory) - calm.memory[-1], "MB")
    grown = max(storm.memory[half:]) - max(storm.memory[: half or 1])
    report.take("overload_memory_late_mb", "of that in its second half", grown, "MB", "about 0")
    report.line("  its memory in the course of the storm", f"{max(storm.memory):,.0f} MB", _course(storm.memory))
    report.line("  PostgreSQL's, shared pages once", f"{max(storm.postgres):,.0f} MB", _course(storm.postgres))
    half = len(storm.postgres) // 2
    grown = max(storm.postgres[half:]) - max(storm.postgres[: half or 1])
    report.take("overload_postgres_late_mb", "PostgreSQL grew in the second half by", grown, "MB", "about 0")
    report.take("overload_recovery_s", "ready, and the page taken again, after", recovered, "s", "< 60 s")


def _refusals(told: Told) -> int:
    return told.statuses[429] + told.statuses[503]


def _wrong(stretch: Stretch) -> int:
    return stretch.asked.others + stretch.calls.others + stretch.page.others


async def _alone(seconds: float) -> None:
    async with serving() as server:
        report = Report()
        report.machine(server.version)
        await measure(report, server, seconds)


if __name__ == "__main__":
    log.configure("error")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_alone(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
