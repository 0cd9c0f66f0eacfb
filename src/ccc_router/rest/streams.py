"""Server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

PING: Final = b": ping\n\n"
PING_S: Final = 15.0
"""How long a stream is silent at most; proxies cut silent connections."""
STALLED_S: Final = 30.0
"""How long a client may leave what was sent unread (the server's buffer for it, 64 KiB, is full): then it is dropped, and comes again."""


_EXAMPLE: Final = 'id: 1042\nevent: snapshot\ndata: {"position":1042}\n\n'
STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events until the stream ends; connect again then.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}
"""How the OpenAPI document shows a stream."""


class EventStream(StreamingResponse):
    """An answer that goes on: `text/event-stream`, held back by nobody on the way."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], status_code: int = 200, *, stalled_s: float = STALLED_S) -> None:
        self._stalled_s = stalled_s
        # FastAPI reads the default of status_code for the OpenAPI document. X-Accel-Buffering is for nginx.
        super().__init__(events, status_code, headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def patiently(message: Message) -> None:
            try:
                async with asyncio.timeout(self._stalled_s):
                    await send(message)
            except TimeoutError as stalled:
                raise ClientDisconnect from stalled

        await super().__call__(scope, receive, patiently)


def event(name: str, data: object, *, number: int | str) -> bytes:
    """One event with its number, which comes back as `Last-Event-ID`."""
    return (
        f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
    )


def last_number(header: str | None) -> int:
    """The position in `Last-Event-ID`; 0 when there is none, or none of ours."""
    return int(header) if header and header.isascii() and header.isdigit() and len(header) < 19 else 0
