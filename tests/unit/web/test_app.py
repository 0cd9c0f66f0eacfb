"""The app around every route: problems, limits, headers, repeated requests, roles."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query, Request

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Conflict, Unauthenticated, Unavailable
from ccc_router.rest.access import AsAgent, AsLeader, Guarded, asks_anew
from ccc_router.rest.principal import Principal
from ccc_router.rest.replay import Answer, Begun, command_key
from ccc_router.rest.schemas import Body, Text
from ccc_router.web.app import create_app
from ccc_router.web.health import Check
from ccc_router.web.middleware import BodyLimits
from ccc_router.web.services import Services
from tests.support.logs import written

__all__ = ["written"]

MARKERS = ("0912345678", "nguyen.van.an@example.vn", "001099012345")


class Greeting(Body):
    """A body for the test's own route."""

    text: Text


@dataclass
class KeptAnswers:
    """Answers kept in a dict."""

    rows: dict[tuple[str, str], Begun] = field(default_factory=dict)

    async def begin(self, scope: str, key: str, digest: bytes, command_key: str) -> Begun:
        return self.rows.setdefault((scope, key), Begun(digest, command_key, None))

    async def finish(self, scope: str, key: str, answer: Answer) -> None:
        begun = self.rows[scope, key]
        self.rows[scope, key] = Begun(begun.digest, begun.command_key, answer)


@dataclass
class Everything:
    """Says what the test wants it to."""

    ok: bool = True

    async def check(self) -> Mapping[str, Check]:
        return {"database": Check(ok=self.ok, detail="" if self.ok else "gone")}


async def identify(request: Request) -> Principal:
    """A bearer token that is just `role:subject`."""
    role, _, subject = request.headers.get("authorization", "").removeprefix("Bearer ").partition(":")
    if not subject:
        raise Unauthenticated
    return Principal(subject, Role(role))


@dataclass
class Calls:
    """What the routes saw."""

    keys: list[str] = field(default_factory=list)
    fail: Exception | None = None


def routes(calls: Calls) -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=Guarded)

    @router.post("/greetings", status_code=201)
    async def greet(caller: AsAgent, body: Greeting, request: Request) -> dict[str, str]:
        calls.keys.append(command_key(request))
        if calls.fail is not None:
            raise calls.fail
        return {"said": body.text, "by": caller.subject, "n": str(len(calls.keys))}

    @router.post("/anew")
    @asks_anew
    async def anew(caller: AsAgent, request: Request) -> dict[str, str]:
        calls.keys.append(command_key(request))
        return {"n": str(len(calls.keys))}

    @router.get("/things/{thing}")
    async def thing(caller: AsLeader, thing: str, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, int]:
        return {"limit": limit}

    return router


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def answers() -> KeptAnswers:
    return KeptAnswers()


@pytest.fixture
def readiness() -> Everything:
    return Everything()


@pytest.fixture
def app(calls: Calls, answers: KeptAnswers, readiness: Everything) -> FastAPI:
    return create_app(
        Services(
            clock=SystemClock(),
            identify=identify,
            replays=answers,
            readiness=readiness,
            routers=[routes(calls)],
            state={},
            limits=BodyLimits(default=1000, by_prefix=[("/v1/anew", 10)], seconds=0.2),
            metrics_token="scraper",
        )
    )


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


AN = {"Authorization": "Bearer agent:an"}
BINH = {"Authorization": "Bearer agent:binh"}
CHI = {"Authorization": "Bearer supervisor:chi"}


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    document = answer.json()
    return (
        answer.status_code == status
        and answer.headers["content-type"] == "application/problem+json"
        and document["status"] == status
        and document["code"] == code
        and {"type", "title", "detail"} <= document.keys()
    )


async def test_every_error_is_a_problem(client: httpx.AsyncClient, calls: Calls) -> None:
    assert is_problem(await client.get("/nowhere"), 404, "not_found")
    assert is_problem(await client.delete("/v1/greetings"), 405, "method_not_allowed")
    assert is_problem(await client.post("/v1/greetings", json={"text": "x"}), 401, "unauthenticated")
    assert is_problem(await client.post("/v1/greetings", json={"text": "x"}, headers=CHI), 403, "forbidden")
    assert is_problem(await client.post("/v1/greetings", json={}, headers=AN), 422, "invalid")
    assert is_problem(
        await client.post("/v1/greetings", content=b"{", headers=AN | {"content-type": "application/json"}),
        400,
        "malformed_request",
    )
    assert is_problem(await client.get("/v1/things/1?limit=201", headers=CHI), 422, "invalid")
    assert is_problem(await client.get("/v1/things/1?nope=1", headers=CHI), 422, "unknown_parameter")
    calls.fail = Conflict("No longer.", code="offer_over", stands_against="binh")
    answer = await client.post("/v1/greetings", json={"text": "x"}, headers=AN)
    assert is_problem(answer, 409, "offer_over")
    assert answer.json()["stands_against"] == "binh"
    calls.fail = Unavailable(retry_after_s=3)
    answer = await client.post("/v1/greetings", json={"text": "x"}, headers=AN)
    assert is_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "3"


async def test_a_fault_of_ours_is_500_and_says_nothing(client: httpx.AsyncClient, calls: Calls) -> None:
    calls.fail = ZeroDivisionError(f"a statement with {MARKERS[0]}")
    answer = await client.post("/v1/greetings", json={"text": "x"}, headers=AN)
    assert is_problem(answer, 500, "internal")
    assert "statement" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.DiskFullError("full"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
async def test_a_database_that_is_away_is_503(client: httpx.AsyncClient, calls: Calls, error: Exception) -> None:
    """I14: nothing was promised; the caller is told to try again."""
    calls.fail = error
    answer = await client.post("/v1/greetings", json={"text": "x"}, headers=AN)
    assert is_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_unknown_fields_are_refused_and_named(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/greetings", json={"text": "x", "role": "admin"}, headers=AN)
    assert is_problem(answer, 422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/role"


async def test_a_wrong_token_is_401_before_the_body_is_read(app: FastAPI) -> None:
    """No stranger makes us read or parse anything."""
    sent = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/greetings",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "root_path": "",
    }

    async def receive() -> dict[str, object]:
        raise AssertionError("the body was read")

    async def send(message: Mapping[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 401


async def test_a_body_over_the_limit_is_413(client: httpx.AsyncClient) -> None:
    long = json.dumps({"text": "x" * 2000}).encode()
    headers = AN | {"content-type": "application/json"}
    assert is_problem(await client.post("/v1/greetings", content=long, headers=headers), 413, "too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(long), 100):
            yield long[start : start + 100]

    assert is_problem(await client.post("/v1/greetings", content=pieces(), headers=headers), 413, "too_large")
    assert is_problem(await client.post("/v1/anew", content=b"x" * 11, headers=AN), 413, "too_large")


async def test_a_body_that_does_not_come_is_408(client: httpx.AsyncClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b'{"text":'
        await asyncio.Event().wait()

    answer = await client.post("/v1/greetings", content=slow(), headers=AN | {"content-type": "application/json"})
    assert is_problem(answer, 408, "request_timeout")


async def test_every_answer_has_its_headers_and_a_request_id_of_ours(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/livez"), await client.get("/nowhere"), await client.get("/docs")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"].startswith("rq_")
    answer = await client.get("/livez", headers={"X-Request-Id": MARKERS[0]})
    assert MARKERS[0] not in answer.headers["x-request-id"]


async def test_the_same_key_gets_the_first_answer_again(client: httpx.AsyncClient, calls: Calls) -> None:
    """I2 at the edge: bare and quoted keys are the same."""
    first = await client.post("/v1/greetings", json={"text": "x"}, headers=AN | {"Idempotency-Key": "k-1"})
    again = await client.post("/v1/greetings", json={"text": "x"}, headers=AN | {"Idempotency-Key": '"k-1"'})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(calls.keys) == 1


async def test_the_same_key_with_another_body_is_422(client: httpx.AsyncClient) -> None:
    await client.post("/v1/greetings", json={"text": "x"}, headers=AN | {"Idempotency-Key": "k-1"})
    answer = await client.post("/v1/greetings", json={"text": "y"}, headers=AN | {"Idempotency-Key": "k-1"})
    assert is_problem(answer, 422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_caller(client: httpx.AsyncClient, calls: Calls) -> None:
    for who in (AN, BINH):
        answer = await client.post("/v1/greetings", json={"text": "x"}, headers=who | {"Idempotency-Key": "k-1"})
        assert answer.status_code == 201
    assert len(calls.keys) == 2


async def test_a_refusal_is_kept_but_an_outage_is_tried_again_under_the_same_command_key(
    client: httpx.AsyncClient, calls: Calls
) -> None:
    headers = AN | {"Idempotency-Key": "k-1"}
    calls.fail = Unavailable()
    assert (await client.post("/v1/greetings", json={"text": "x"}, headers=headers)).status_code == 503
    calls.fail = Conflict(code="offer_over")
    assert (await client.post("/v1/greetings", json={"text": "x"}, headers=headers)).status_code == 409
    calls.fail = None
    assert is_problem(await client.post("/v1/greetings", json={"text": "x"}, headers=headers), 409, "offer_over")
    assert len(calls.keys) == 2
    assert len(set(calls.keys)) == 1


async def test_without_a_key_every_request_is_a_new_one(client: httpx.AsyncClient, calls: Calls) -> None:
    for _ in range(2):
        await client.post("/v1/greetings", json={"text": "x"}, headers=AN)
    assert len(set(calls.keys)) == 2


async def test_a_route_may_ask_anew(client: httpx.AsyncClient, calls: Calls) -> None:
    for _ in range(2):
        await client.post("/v1/anew", headers=AN | {"Idempotency-Key": "k-1"})
    assert len(calls.keys) == 2


@pytest.mark.parametrize("key", ["", '""', "a" * 256, "khóa", "a b", '"a'], ids=repr)
async def test_a_bad_key_is_400(client: httpx.AsyncClient, key: str) -> None:
    headers = httpx.Headers([(b"Authorization", b"Bearer agent:an"), (b"Idempotency-Key", key.encode())])
    answer = await client.post("/v1/greetings", json={"text": "x"}, headers=headers)
    assert is_problem(answer, 400, "bad_idempotency_key")


def test_a_route_that_does_not_say_who_may_use_it_cannot_be_made() -> None:
    router = APIRouter(route_class=Guarded)

    async def open_door() -> None:
        """Says nothing of its callers."""

    with pytest.raises(TypeError, match="does not say who"):
        router.add_api_route("/open", open_door)


async def test_ready_says_what_is_missing(client: httpx.AsyncClient, readiness: Everything) -> None:
    assert (await client.get("/livez")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).status_code == 200
    readiness.ok = False
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": False, "detail": "gone"}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer "}, CHI])
async def test_without_a_token_the_port_of_the_api_serves_no_metrics(header: dict[str, str]) -> None:
    """They name routes, pools and loads: not for everybody who reaches the API (DESIGN 7: own port or token)."""
    services = Services(
        clock=SystemClock(), identify=identify, replays=KeptAnswers(), readiness=Everything(), routers=[], state={}
    )
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/metrics", headers=header)).status_code == 404


async def test_metrics_need_their_token_and_name_no_path(client: httpx.AsyncClient) -> None:
    await client.get(f"/v1/things/{MARKERS[0]}", headers=CHI)
    await client.get(f"/v1/{MARKERS[1]}")
    assert (await client.get("/metrics")).status_code == 401
    assert (await client.get("/metrics", headers={"Authorization": "Bearer scraper2"})).status_code == 401
    text = (await client.get("/metrics", headers={"Authorization": "Bearer scraper"})).text
    assert 'route="/v1/things/{thing}"' in text
    assert 'route="unknown"' in text
    assert not [marker for marker in MARKERS if marker in text]


async def test_no_log_line_holds_what_a_caller_sent(
    client: httpx.AsyncClient, calls: Calls, written: io.StringIO
) -> None:
    """The canary: markers in path, query, header, field names, values, keys and an exception's message."""
    for marker in MARKERS:
        await client.get(f"/v1/things/{marker}?limit={marker}", headers=CHI)
        await client.get(f"/v1/{marker}", headers={"X-Request-Id": marker, "User-Agent": marker})
        answer = await client.post("/v1/greetings", json={"text": "x", marker: marker}, headers=AN)
        assert marker not in answer.text
        await client.post("/v1/greetings", json={"text": marker}, headers=AN | {"Idempotency-Key": marker})
        calls.fail = ValueError(f"cannot read {marker}")
        await client.post("/v1/greetings", json={"text": marker}, headers=AN)
        calls.fail = None
    lines = written.getvalue()
    assert "request_failed" in lines, "the canary looks at something"
    assert [marker for marker in MARKERS if marker in lines] == []


async def test_the_document_knows_every_route_and_its_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/greetings"]["post"]
    assert operation["security"] == [{"bearer": []}]
    assert {"201", "400", "401", "403", "408", "413", "422", "429", "503"} <= operation["responses"].keys()
    assert "application/problem+json" in operation["responses"]["422"]["content"]
    assert [one["name"] for one in operation["parameters"]] == ["Idempotency-Key"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == {
        "text": "Hồ sơ thai sản của chị đã được tiếp nhận."
    }
    assert "HTTPValidationError" not in document["components"]["schemas"]
    page = (await client.get("/docs")).text
    assert "<script" not in page
