"""Faults are tried on one PostgreSQL: what differs between its versions is not how it goes away."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.database import Server, servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of these tests: the bundled one, where there is one."""
    server = Server(next(iter(servers().values())))
    with asyncio.Runner() as runner:
        runner.run(server.start())
        try:
            yield server
        finally:
            runner.run(server.stop())
