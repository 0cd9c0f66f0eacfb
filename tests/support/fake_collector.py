"""An OpenTelemetry collector for tests: a real HTTP server that keeps the spans it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class FakeCollector:
    """``spans`` are in the order they came; ``bodies`` are what came, unpacked but not read."""

    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """What CCC_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[Span]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = dict(line.lower().split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
            body = await reader.readexactly(int(lines[b"content-length"]))
            self.bodies.append(body)
            asked = ExportTraceServiceRequest.FromString(body)
            self.spans += [span for one in asked.resource_spans for scope in one.scope_spans for span in scope.spans]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async def _until_cut(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def collecting() -> AsyncIterator[FakeCollector]:
    """A collector that listens."""
    collector = FakeCollector()
    server = await asyncio.start_server(collector._until_cut, "127.0.0.1", 0)
    collector.port = server.sockets[0].getsockname()[1]
    try:
        yield collector
    finally:
        server.close()
