"""The socket that Asterisk dials, over a real connection: what it sends is kept, also while the inbox is away (I1, I2)."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Sequence

import pytest
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from ccc_router.channels.channel import Keyed
from ccc_router.channels.intake import Intake
from ccc_router.channels.phone import ari_socket
from ccc_router.channels.phone.ari.joiner import AriJoiner
from ccc_router.channels.phone.ari.store import MemorySightings
from ccc_router.channels.phone.ari_socket import ari_router
from ccc_router.events.facts import CallEvent
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Tasks
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KeptBlobs, KeptInbox, KnownEndpoints, KnownSecrets
from tests.support.waiting import until
from tests.unit.phone import recordings

FEW = 400
MEBIBYTE = 1024 * 1024
LOGIN = "switch:s3cret-pass"
SWITCH = recordings.endpoint({"subscribe_all": "yes"})
OTHERS = (an_endpoint("phone", "hotline", "csta"), an_endpoint("portal", "site"))


class Server:
    """The service's side, on a real port."""

    def __init__(self) -> None:
        self.inbox = KeptInbox()
        secrets = KnownSecrets({SWITCH.id: (LOGIN,), "hotline": (LOGIN,)})
        directory, clock = KnownEndpoints(SWITCH, *OTHERS), SystemClock()
        intake = Intake(self.inbox, KeptBlobs(), secrets, directory, clock, AriJoiner(MemorySightings()))
        self.app = FastAPI()
        router = ari_router(intake, directory, secrets, clock, most_waiting=FEW, most_bytes=MEBIBYTE)
        self.app.include_router(router, prefix="/v1")
        self.port = 0

    def dial(
        self, endpoint: str = SWITCH.id, login: str | None = LOGIN, subprotocols: Sequence[str] = ("ari",)
    ) -> connect:
        headers = {} if login is None else {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        offered = [Subprotocol(one) for one in subprotocols] or None
        url = f"ws://127.0.0.1:{self.port}/v1/channels/phone/{endpoint}/ari"
        return connect(url, additional_headers=headers, subprotocols=offered, proxy=None)

    def facts(self) -> int:
        return len(self.inbox.inputs)

    def bodies(self) -> bytes:
        return b"".join(raw.body for raw in self.inbox.raw.values())


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    service = Server()
    config = uvicorn.Config(service.app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=2)
    runner = uvicorn.Server(config)
    running = Tasks().start(runner.serve(), name="service")
    await until(lambda: runner.started, what="the service listens")
    service.port = runner.servers[0].sockets[0].getsockname()[1]
    try:
        yield service
    finally:
        runner.should_exit = True
        await running


async def tell(socket: ClientConnection, events: Sequence[object]) -> None:
    for event in events:
        await socket.send(json.dumps(event))


def outcome(server: Server) -> list[dict[str, object]]:
    told = {key: one.body for (_, key), one in server.inbox.inputs.items()}
    return recordings.outcome([Keyed(key, fact) for key, fact in told.items() if isinstance(fact, CallEvent)])


async def test_a_recording_sent_over_the_socket_ends_as_written_down(server: Server) -> None:
    given = recordings.expectation("f4-attended-ari")
    async with server.dial() as socket:
        assert socket.subprotocol == "ari"
        await tell(socket, recordings.events("f4-attended-ari"))
    wanted = recordings.expected(given["calls"])
    await until(lambda: outcome(server) == wanted, what="the call as written down")


async def test_i2_a_replay_on_the_next_connection_tells_nothing_twice(server: Server) -> None:
    events = recordings.events("b-abandon.sip")
    async with server.dial() as socket:
        await tell(socket, events)
    await until(lambda: b"offline" in server.bodies() and server.facts() > 5, what="the first telling")
    facts, batches = server.facts(), len(server.inbox.raw)
    async with server.dial() as socket:
        await tell(
            socket, [*events[10:], {"type": "ApplicationRegistered", "timestamp": "2026-11-22T16:04:26.564+0000"}]
        )
    await until(lambda: b"ApplicationRegistered" in server.bodies(), what="the second telling")
    assert len(server.inbox.raw) > batches
    assert server.facts() == facts


async def test_i1_events_that_come_while_the_inbox_is_away_are_kept_when_it_is_back(server: Server) -> None:
    server.inbox.away = True
    async with server.dial() as socket:
        await tell(socket, recordings.events("g-agent-first.sip"))
        await socket.ping()
        assert server.facts() == 0
        server.inbox.away = False
        wanted = recordings.expected(recordings.expectation("g-agent-first.sip")["calls"])
        await until(lambda: outcome(server) == wanted, what="the call")


async def test_one_message_that_is_no_event_spoils_no_other(server: Server) -> None:
    start = next(event for event in recordings.events("a-answered.sip") if event["type"] == "StasisStart")
    async with server.dial() as socket:
        server.inbox.away = True
        await tell(socket, [recordings.events("a-answered.sip")[0]])
        for message in ("{", json.dumps(start), '"text"', json.dumps({"type": "StasisStart"})):
            await socket.send(message)
        server.inbox.away = False
        await until(lambda: server.facts() == 1, what="the one event")
        await until(
            lambda: (
                sorted(raw.body for raw in server.inbox.raw.values() if raw.state == "unreadable")
                == [b'"text"', b"{", b'{"type": "StasisStart"}']
            ),
            what="the unreadable ones are kept",
        )
    (fact,) = (one.body for one in server.inbox.inputs.values())
    assert isinstance(fact, CallEvent)


async def test_i14_when_too_much_gathers_the_switch_is_asked_to_come_back(server: Server) -> None:
    server.inbox.away = True
    async with server.dial() as socket:
        with contextlib.suppress(Exception):
            await tell(socket, recordings.events("h-20calls.local"))
        await socket.wait_closed()
        assert socket.close_code == ari_socket.TRY_AGAIN_LATER
        server.inbox.away = False
    await until(lambda: len(server.inbox.raw) > 0, what="what was read is kept")


async def test_i14_a_few_very_large_events_are_bounded_too(server: Server) -> None:
    """By their bytes: far fewer than may wait by their number."""
    server.inbox.away = True
    async with server.dial() as socket:
        with contextlib.suppress(Exception):
            await tell(socket, [{"type": "ChannelUserevent", "text": "x" * 200_000}] * 20)
        await socket.wait_closed()
        assert socket.close_code == ari_socket.TRY_AGAIN_LATER
        server.inbox.away = False
    await until(lambda: len(server.inbox.raw) > 0, what="what was read is kept")


@pytest.mark.parametrize(
    ("endpoint", "login", "subprotocols", "status"),
    [
        ("lab", None, ("ari",), 401),
        ("lab", "switch:wrong", ("ari",), 401),
        ("lab", "", ("ari",), 401),
        ("lab", LOGIN, (), 400),
        ("lab", LOGIN, ("chat",), 400),
        ("hotline", LOGIN, ("ari",), 404),
        ("site", LOGIN, ("ari",), 404),
        ("nowhere", LOGIN, ("ari",), 404),
    ],
)
async def test_who_may_not_connect_is_told_so_by_http(
    server: Server, endpoint: str, login: str | None, subprotocols: tuple[str, ...], status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with server.dial(endpoint, login, subprotocols):
            pass
    assert refused.value.response.status_code == status
    assert server.inbox.raw == {}
