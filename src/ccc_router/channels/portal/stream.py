"""The conversation as server-sent events: what was missed by number, then what comes, until the visitor or we go."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

from ccc_router.channels.portal.reading import Conversations, Message
from ccc_router.channels.portal.tickets import TicketRow
from ccc_router.kernel.clock import Clock, format_utc
from ccc_router.kernel.errors import TooMany

WAKE: Final = "ccc_portal"
"""The NOTIFY channel; the payload is ``<endpoint>/<reference>`` of the conversation that has news."""
HEARTBEAT_S: Final = 15.0
_LOOK_S: Final = 3.0
_SOON_S: Final = 0.1
_MOST_STREAMS: Final = 5
_LONGEST_ID: Final = 9  # digits


class Streams:
    """The open streams of this process. ``hear`` is given every hint; ``close`` ends them all (SIGTERM)."""

    def __init__(self, conversations: Conversations, clock: Clock) -> None:
        self._conversations = conversations
        self._clock = clock
        self._events: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._closing = False

    def hear(self, payload: str) -> None:
        """Somebody has news; an empty payload means that hints may have been lost."""
        names = [payload] if payload else list(self._events)
        for name in names:
            for event in self._events.get(name, ()):
                event.set()

    def close(self) -> None:
        """End every stream; the visitors' clients come back to another process."""
        self._closing = True
        self.hear("")

    def admit(self, ticket: TicketRow) -> None:
        """Ask before the headers are sent. Raises TooMany (429) when the ticket has its five streams."""
        if len(self._events.get(name_of(ticket.endpoint, ticket.reference), ())) >= _MOST_STREAMS:
            raise TooMany(retry_after_s=5)

    async def follow(self, ticket: TicketRow, after: int) -> AsyncIterator[bytes]:
        """The events after number ``after``."""
        event = asyncio.Event()
        name = name_of(ticket.endpoint, ticket.reference)
        self._events[name].add(event)
        try:
            yield b"retry: 2000\n\n"
            async for chunk in self._news(event, ticket, after):
                yield chunk
        finally:
            self._events[name].discard(event)
            if not self._events[name]:
                del self._events[name]

    async def _news(self, event: asyncio.Event, ticket: TicketRow, after: int) -> AsyncIterator[bytes]:
        seen = min(after, await self._conversations.last(ticket))
        told_state, told_place = "", "null"
        spoke_at = self._clock.monotonic()
        while not self._closing:
            event.clear()
            news = await self._conversations.after(ticket, seen)
            for message in news.messages:
                yield message_event(message)
            seen = news.seen
            state = await self._conversations.state(ticket)
            waiting = await self._conversations.waiting(ticket)
            place = waiting.model_dump_json() if waiting is not None else "null"
            if (state, place) != (told_state, told_place):
                if state != told_state:
                    yield f"event: state\ndata: {json.dumps({'state': state})}\n\n".encode()
                if place != told_place:
                    yield f"event: waiting\ndata: {place}\n\n".encode()
                told_state, told_place = state, place
            elif not news.messages and self._clock.monotonic() - spoke_at >= HEARTBEAT_S:
                yield b": still here\n\n"
            else:
                await self._clock.wait(event, _SOON_S if news.pending else _LOOK_S)
                continue
            spoke_at = self._clock.monotonic()


def name_of(endpoint: str, reference: str) -> str:
    """How hints name a conversation."""
    return f"{endpoint}/{reference}"


def message_event(message: Message) -> bytes:
    """A message as an event; its id is its number, so that a client can say how far it came."""
    document = {
        "number": message.number,
        "message_id": message.message_id,
        "at": format_utc(message.at),
        "author": "customer" if message.from_customer else "centre",
        "text": message.text,
        "attachments": [
            {"id": file.attachment_id, "name": file.name, "media_type": file.media_type, "size": file.size}
            for file in message.files
        ],
    }
    return f"id: {message.number}\nevent: message\ndata: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def read_last_id(header: str) -> int:
    """How far a client came; 0 when it does not say, or says what is no number of ours."""
    return int(header) if header.isascii() and header.isdigit() and len(header) <= _LONGEST_ID else 0
