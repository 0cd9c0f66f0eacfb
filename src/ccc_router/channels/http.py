"""The webhook routes: thin, because vendors drop a webhook that is slow.

A route reads the body within its limits, gives it to the intake and answers. Mounted under ``/v1``; raised errors are the kernel's, the
application turns them into problem documents.
"""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

from ccc_router.channels.channel import Directory, Secrets
from ccc_router.channels.channel import Request as Delivery
from ccc_router.channels.fanpage.adapter import challenge
from ccc_router.channels.intake import DELIVERIES, Intake, Receipt
from ccc_router.channels.registry import adapter_for
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import MalformedRequest, NotFound, RequestTimeout, TooLarge, Unauthenticated
from ccc_router.rest.problems import answers
from ccc_router.rest.schemas import Document
from ccc_router.routing.policy import Endpoint

_LONGEST_LENGTH: Final = 15  # digits of a Content-Length that we read as a number at all
_encode: Final = msgspec.json.Encoder().encode

EndpointId = Annotated[str, Path(description="The id of a configured endpoint", examples=["hotline"])]


class Limits(msgspec.Struct, frozen=True):
    """What a delivery may be: ``bytes`` per channel, all of it within ``seconds``."""

    phone_bytes: int = 1 << 20
    fanpage_bytes: int = 4 << 20
    email_bytes: int = 30 << 20
    portal_bytes: int = 256 << 10
    upload_bytes: int = 10 << 20
    seconds: float = 10.0


_LIMITS: Final = Limits()


class DeliveryReceipt(Document):
    """What became of what the delivery told. A repeated delivery is answered the same way and changes nothing."""

    accepted: int
    duplicate: int
    ignored: int


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The body, never holding more than ``limit`` bytes of it.

    Raises TooLarge (413) as soon as the length is told or passed, RequestTimeout (408) when it is not complete within ``seconds``,
    MalformedRequest (400) when the client goes away.
    """
    told = request.headers.get("content-length", "")
    if told.isdigit() and (len(told) > _LONGEST_LENGTH or int(told) > limit):
        raise TooLarge(limit=limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise TooLarge(limit=limit)
                chunks.append(chunk)
    except TimeoutError:
        raise RequestTimeout from None
    except ClientDisconnect:
        raise MalformedRequest("The body ended early.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def delivery_of(request: Request, endpoint: Endpoint, body: bytes, received_at: int) -> Delivery:
    """What the adapter sees of an HTTP request. Path and query stay as they were sent, not decoded."""
    scope = request.scope
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogatepass")
    path = raw_path.partition(b"?")[0].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    base = endpoint.options.get("public_url", "").rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return Delivery(
        method=request.method,
        path=path,
        url=f"{base}{path}?{query}" if query else base + path,
        query=query,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        received_at=received_at,
    )


def endpoint_of(directory: Directory, endpoint_id: str, channel: Channel) -> Endpoint:
    """The endpoint, if it is one of this channel. Raises NotFound (404)."""
    endpoint = directory.endpoint(endpoint_id)
    if endpoint is None or endpoint.channel != channel:
        raise NotFound
    return endpoint


class Webhooks:
    """Takes webhook deliveries of one channel."""

    def __init__(self, intake: Intake, directory: Directory, clock: Clock, limits: Limits) -> None:
        self._intake = intake
        self._directory = directory
        self._clock = clock
        self._limits = limits

    async def take(self, request: Request, endpoint_id: str, channel: Channel, limit: int) -> Response:
        """Read, take, answer with the receipt."""
        endpoint = endpoint_of(self._directory, endpoint_id, channel)
        adapter = adapter_for(endpoint)
        if adapter is None:
            raise NotFound
        try:
            body = await read_body(request, limit, self._limits.seconds)
        except (TooLarge, RequestTimeout) as error:
            DELIVERIES.labels(endpoint.id, error.code).inc()
            raise
        receipt = await self._intake.take(endpoint, delivery_of(request, endpoint, body, self._clock.now_ms()), adapter)
        return answer(receipt)


def answer(receipt: Receipt) -> Response:
    """The receipt as JSON."""
    return Response(_encode(receipt), media_type="application/json")


def webhook_router(
    intake: Intake, secrets: Secrets, directory: Directory, clock: Clock, limits: Limits = _LIMITS
) -> APIRouter:
    """The routes by which phone switches and mail systems deliver."""
    router = APIRouter(prefix="/channels", tags=["channels"])
    webhooks = Webhooks(intake, directory, clock, limits)

    @router.post(
        "/phone/{endpoint}/events",
        summary="Deliver call events",
        response_model=DeliveryReceipt,
        responses=answers(400, 401, 404, 408, 413, 503),
        openapi_extra=_body("application/json", {"description": "One event or an array, in the endpoint's dialect"}),
    )
    async def post_phone_events(request: Request, endpoint: EndpointId) -> Response:
        return await webhooks.take(request, endpoint, Channel.PHONE, limits.phone_bytes)

    @router.post(
        "/email/{endpoint}/messages",
        summary="Deliver a mail",
        response_model=DeliveryReceipt,
        responses=answers(400, 401, 404, 408, 413, 503),
        openapi_extra=_body("message/rfc822", {"type": "string", "format": "binary"}),
    )
    async def post_email_message(request: Request, endpoint: EndpointId) -> Response:
        return await webhooks.take(request, endpoint, Channel.EMAIL, limits.email_bytes)

    @router.post(
        "/fanpage/{endpoint}/webhook",
        summary="Deliver events of a page",
        response_model=DeliveryReceipt,
        responses=answers(400, 401, 404, 408, 413, 503),
        openapi_extra=_body("application/json", {"type": "object"}),
    )
    async def post_fanpage_webhook(request: Request, endpoint: EndpointId) -> Response:
        return await webhooks.take(request, endpoint, Channel.FANPAGE, limits.fanpage_bytes)

    @router.get(
        "/fanpage/{endpoint}/webhook",
        summary="Answer Meta's question whether this URL is ours",
        response_class=PlainTextResponse,
        responses=answers(401, 404),
    )
    async def get_fanpage_webhook(
        endpoint: EndpointId,
        mode: Annotated[str, Query(alias="hub.mode")] = "",
        token: Annotated[str, Query(alias="hub.verify_token")] = "",
        asked: Annotated[str, Query(alias="hub.challenge", max_length=1000)] = "",
    ) -> PlainTextResponse:
        page = endpoint_of(directory, endpoint, Channel.FANPAGE)
        query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": asked}
        said = challenge(query, secrets.of(f"{page.id}.verify"))
        if said is None:
            raise Unauthenticated
        return PlainTextResponse(said, headers={"X-Content-Type-Options": "nosniff"})

    return router


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
