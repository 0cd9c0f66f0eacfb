"""The WebSocket that Asterisk 22.5+ dials: its events, in order, until it hangs up. Intake only; we never command over it.

The read loop only puts messages into a queue: a reader who makes Asterisk wait for 100 ms is cut off. A second loop
takes whatever has gathered to the intake, as one delivery. While the inbox is away it tries again; when too much has gathered
we close, and Asterisk, which keeps events for a persistent connection, sends the rest when it has dialled again. Events sent
twice have the same keys (I2).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from fastapi import APIRouter, WebSocket
from prometheus_client import Counter, Gauge
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from ccc_router.channels.channel import Adapter, Directory, Request, Secrets, Unreadable
from ccc_router.channels.intake import parse
from ccc_router.channels.phone.asterisk_ari import AsteriskAri
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import TooMany, Unavailable
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Tasks
from ccc_router.routing.policy import Endpoint

_log = get_logger("channels.phone.ari")
SUBPROTOCOL: Final = "ari"
DIALECT: Final = "asterisk-ari"
TRY_AGAIN_LATER: Final = 1013  # RFC 6455's registry: the service is overloaded, come back
MOST_WAITING: Final = 5_000
"""Messages read but not yet kept; a burst of twenty calls is 1,700."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""The same in bytes; an ordinary event has 1 to 2 KiB."""
_BATCH: Final = 200
_BATCH_BYTES: Final = 512 * 1024
_PAUSES_S: Final = (0.05, 0.2, 0.5, 1.0)
_PATIENCE_S: Final = 8.0

SOCKETS: Final = Gauge("ccc_phone_ari_sockets", "Switches connected over the ARI socket", ["endpoint"])
REFUSED: Final = Counter("ccc_phone_ari_refused", "Handshakes on the ARI socket that were not believed", ["endpoint"])


class Taker(Protocol):
    """The intake, as far as the socket needs it."""

    async def accept(self, endpoint: Endpoint, request: Request, adapter: Adapter, /) -> object:
        """Make a delivery durable. Raises Unavailable or TooMany when that is not possible now."""
        ...


class AriSocket:
    """One connection of a switch."""

    def __init__(
        self,
        endpoint: Endpoint,
        adapter: Adapter,
        intake: Taker,
        directory: Directory,
        clock: Clock,
        most_waiting: int,
        most_bytes: int,
    ) -> None:
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._endpoint = endpoint
        self._adapter = adapter
        self._intake = intake
        self._directory = directory
        self._clock = clock
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._bytes = 0
        self._tasks = Tasks()

    async def run(self, websocket: WebSocket) -> None:
        """Until the switch goes or too much has gathered; what was read is kept before this returns."""
        keeper = self._tasks.start(self._keep_all(), name=f"ari-{self._endpoint.id}")
        try:
            while self._queue.qsize() < self._most_waiting and self._bytes < self._most_bytes:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                read = message.get("bytes") or (message.get("text") or "").encode("utf-8", "replace")
                self._bytes += len(read)
                self._queue.put_nowait(read)
            await websocket.close(TRY_AGAIN_LATER)
        except WebSocketDisconnect:
            return
        finally:
            self._queue.put_nowait(None)
            await asyncio.wait({keeper}, timeout=_PATIENCE_S)
            await self._tasks.close()
            if lost := self._queue.qsize():
                _log.error("ari_events_not_kept", endpoint=self._endpoint.id, events=lost)

    async def _keep_all(self) -> None:
        ended = False
        while not ended:
            batch = [await self._queue.get()]
            size = len(batch[0] or b"")
            while not self._queue.empty() and len(batch) < _BATCH and size < _BATCH_BYTES and batch[-1] is not None:
                batch.append(self._queue.get_nowait())
                size += len(batch[-1] or b"")
            ended = batch[-1] is None
            await self._keep([one for one in batch if one])
            self._bytes -= size

    async def _keep(self, messages: Sequence[bytes]) -> None:
        """As one delivery; one by one when the whole cannot be read, so that one bad message spoils no other."""
        whole = self._delivery(b"[" + b",".join(messages) + b"]")
        agents = self._directory.agents_of(self._endpoint.id)
        if len(messages) > 1 and isinstance(parse(self._adapter, whole, self._endpoint, agents), Unreadable):
            for message in messages:
                await self._take(self._delivery(message))
        elif messages:
            await self._take(whole if len(messages) > 1 else self._delivery(messages[0]))

    async def _take(self, delivery: Request) -> None:
        tries = 0
        while True:
            try:
                await self._intake.accept(self._endpoint, delivery, self._adapter)
            except (Unavailable, TooMany) as error:
                _log.warning("ari_events_wait", endpoint=self._endpoint.id, reason=error.code)
                await self._clock.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
                tries += 1
            else:
                return

    def _delivery(self, body: bytes) -> Request:
        path = f"/v1/channels/phone/{self._endpoint.id}/ari"
        return Request(method="GET", path=path, url=path, body=body, received_at=self._clock.now_ms())


async def refuse(websocket: WebSocket, status: int) -> None:
    """Refuse the handshake with an HTTP status; Asterisk tries again by itself."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        headers = {"www-authenticate": 'Basic realm="ccc-router"'} if status == 401 else {}
        await websocket.send_denial_response(Response(status_code=status, headers=headers))
    else:
        await websocket.close(1008)


def ari_router(
    intake: Taker,
    directory: Directory,
    secrets: Secrets,
    clock: Clock,
    *,
    most_waiting: int = MOST_WAITING,
    most_bytes: int = MOST_BYTES,
) -> APIRouter:
    """The route ``GET /channels/phone/{endpoint}/ari``. Mount it where the webhook routes are."""
    router = APIRouter(prefix="/channels")
    adapter = AsteriskAri()

    @router.websocket("/phone/{endpoint}/ari")
    async def take_ari_events(websocket: WebSocket, endpoint: str) -> None:
        known = directory.endpoint(endpoint)
        if known is None or known.channel != "phone" or known.dialect != DIALECT or known.shared_from:
            await refuse(websocket, 404)
            return
        handshake = Request(method="GET", headers={name.lower(): value for name, value in websocket.headers.items()})
        if adapter.verify(handshake, known, secrets.of(known.id), clock.now()) is not None:
            REFUSED.labels(known.id).inc()
            await refuse(websocket, 401)
            return
        if SUBPROTOCOL not in websocket.scope.get("subprotocols", ()):
            await refuse(websocket, 400)
            return
        await websocket.accept(subprotocol=SUBPROTOCOL)
        with SOCKETS.labels(known.id).track_inprogress():
            await AriSocket(known, adapter, intake, directory, clock, most_waiting, most_bytes).run(websocket)

    return router
