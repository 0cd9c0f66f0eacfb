"""The portal's routes. Whoever comes here is a stranger: limits before parsing, the same 404 for all that is not his."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError

from ccc_router.channels.body import endpoint_of, raw_path, read_body
from ccc_router.channels.channel import Directory
from ccc_router.channels.portal.forms import (
    CallbackForm,
    Challenge,
    ContactForm,
    Conversation,
    File,
    MessageForm,
    Promised,
    Said,
    Taken,
    Ticket,
    Upload,
)
from ccc_router.channels.portal.rates import Rates
from ccc_router.channels.portal.reading import Message
from ccc_router.channels.portal.service import Portal, Sent
from ccc_router.channels.portal.stream import Streams, read_last_id
from ccc_router.channels.portal.tickets import TicketRow
from ccc_router.channels.portal.uploads import read_upload
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.clock import Clock, from_ms
from ccc_router.kernel.errors import MalformedRequest, NotFound, Unauthenticated, UnsupportedMedia
from ccc_router.rest.problems import answers
from ccc_router.rest.replay import idempotency_key
from ccc_router.rest.streams import EventStream
from ccc_router.routing.policy import Endpoint

Form = TypeVar("Form", bound=BaseModel)
Reference = Annotated[str, Path(description="As printed or as spoken: any case, with or without dashes", max_length=40)]
EndpointId = Annotated[str, Path(description="The id of a portal endpoint", examples=["portal"])]
FileId = Annotated[str, Path(max_length=64)]

_SHORTEST_KEY: Final = 16
_KEY_HEADER: Final[Mapping[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Unguessable, such as a UUID made when the form is shown. The same key and body: the same answer.",
    "schema": {"type": "string", "minLength": _SHORTEST_KEY, "maxLength": 255},
}


class PortalLimits(msgspec.Struct, frozen=True):
    """What a visitor may send: bytes, seconds for a body, and how often a minute from one address."""

    form_bytes: int = 512 << 10
    upload_bytes: int = 10 << 20
    seconds: float = 15.0
    forms_per_minute: int = 30
    messages_per_minute: int = 60
    uploads_per_minute: int = 30


class PortalRoutes:
    """The handlers."""

    def __init__(
        self, portal: Portal, streams: Streams, directory: Directory, clock: Clock, limits: PortalLimits
    ) -> None:
        self._portal = portal
        self._streams = streams
        self._directory = directory
        self._limits = limits
        self._forms = Rates(clock, limits.forms_per_minute, 2 * limits.forms_per_minute)
        self._messages = Rates(clock, limits.messages_per_minute, 2 * limits.messages_per_minute)
        self._uploads = Rates(clock, limits.uploads_per_minute, 2 * limits.uploads_per_minute)

    async def get_challenge(self, endpoint: EndpointId) -> Challenge:
        """Work to be done before the form is taken, valid for ten minutes and once."""
        return Challenge.model_validate(self._portal.challenge(self._endpoint(endpoint)))

    async def post_contact(self, request: Request, endpoint: EndpointId) -> Ticket:
        """Send the form. The token in the answer is the visitor's only way back: it is not told again."""
        portal = self._endpoint(endpoint)
        self._count(self._forms, portal, request)
        sent, form = await self._read(request, portal, ContactForm)
        opened = await self._portal.open(sent, form)
        ticket = opened.ticket
        return Ticket(
            contact_id=ticket.contact_id, case_id=ticket.case_id, reference=ticket.reference, token=opened.token
        )

    async def post_upload(self, request: Request, endpoint: EndpointId) -> Upload:
        """Upload one file (multipart field ``file``) to send with a form or message. Where a challenge is asked for, its solution
        stands in the header ``Altcha``."""
        portal = self._endpoint(endpoint)
        self._count(self._uploads, portal, request)
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise UnsupportedMedia("Send multipart/form-data.")
        body = await read_body(request, self._limits.upload_bytes, self._limits.seconds)
        file = await read_upload(request.headers, body)
        await self._portal.spend(portal, request.headers.get("altcha"))
        upload_id = await self._portal.keep(portal, file)
        return Upload(id=upload_id, name=file.name, media_type=file.media_type, size=len(file.content))

    async def get_contact(self, request: Request, endpoint: EndpointId, reference: Reference) -> Conversation:
        """What was said, and how the case stands."""
        _, ticket = await self._ticket(request, endpoint, reference)
        messages = await self._portal.conversations.all(ticket)
        return Conversation(
            reference=ticket.reference,
            contact_id=ticket.contact_id,
            case_id=ticket.case_id,
            state=await self._portal.conversations.state(ticket),
            waiting=await self._portal.conversations.waiting(ticket),
            messages=[_said(message) for message in messages],
        )

    async def post_message(self, request: Request, endpoint: EndpointId, reference: Reference) -> Taken:
        """Write again below a reference; a closed case is opened again."""
        portal, ticket = await self._ticket(request, endpoint, reference)
        self._count(self._messages, portal, request)
        sent, form = await self._read(request, portal, MessageForm)
        message_id, number = await self._portal.follow(sent, ticket, form)
        return Taken(message_id=message_id, number=number)

    async def post_callback(self, request: Request, endpoint: EndpointId, reference: Reference) -> Promised:
        """Be called back instead: the call waits where the message waited, and takes its place. Asked again, it is moved."""
        portal, ticket = await self._ticket(request, endpoint, reference)
        self._count(self._messages, portal, request)
        sent, form = await self._read(request, portal, CallbackForm)
        await self._portal.call_back(sent, ticket, form)
        return Promised(reference=ticket.reference, not_before=form.not_before)

    async def get_stream(self, request: Request, endpoint: EndpointId, reference: Reference) -> StreamingResponse:
        """Messages, states and the place in line as server-sent events. ``Last-Event-ID`` is the number of the last message seen."""
        _, ticket = await self._ticket(request, endpoint, reference)
        self._streams.admit(ticket)
        after = read_last_id(request.headers.get("last-event-id", ""))
        return EventStream(self._streams.follow(ticket, after))

    async def get_file(self, request: Request, endpoint: EndpointId, reference: Reference, file: FileId) -> Response:
        """A file of the conversation, always as a download."""
        _, ticket = await self._ticket(request, endpoint, reference)
        found = await self._portal.conversations.file(ticket, file)
        if found is None:
            raise NotFound
        attachment, content = found
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
        }
        return Response(content, 200, headers, attachment.media_type)

    def _endpoint(self, endpoint_id: str) -> Endpoint:
        return endpoint_of(self._directory, endpoint_id, Channel.PORTAL)

    def _count(self, rates: Rates, endpoint: Endpoint, request: Request) -> None:
        if endpoint.options.get("rate", "on") != "off":
            rates.take(request.client.host if request.client is not None else "")

    async def _ticket(self, request: Request, endpoint_id: str, reference: str) -> tuple[Endpoint, TicketRow]:
        endpoint = self._endpoint(endpoint_id)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated
        return endpoint, await self._portal.ticket(endpoint, reference, token.strip())

    async def _read(self, request: Request, endpoint: Endpoint, kind: type[Form]) -> tuple[Sent, Form]:
        key = idempotency_key(request)
        if key and len(key) < _SHORTEST_KEY:
            raise MalformedRequest("Idempotency-Key has 16 characters or more here.", code="bad_idempotency_key")
        body = await read_body(request, self._limits.form_bytes, self._limits.seconds)
        return Sent(endpoint, raw_path(request), body, key), read_form(body, kind)


def read_form(body: bytes, kind: type[Form]) -> Form:
    """A form in JSON. Raises MalformedRequest (400) or RequestValidationError (422)."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("The body is not JSON.") from error
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        found = [
            {**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False, include_context=False)
        ]
        raise RequestValidationError(found) from error


def _said(message: Message) -> Said:
    return Said(
        number=message.number,
        message_id=message.message_id,
        at=from_ms(message.at),
        author="customer" if message.from_customer else "centre",
        text=message.text,
        attachments=[
            File(id=file.attachment_id, name=file.name, media_type=file.media_type, size=file.size)
            for file in message.files
        ],
    )


def portal_router(routes: PortalRoutes) -> APIRouter:
    """The routes of every portal endpoint."""
    router = APIRouter(prefix="/channels/portal/{endpoint}", tags=["portal"])
    router.add_api_route(
        "/challenge",
        routes.get_challenge,
        methods=["GET"],
        summary="Ask for a challenge",
        responses=answers(404, 422, 429, 503),
    )
    router.add_api_route(
        "/contacts", routes.post_contact, methods=["POST"], status_code=201, summary="Send the contact form",
        responses=answers(400, 404, 408, 413, 422, 429, 503), openapi_extra=_form(ContactForm),
    )  # fmt: skip
    router.add_api_route(
        "/uploads", routes.post_upload, methods=["POST"], status_code=201, summary="Upload a file",
        responses=answers(400, 404, 408, 413, 415, 422, 429, 503), openapi_extra=_FILE,
    )  # fmt: skip
    router.add_api_route(
        "/contacts/{reference}", routes.get_contact, methods=["GET"], summary="Read the conversation",
        responses=answers(401, 404, 422, 429, 503), openapi_extra=_TOKEN,
    )  # fmt: skip
    router.add_api_route(
        "/contacts/{reference}/messages", routes.post_message, methods=["POST"], status_code=202, summary="Write again",
        responses=answers(400, 401, 404, 408, 413, 422, 429, 503), openapi_extra={**_form(MessageForm), **_TOKEN},
    )  # fmt: skip
    router.add_api_route(
        "/contacts/{reference}/callback", routes.post_callback, methods=["POST"], status_code=202, summary="Be called back",
        responses=answers(400, 401, 404, 408, 409, 413, 422, 429, 503), openapi_extra={**_form(CallbackForm), **_TOKEN},
    )  # fmt: skip
    router.add_api_route(
        "/contacts/{reference}/stream", routes.get_stream, methods=["GET"], summary="Follow the conversation",
        response_class=StreamingResponse, responses={200: _EVENTS, **answers(401, 404, 422, 429, 503)}, openapi_extra=_TOKEN,
    )  # fmt: skip
    router.add_api_route(
        "/contacts/{reference}/files/{file}", routes.get_file, methods=["GET"], summary="Fetch a file",
        response_class=Response, responses={200: _BYTES, **answers(401, 404, 422, 429, 503)}, openapi_extra=_TOKEN,
    )  # fmt: skip
    return router


def _form(kind: type[BaseModel]) -> dict[str, Any]:
    schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, "parameters": [dict(_KEY_HEADER)]}


_TOKEN: Final[dict[str, Any]] = {"security": [{"ticket": []}]}
_BYTES: Final[dict[str, Any]] = {
    "description": "The file",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_EVENTS: Final[dict[str, Any]] = {
    "description": "Events `message` (id: its number), `state`, and `waiting` (as in the conversation; null: no longer)",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
_FILE: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
