"""A Graph server on a real socket: takes what a page sends, and answers as Meta does, or as a test tells it to."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ccc_router.kernel.signing import hex_digest
from tests.support.waiting import until

TOKEN = "page_token_test"
APP_SECRET = "fb_app_secret_test"
PAGE_ID = "100518329516574"
APP_ID = 1517776481860111

Behaviour = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """One call as it came."""

    path: str
    fields: dict[str, object]
    file: bytes | None = None
    made: str = ""

    @property
    def text(self) -> object:
        """What was said."""
        message = self.fields.get("message")
        return message.get("text") if isinstance(message, dict) else message

    @property
    def metadata(self) -> str:
        """What we wrote into the message to know it by."""
        message = self.fields["message"]
        assert isinstance(message, dict)
        return str(message["metadata"])


@dataclass
class FakeGraph:
    """``behave`` replaces the next answers, first in first out; a call answered by one makes nothing."""

    base_url: str = ""
    calls: list[Call] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def behave(self, *behaviours: Behaviour) -> None:
        """What the next calls get instead of success."""
        self.behaviours.extend(behaviours)

    async def answer(self, request: Request) -> Response:
        """Take one call."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(190, 463, status=401)
        fields, file = await _read(request)
        if fields.pop("appsecret_proof", "") != hex_digest(APP_SECRET.encode(), TOKEN.encode()):
            return problem(100, 0, status=400)
        if self.behaviours:
            self.refused.append(request.url.path)
            return await self.behaviours.pop(0)(request)
        return self.make(request.url.path, fields, file)

    def make(self, path: str, fields: dict[str, object], file: bytes | None = None) -> Response:
        """Do what the call asks."""
        number = next(self.numbers)
        if path.endswith("/comments"):
            made = f"194260390126069_{900 + number}"
            self.calls.append(Call(path, fields, file, made))
            return JSONResponse({"id": made})
        made = f"m_fake_{number}"
        self.calls.append(Call(path, fields, file, made))
        return JSONResponse({"recipient_id": "6512345678901234", "message_id": made})

    def echo(self, call: Call, person: str = "6512345678901234") -> bytes:
        """The webhook body by which Meta tells of a message that was sent."""
        message = {
            "mid": call.made,
            "is_echo": True,
            "app_id": APP_ID,
            "metadata": call.metadata,
            "text": call.text,
        }
        event = {"sender": {"id": PAGE_ID}, "recipient": {"id": person}, "timestamp": 1795336005000, "message": message}
        entry = {"id": PAGE_ID, "time": 1795336006000, "messaging": [event]}
        return json.dumps({"object": "page", "entry": [entry]}).encode()


def problem(code: int, subcode: int, *, status: int = 400, **headers: str) -> Response:
    """An error as the Graph API writes it."""
    error = {"message": f"(#{code}) no", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    if subcode:
        error["error_subcode"] = subcode
    return JSONResponse({"error": error}, status, {name.replace("_", "-"): value for name, value in headers.items()})


def failing(code: int, subcode: int = 0, *, status: int = 400, **headers: str) -> Behaviour:
    """Answer with an error."""

    async def behave(_request: Request) -> Response:
        return problem(code, subcode, status=status, **headers)

    return behave


def saying(status: int, body: str = "", **headers: str) -> Behaviour:
    """Answer with whatever a machine in between would say."""

    async def behave(_request: Request) -> Response:
        return Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()})

    return behave


async def _read(request: Request) -> tuple[dict[str, object], bytes | None]:
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return dict(await request.json()), None
    async with request.form() as form:
        fields: dict[str, object] = {}
        file = None
        for name, value in form.items():
            if isinstance(value, str):
                fields[name] = json.loads(value) if value[:1] in "{[" else value
            else:
                file = await value.read()
        return fields, file


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[FakeGraph]:
    """A fake Graph server until the block ends."""
    graph = FakeGraph()
    app = Starlette(routes=[Route("/{path:path}", graph.answer, methods=["POST"])])
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started, what="the fake Graph server listens")
    port = server.servers[0].sockets[0].getsockname()[1]
    graph.base_url = f"http://127.0.0.1:{port}"
    try:
        yield graph
    finally:
        graph.release.set()
        server.should_exit = True
        await running
