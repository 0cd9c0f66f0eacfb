"""A body is read within its limits: what is too long or too slow is refused before it is held."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from ccc_router.channels.body import raw_path, read_body
from ccc_router.kernel.errors import MalformedRequest, RequestTimeout, TooLarge


class Client:
    """Sends its chunks, then hangs up, or says no more for ever."""

    def __init__(self, chunks: Sequence[bytes], *, ends: bool = True, leaves: bool = False, **headers: str) -> None:
        self.chunks = list(chunks)
        self.given = 0
        self._ends = ends
        self._leaves = leaves
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": "POST", "path": "/a b", "raw_path": b"/a%20b", "query_string": b"", "headers": raw,
        }  # fmt: skip
        self.request = Request(scope, self._receive)

    async def _receive(self) -> Message:
        if self.given < len(self.chunks):
            self.given += 1
            last = self.given == len(self.chunks)
            more = not last or not self._ends
            return {"type": "http.request", "body": self.chunks[self.given - 1], "more_body": more}
        if self._leaves:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_body_comes_whole() -> None:
    assert await read_body(Client([b"ab", b"c"]).request, 3, 1) == b"abc"
    assert await read_body(Client([b""]).request, 0, 1) == b""


@pytest.mark.parametrize("told", ["4", "9" * 15, "9" * 5000])
async def test_a_length_over_the_limit_is_refused_before_a_byte_is_read(told: str) -> None:
    client = Client([b"abcd"], content_length=told)
    with pytest.raises(TooLarge):
        await read_body(client.request, 3, 1)
    assert client.given == 0


async def test_a_body_without_a_length_is_cut_off_at_the_limit() -> None:
    """Nothing beyond the chunk that passes the limit is asked for."""
    client = Client([b"a" * 10] * 1000)
    with pytest.raises(TooLarge):
        await read_body(client.request, 25, 1)
    assert client.given == 3


async def test_a_body_that_does_not_come_is_408() -> None:
    with pytest.raises(RequestTimeout):
        await read_body(Client([b"a"], ends=False).request, 10, 0.01)


async def test_a_client_that_goes_away_is_no_fault_of_ours() -> None:
    with pytest.raises(MalformedRequest):
        await read_body(Client([b"a"], ends=False, leaves=True).request, 10, 1)


def test_the_path_stays_as_it_was_sent() -> None:
    assert raw_path(Client([]).request) == "/a%20b"
