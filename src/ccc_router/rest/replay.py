"""A repeated request gets its first answer (``Idempotency-Key``), for 24 hours, scoped to principal and route.

The key's row is written before the handler runs and names the command's key in the inbox. So a repetition that comes while
the first one still runs, or after its caller was cut off, asks the engine under the same key and gets the same outcome; it
never makes a second command.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ..kernel import ids
from ..kernel.errors import CccError, IdempotencyKeyReused, MalformedRequest
from .problems import problem_of

_KEY: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")
_BOUNDARY: Final = re.compile(rb'boundary="?([^";,]{1,200})', re.IGNORECASE)
_NOT_KEPT: Final = frozenset({401, 403, 408, 429})

IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key again, within 24 hours, gets the first answer again. Bare or quoted.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-\\[\\]-~]+$"},
    "example": "01JD7Z0S3V",
}
"""How the OpenAPI document shows the header."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    status: int
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Begun:
    """The row of a key: what was asked under it first, under which key the engine knows it, and the answer if there is one."""

    digest: bytes
    command_key: str
    answer: Answer | None


class Replays(Protocol):
    """Where the answers are kept (``app.state.replays``)."""

    async def begin(self, scope: str, key: str, digest: bytes, command_key: str) -> Begun:
        """Write the key's row, or read the one that is there and not yet 24 hours old."""
        ...

    async def finish(self, scope: str, key: str, answer: Answer) -> None:
        """Keep the answer."""
        ...


def command_key(request: Request) -> str:
    """The key of this request's command in the inbox: the same for every repetition, else a fresh one."""
    known: str | None = getattr(request.state, "command_key", None)
    if known is None:
        known = request.state.command_key = ids.fresh("cm")
    return known


def idempotency_key(request: Request) -> str:
    """The header's value, bare or quoted; "" when it is missing. Raises ``MalformedRequest``."""
    raw = request.headers.get("idempotency-key")
    if raw is None:
        return ""
    value = raw.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not _KEY.fullmatch(value):
        raise MalformedRequest(
            "Idempotency-Key is 1 to 255 printable characters, quoted or bare.", code="bad_idempotency_key"
        )
    return value


async def run_once(
    request: Request, source: str, route: str, handler: Callable[[Request], Coroutine[Any, Any, Response]]
) -> Response:
    """Answer from what is kept, or run the handler and keep its answer."""
    key = idempotency_key(request)
    replays: Replays = request.app.state.replays
    scope = f"{source} {request.method} {route}"
    digest = await _digest(request)
    begun = await replays.begin(scope, key, digest, ids.fresh("cm"))
    if begun.digest != digest:
        raise IdempotencyKeyReused
    if begun.answer is not None:
        kept = begun.answer
        return Response(kept.body, kept.status, media_type=kept.media_type, headers={"Idempotency-Replayed": "true"})
    request.state.command_key = begun.command_key
    try:
        response = await handler(request)
    except (CccError, RequestValidationError, HTTPException) as error:
        response = problem_of(error)
    if response.status_code < 500 and response.status_code not in _NOT_KEPT:
        answer = Answer(response.status_code, response.headers.get("content-type", ""), bytes(response.body))
        await replays.finish(scope, key, answer)
    return response


async def _digest(request: Request) -> bytes:
    """What was asked. The boundary of a form is the client's whim and differs between tries."""
    body = await request.body()
    boundary = _BOUNDARY.search(request.headers.get("content-type", "").encode())
    if boundary:
        body = body.replace(boundary[1], b"")
    asked = hashlib.sha256(f"{request.url.path}?{request.url.query}\n".encode())
    asked.update(body)
    return asked.digest()
