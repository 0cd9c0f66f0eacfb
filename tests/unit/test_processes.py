"""What a process needs that works beside others on several hosts, told at once and by name (exit status 78)."""

import asyncio
import os
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI, Request
from typer.testing import CliRunner

from ccc_router import cli
from ccc_router.bootstrap.parts.listening import listening
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Tasks
from ccc_router.settings import Settings
from tests.support.process import free_port
from tests.support.waiting import eventually

NEEDS = {
    "serve": ["CCC_DATABASE_URL", "CCC_SIGNING_KEY", "CCC_SECRET_MAIL", "CCC_SECRET_LINKS"],
    "engine": ["CCC_DATABASE_URL"],
    "deliver": ["CCC_DATABASE_URL", "CCC_SECRET_MAIL", "CCC_SECRET_LINKS", "CCC_PUBLIC_URL"],
    "mail": ["CCC_DATABASE_URL", "CCC_SECRET_MAIL"],
    "relay": ["CCC_DATABASE_URL", "CCC_KAFKA_SERVERS"],
}


@pytest.mark.parametrize("process", NEEDS)
def test_a_process_beside_others_makes_nothing_up(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-38: what one process made up in its folder the others would not know."""
    monkeypatch.setenv("CCC_MAIL_RELAY", "smtp://relay.example")
    refused = CliRunner().invoke(cli.app, [process])
    assert refused.exit_code == 78
    assert [line.split(":")[0] for line in refused.output.splitlines()] == NEEDS[process]


_LOADING = """
import sys
from ccc_router import cli
from ccc_router.bootstrap import serving
from ccc_router.bootstrap.processes import PROCESSES
for name in ("engine", "relay", "mail", "deliver", "serve"):
    PROCESSES[name].load()
    print(name, *sorted({"fastapi", "httpx", "aiokafka", "ccc_router.channels"} & sys.modules.keys()))
"""


def test_r38_a_process_loads_what_it_does_and_no_more() -> None:
    """A standby is there again the sooner: only who answers HTTP loads what that takes, and no engine loads a channel."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", _LOADING], env=environment, check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == [
        "engine",
        "relay",
        "mail ccc_router.channels",
        "deliver ccc_router.channels httpx",
        "serve ccc_router.channels fastapi httpx",
    ]


async def test_i17_a_port_that_closes_cuts_no_request() -> None:
    """New connections are refused; who has one open is answered and told that it closes; what is under way is answered."""
    app, release, reached, left, port = FastAPI(), asyncio.Event(), asyncio.Event(), asyncio.Event(), free_port()

    @app.get("/slow")
    async def slow() -> str:
        reached.set()
        await release.wait()
        return "done"

    @app.get("/quick")
    async def quick() -> str:
        return "here"

    tasks = Tasks()
    serving = tasks.start(_until(app, port, left), name="serving")
    async with a_client(port) as kept, a_client(port) as patient:
        await eventually(lambda: _answers(kept), what="the port to open")
        under_way = tasks.start(patient.get("/slow"), name="slow")
        await reached.wait()
        left.set()
        await eventually(lambda: _refused(port), what="new connections to be refused")
        told = await kept.get("/quick")
        assert (told.status_code, told.headers["connection"]) == (200, "close")
        release.set()
        answer = await under_way
        assert (answer.status_code, answer.json()) == (200, "done")
    await serving


@pytest.mark.parametrize(
    ("trusted", "asks"),
    [
        ("", "127.0.0.1"),
        ("10.0.0.0/8", "127.0.0.1"),
        ("10.0.0.0/8,127.0.0.1", "203.0.113.9"),
        ("127.0.0.0/8", "10.1.2.3"),
    ],
)
async def test_only_who_is_trusted_says_for_whom_he_asks(
    trusted: str, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rates count by address: behind a balancer by the visitor's, and nobody gets rid of his own by writing a header himself."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    app, left, port = FastAPI(), asyncio.Event(), free_port()

    @app.get("/quick")
    async def quick(request: Request) -> str:
        return request.client.host if request.client is not None else ""

    serving = Tasks().start(_until(app, port, left, trusted_proxies=trusted), name="serving")
    async with a_client(port) as client:
        await eventually(lambda: _answers(client), what="the port to open")
        told = await client.get("/quick", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.1.2.3"})
    left.set()
    await serving
    assert told.json() == asks


def a_client(port: int) -> httpx.AsyncClient:
    """A client that keeps its connection."""
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)


async def _until(app: FastAPI, port: int, left: asyncio.Event, trusted_proxies: str = "") -> None:
    settings = Settings(drain_s=30, trusted_proxies=trusted_proxies)
    async with listening(settings, SystemClock(), app, port, linger_s=20):
        await left.wait()


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/quick")).is_success
    except httpx.ConnectError:
        return False


async def _refused(port: int) -> bool:
    async with a_client(port) as client:
        try:
            await client.get("/quick")
        except httpx.ConnectError:
            return True
        return False
