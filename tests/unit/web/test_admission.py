"""I14: over a bound a request is refused before anything of it is read, with 429 or 503 and Retry-After; one storm refuses no other."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.types import Message, Receive, Scope, Send

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import TooMany, Unauthenticated, Unavailable
from ccc_router.kernel.tasks import Tasks
from ccc_router.rest.access import A_REPORT, ONLY_LEADERS, AsStaff, Guarded
from ccc_router.rest.gates import Bounds, Gates
from ccc_router.rest.principal import Principal
from ccc_router.rest.replay import Answer, Begun
from ccc_router.rest.streams import EventStream
from ccc_router.web.admission import Admission
from ccc_router.web.app import create_app
from ccc_router.web.health import Check
from ccc_router.web.middleware import BodyLimits
from ccc_router.web.services import Services
from tests.support.waiting import until

BOUNDS = Bounds(endpoints=10, agents=10, leaders=12, departments=4, reports=4, caller=3, streams=4, bodies=1_000)
LIMITS = BodyLimits(default=400)
TASKS = Tasks()


class Nobody:
    """No answers are kept; everything is well."""

    async def begin(self, scope: str, key: str, digest: bytes, command_key: str) -> Begun:
        return Begun(digest, command_key, None)

    async def finish(self, scope: str, key: str, answer: Answer) -> None: ...

    async def check(self) -> Mapping[str, Check]:
        return {}


async def identify(request: Request) -> Principal:
    """A bearer token that is just `role:subject`."""
    role, _, subject = request.headers.get("authorization", "").removeprefix("Bearer ").partition(":")
    if not subject:
        raise Unauthenticated
    return Principal(subject, Role(role))


class Site:
    """An app whose routes answer when they may, and a client."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.inside = 0
        self.gates = Gates(BOUNDS)
        self.app = create_app(
            Services(
                clock=SystemClock(), identify=identify, replays=Nobody(), readiness=Nobody(), routers=[self._routes()], state={},
                limits=LIMITS, gates=self.gates, direct={"/v1/channels/fanpage/{endpoint}/webhook": self._hold},
            )
        )  # fmt: skip
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://test")

    def _routes(self) -> APIRouter:
        router = APIRouter(prefix="/v1", route_class=Guarded)

        @router.get("/work")
        async def work(_caller: AsStaff) -> dict[str, str]:
            await self._hold(None)
            return {}

        @router.get("/report", dependencies=[ONLY_LEADERS, A_REPORT])
        async def report() -> dict[str, str]:
            await self._hold(None)
            return {}

        @router.get("/agents/me/stream")
        async def stream(_caller: AsStaff) -> EventStream:
            return EventStream(self._events())

        return router

    async def _hold(self, _request: Request | None) -> Response:
        self.inside += 1
        await self.open.wait()
        return Response()

    async def _events(self) -> AsyncIterator[bytes]:
        self.inside += 1
        await self.open.wait()
        yield b": over\n\n"

    async def storm(self, tries: int, *requests: tuple[str, str, str]) -> list[asyncio.Task[httpx.Response]]:
        """Send each (method, path, token) so often; return when all are inside or answered."""
        tasks = [
            TASKS.start(self.client.request(method, path, headers={"Authorization": f"Bearer {token}"}), name=path)
            for _ in range(tries)
            for method, path, token in requests
        ]
        before = self.inside
        await until(
            lambda: sum(one.done() for one in tasks) + self.inside - before >= len(tasks), what="all to be decided"
        )
        return tasks


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    yield made
    made.open.set()
    await made.client.aclose()


def page(endpoint: str) -> tuple[str, str, str]:
    return ("POST", f"/v1/channels/fanpage/{endpoint}/webhook", "")


def refused(tasks: list[asyncio.Task[httpx.Response]]) -> list[httpx.Response]:
    return [one.result() for one in tasks if one.done()]


async def test_i14_a_storm_at_one_endpoint_is_refused_and_no_other(site: Site) -> None:
    """And health answers meanwhile, a document says why and when to come again, and at the end every place is free."""
    storm = await site.storm(20, page("page-1"))
    assert len(refused(storm)) == 15, "half of the bound is for one"
    for answer in refused(storm):
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "too_many_at_once"
    other = await site.storm(2, page("page-2"))
    staff = await site.storm(1, ("GET", "/v1/work", "agent:an"))
    assert refused(other) + refused(staff) == []
    assert (await site.client.get("/livez")).status_code == 200
    assert (await site.client.get("/readyz")).status_code == 200
    site.open.set()
    taken = await asyncio.gather(*storm, *other, *staff)
    assert sum(one.status_code == 200 for one in taken) == 5 + 2 + 1
    assert site.gates.endpoints.under_way == site.gates.bodies.under_way == 0


async def test_i14_all_endpoints_at_once_are_503_for_who_comes_last(site: Site) -> None:
    await site.storm(1, *(page(f"page-{number}") for number in range(10)))
    [late] = refused(await site.storm(1, page("late")))
    assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (503, "overloaded", "2")


async def test_i14_each_role_has_its_room_and_each_caller_his(site: Site) -> None:
    mine = await site.storm(5, ("GET", "/v1/work", "agent:an"))
    assert [one.json()["code"] for one in refused(mine)] == ["too_many_at_once"] * 2
    await site.storm(1, *(("GET", "/v1/work", f"agent:a{number}") for number in range(20)))
    assert refused(await site.storm(1, ("GET", "/v1/work", "supervisor:sup"))) == []


async def test_r27_reports_have_few_places_and_take_none_of_what_leaders_ask_besides(site: Site) -> None:
    mine = await site.storm(3, ("GET", "/v1/report", "supervisor:sup"))
    assert [(one.status_code, one.headers["retry-after"]) for one in refused(mine)] == [(429, "1")]
    others = ("GET", "/v1/report", "supervisor:other"), ("GET", "/v1/report", "admin:first")
    assert refused(await site.storm(1, *others)) == []
    [late] = refused(await site.storm(1, ("GET", "/v1/report", "admin:adm")))
    assert (late.status_code, late.json()["code"]) == (503, "overloaded")
    assert refused(await site.storm(1, ("GET", "/v1/work", "supervisor:sup"))) == []
    site.open.set()
    await asyncio.gather(*(one for one in mine if not one.done()))
    await until(lambda: not site.gates.reports.under_way, what="every place to be free")


async def test_i14_streams_have_a_bound_of_their_own(site: Site) -> None:
    streams = await site.storm(3, ("GET", "/v1/agents/me/stream", "agent:an"))
    assert [one.status_code for one in refused(streams)] == [429]
    assert refused(await site.storm(1, ("GET", "/v1/work", "agent:an"))) == []


async def test_i14_what_is_refused_is_never_read(site: Site) -> None:
    """A body counts as it is announced, and as the most its route takes when it is not."""
    entered = asyncio.Event()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await site.open.wait()

    async def receive() -> Message:
        raise AssertionError("nothing of it may be read")

    async def send(_message: Message) -> None: ...

    gate = Admission(inner, gates=site.gates, limits=LIMITS)

    def request(endpoint: str, *headers: tuple[bytes, bytes]) -> Scope:
        return {"type": "http", "method": "POST", "path": f"/v1/channels/email/{endpoint}/messages", "headers": headers}

    first = TASKS.start(gate(request("box", (b"transfer-encoding", b"chunked")), receive, send), name="first")
    await entered.wait()
    assert site.gates.bodies.under_way == 400
    with pytest.raises(TooMany):
        await gate(request("box", (b"content-length", b"350")), receive, send)
    second = TASKS.start(gate(request("other", (b"content-length", b"350")), receive, send), name="second")
    await until(lambda: site.gates.bodies.under_way == 750, what="the other to be let in")
    with pytest.raises(Unavailable):
        await gate(request("third", (b"content-length", b"300")), receive, send)
    site.open.set()
    await asyncio.gather(first, second)
    assert site.gates.bodies.under_way == 0


def test_the_app_tells_of_both_answers_at_every_route_with_a_token(site: Site) -> None:
    document = FastAPI.openapi(site.app)
    assert {"429", "503"} <= document["paths"]["/v1/work"]["get"]["responses"].keys()
