"""Deliveries go to their handlers without the framework; everything else goes through it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from ccc_router.web.direct import Direct

PATTERN = "/v1/channels/phone/{endpoint}/events"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def framework(path: str) -> str:
        return f"framework: {path}"

    async def direct(request: Request) -> Response:
        route = request.scope["route"].path
        return Response(f"direct: {request.path_params['endpoint']} {route} {(await request.body()).decode()}")

    transport = httpx.ASGITransport(Direct(app, routes={PATTERN: direct}))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


async def test_a_delivery_reaches_its_handler_with_its_endpoint_and_its_pattern(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/channels/phone/hotline/events", content="hello")
    assert answer.text == f"direct: hotline {PATTERN} hello"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/channels/phone/hotline/events"),
        ("POST", "/v1/channels/phone//events"),
        ("POST", "/v1/channels/phone/events"),
        ("POST", "/v1/channels/phone/a/b/events"),
        ("POST", "/v1/channels/phone/a%2Fb/events"),
        ("POST", "/v1/channels/phone/hotline/events/"),
        ("POST", "/v1/channels/page/hotline/events"),
    ],
)
async def test_everything_else_is_the_frameworks(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await client.request(method, path)).text.startswith('"framework: ')
