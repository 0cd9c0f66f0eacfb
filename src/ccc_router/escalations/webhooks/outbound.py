"""One POST to a department: the host is looked up by us, every address is checked, the connection goes to a checked one.

No redirects, no proxies of the environment, no kept connections, and no more of an answer than fits: a department's server
may be broken or hostile.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpcore

from .addresses import Reach, Target, refused_address

LONGEST_ANSWER: Final = 64 * 1024
CONNECT_S: Final = 5.0
TOTAL_S: Final = 15.0
DRAIN_S: Final = 1.0
_RESOLVERS: Final = ThreadPoolExecutor(
    32, "resolve"
)  # a thread stays until the name server's own time-out, longer than we wait

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""All addresses of a host. Raises OSError when it has none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: the status, and headers with lower-case names."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why there is none. ``blocked``: we may not connect there."""

    reason: str
    blocked: bool = False


class _Blocked(Exception):
    """An address that may not be connected to."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _NotFound(Exception):
    """The host has no address."""


async def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, on threads of our own: a name server that hangs must not hold up what else runs beside the loop."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, ask)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class _Pinned(httpcore.AsyncNetworkBackend):
    """Looks up, checks and connects in one go, so that no second look-up can give another address (DNS rebinding)."""

    def __init__(self, resolve: Resolve, reach: Reach) -> None:
        self._resolve = resolve
        self._reach = reach
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise _NotFound from error
        if not addresses:
            raise _NotFound
        for address in addresses:
            if reason := refused_address(address, self._reach):
                raise _Blocked(reason)
        failure: Exception | None = None
        for address in addresses[:4]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or _NotFound

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class Outbound:
    """Posts to departments."""

    def __init__(
        self,
        *,
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
        total_s: float = TOTAL_S,
        longest_answer: int = LONGEST_ANSWER,
    ) -> None:
        """``tls`` is the system's trust store unless given."""
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._total_s = total_s
        self._longest = longest_answer

    async def post(self, target: Target, reach: Reach, headers: Mapping[str, str], body: bytes) -> Answer | NoAnswer:
        """One POST over a connection of its own. Never raises for what the other side does."""
        try:
            async with asyncio.timeout(self._total_s):
                return await self._post(target, reach, headers, body)
        except (TimeoutError, httpcore.TimeoutException):
            return NoAnswer("timeout")
        except _Blocked as blocked:
            return NoAnswer(blocked.reason, blocked=True)
        except _NotFound:
            return NoAnswer("dns_failed")
        except httpcore.ConnectError as error:
            return NoAnswer("tls_failed" if _is_tls(error) else "connect_failed")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            return NoAnswer("connection_cut")

    async def _post(self, target: Target, reach: Reach, headers: Mapping[str, str], body: bytes) -> Answer:
        url = httpcore.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        sent = {"host": target.authority, "connection": "close", "content-length": str(len(body)), **headers}
        step_s = {"connect": CONNECT_S, "read": self._total_s, "write": self._total_s, "pool": CONNECT_S}
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=1,
                max_keepalive_connections=0,
                http2=False,
                retries=0,
                network_backend=_Pinned(self._resolve, reach),
            ) as connections,
            connections.stream(
                "POST", url, headers=list(sent.items()), content=body, extensions={"timeout": step_s}
            ) as response,
        ):
            seen = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            await self._drain(response)
            return Answer(response.status, seen)

    async def _drain(self, response: httpcore.Response) -> None:
        """Read the rest of the answer, as far as it comes soon and fits: the status said everything, this is politeness."""
        read = 0
        with contextlib.suppress(
            TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError
        ):
            async with asyncio.timeout(DRAIN_S):
                async for chunk in response.aiter_stream():
                    read += len(chunk)
                    if read > self._longest:
                        return


def _is_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
