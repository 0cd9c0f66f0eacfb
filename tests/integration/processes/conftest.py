"""Processes of the service as parts in this process: each with its own connections, spine and loops, on one database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr

from ccc_router.bootstrap.processes import at_work
from ccc_router.bootstrap.spine import Spine, build
from ccc_router.bootstrap.storage import open_storage
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.settings import Settings
from tests.acceptance.surroundings import the_catalogue
from tests.support.process import SECRET, SIGNING_KEY, free_port

Started = Callable[..., AbstractAsyncContextManager[Spine]]


@pytest.fixture
def catalogue_file(tmp_path: Path) -> Path:
    """The catalogue of the tests as a file."""
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(msgspec.to_builtins(the_catalogue())), encoding="utf-8")
    return path


@pytest.fixture
def started(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """``async with started("serve", catalogue=path) as spine``: it is at work. ``began`` is told the spine before that."""
    monkeypatch.setenv("CCC_SECRET_MAIL", SECRET)
    monkeypatch.setenv("CCC_SECRET_LINKS", SECRET)

    @asynccontextmanager
    async def start(
        process: str, catalogue: Path | None = None, began: Callable[[Spine], None] = lambda _: None
    ) -> AsyncIterator[Spine]:
        settings = Settings(
            database_url=SecretStr(dsn),
            database_pool=4,
            data_dir=tmp_path / process,
            signing_key=SecretStr(SIGNING_KEY),
            port=free_port(),
            catalogue=catalogue,
            drain_s=5,
        )
        clock = SystemClock()
        supervisor = Supervisor(clock)
        async with open_storage(settings, supervisor, clock) as storage:
            spine = build(settings, storage, supervisor, clock, process, asyncio.Event())
            began(spine)
            async with at_work(spine):
                yield spine

    return start
