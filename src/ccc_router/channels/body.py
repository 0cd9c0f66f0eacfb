"""Reading a request within its limits."""

import asyncio
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from ccc_router.channels.channel import Directory
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.errors import MalformedRequest, NotFound, RequestTimeout, TooLarge
from ccc_router.routing.policy import Endpoint

_LONGEST_LENGTH: Final = 15  # digits of a Content-Length that we read as a number at all


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


def raw_path(request: Request) -> str:
    """The path as it was sent, not decoded."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode("utf-8", "surrogatepass")
    return path.partition(b"?")[0].decode("latin-1")


def endpoint_of(directory: Directory, endpoint_id: str, channel: Channel) -> Endpoint:
    """The endpoint, if it is one of this channel and what comes by it comes to this pool. Raises NotFound (404)."""
    endpoint = directory.endpoint(endpoint_id)
    if endpoint is None or endpoint.channel != channel or endpoint.shared_from:
        raise NotFound
    return endpoint
