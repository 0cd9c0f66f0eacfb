"""The webhook routes: thin, because vendors drop a webhook that is slow.

A route reads the body within its limits, gives it to the intake and answers. Mounted under ``/v1``; raised errors are the kernel's, the
application turns them into problem documents.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import PlainTextResponse

from ccc_router.channels.body import endpoint_of, raw_path, read_body
from ccc_router.channels.channel import Directory, Secrets
from ccc_router.channels.channel import Request as Delivery
from ccc_router.channels.fanpage.adapter import challenge
from ccc_router.channels.intake import DELIVERIES, Intake, count
from ccc_router.channels.registry import adapter_for
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import NotFound, RequestTimeout, TooLarge, Unauthenticated
from ccc_router.rest.problems import answers
from ccc_router.rest.schemas import Document

_encode: Final = msgspec.json.Encoder().encode

EndpointId = Annotated[str, Path(description="The id of a configured endpoint", examples=["hotline"])]


_ENDPOINT: Final[dict[str, Any]] = {
    "name": "endpoint",
    "in": "path",
    "required": True,
    "description": "The id of a configured endpoint",
    "schema": {"type": "string"},
}


class Limits(msgspec.Struct, frozen=True):
    """What a delivery may be: ``bytes`` per channel, all of it within ``seconds``."""

    phone_bytes: int = 1 << 20
    fanpage_bytes: int = 4 << 20
    email_bytes: int = 30 << 20
    seconds: float = 10.0


_LIMITS: Final = Limits()


class DeliveryReceipt(Document):
    """What became of what the delivery told. A repeated delivery is answered the same way and changes nothing."""

    accepted: int
    duplicate: int
    ignored: int


def delivery_of(request: Request, body: bytes, received_at: int, public_url: str = "") -> Delivery:
    """What the adapter sees of an HTTP request. Path and query stay as they were sent, not decoded."""
    scope = request.scope
    path = raw_path(request)
    query = scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    base = public_url.rstrip("/") or f"{scope['scheme']}://{headers.get('host', '')}"
    return Delivery(
        method=request.method,
        path=path,
        url=f"{base}{path}?{query}" if query else base + path,
        query=query,
        headers=headers,
        body=body,
        received_at=received_at,
    )


class Webhooks:
    """The handlers of the webhook routes. ``public_url`` is how vendors reach us (scheme and host), where that differs."""

    def __init__(
        self,
        intake: Intake,
        secrets: Secrets,
        directory: Directory,
        clock: Clock,
        limits: Limits = _LIMITS,
        public_url: str = "",
    ) -> None:
        self._intake = intake
        self._secrets = secrets
        self._directory = directory
        self._clock = clock
        self._limits = limits
        self._public_url = public_url

    async def post_phone_events(self, request: Request) -> Response:
        """Call events in the endpoint's dialect: one, or an array. A repeated delivery changes nothing."""
        return await self._take(request, Channel.PHONE, self._limits.phone_bytes)

    async def post_email_message(self, request: Request) -> Response:
        """A mail as it came, with all its headers."""
        return await self._take(request, Channel.EMAIL, self._limits.email_bytes)

    async def post_fanpage_webhook(self, request: Request) -> Response:
        """A batch of a page's events as Meta signs it."""
        return await self._take(request, Channel.FANPAGE, self._limits.fanpage_bytes)

    async def get_fanpage_webhook(
        self,
        endpoint: EndpointId,
        mode: Annotated[str, Query(alias="hub.mode", max_length=100)] = "",
        token: Annotated[str, Query(alias="hub.verify_token", max_length=1000)] = "",
        asked: Annotated[str, Query(alias="hub.challenge", max_length=1000)] = "",
    ) -> Response:
        """Meta asks whether this URL is ours; the answer is its challenge as plain text."""
        page = endpoint_of(self._directory, endpoint, Channel.FANPAGE)
        query = {"hub.mode": mode, "hub.verify_token": token, "hub.challenge": asked}
        said = challenge(query, self._secrets.of(f"{page.id}.verify"))
        if said is None:
            raise Unauthenticated
        return PlainTextResponse(said, headers={"X-Content-Type-Options": "nosniff"})

    def direct(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """The handlers that need nothing of the framework, by the pattern of their path below `/v1`."""
        return {
            "/channels/phone/{endpoint}/events": self.post_phone_events,
            "/channels/email/{endpoint}/messages": self.post_email_message,
            "/channels/fanpage/{endpoint}/webhook": self.post_fanpage_webhook,
        }

    async def _take(self, request: Request, channel: Channel, limit: int) -> Response:
        # The path's one parameter is read by hand: the framework's reading costs a tenth of the whole acknowledgement.
        endpoint = endpoint_of(self._directory, request.path_params["endpoint"], channel)
        adapter = adapter_for(endpoint)
        if adapter is None:
            raise NotFound
        try:
            body = await read_body(request, limit, self._limits.seconds)
        except (TooLarge, RequestTimeout) as error:
            count(DELIVERIES, endpoint.id, error.code)
            raise
        base = endpoint.options.get("public_url", self._public_url)
        delivery = delivery_of(request, body, self._clock.now_ms(), base)
        receipt = await self._intake.take(endpoint, delivery, adapter)
        return Response(_encode(receipt), media_type="application/json")


def webhook_router(webhooks: Webhooks) -> APIRouter:
    """The routes by which switches, mail systems and pages deliver."""
    router = APIRouter(prefix="/channels", tags=["channels"])
    json_body: dict[str, Any] = {
        "description": "In the endpoint's dialect",
        "anyOf": [{"type": "object"}, {"type": "array"}],
    }
    for path, handler, summary, media_type, schema in (
        ("/phone/{endpoint}/events", webhooks.post_phone_events, "Deliver call events", "application/json", json_body),
        (
            "/email/{endpoint}/messages",
            webhooks.post_email_message,
            "Deliver a mail",
            "message/rfc822",
            {"type": "string"},
        ),
        (
            "/fanpage/{endpoint}/webhook",
            webhooks.post_fanpage_webhook,
            "Deliver a page's events",
            "application/json",
            json_body,
        ),
    ):
        router.add_api_route(
            path,
            handler,
            methods=["POST"],
            summary=summary,
            response_model=DeliveryReceipt,
            responses=answers(400, 401, 404, 408, 413, 422, 429, 503),
            openapi_extra={
                "parameters": [_ENDPOINT],
                "requestBody": {"required": True, "content": {media_type: {"schema": schema}}},
            },
        )
    router.add_api_route(
        "/fanpage/{endpoint}/webhook",
        webhooks.get_fanpage_webhook,
        methods=["GET"],
        summary="Prove that the webhook is ours",
        response_class=PlainTextResponse,
        responses=answers(401, 404, 422, 429, 503),
    )
    return router
