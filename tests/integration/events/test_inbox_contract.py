"""What every inbox promises, held against each implementation."""

from collections.abc import AsyncIterator

import pytest

from ccc_router.events.inbox import Inbox
from ccc_router.events.inbox_memory import MemoryInbox
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.errors import Invalid
from ccc_router.storage.database import Database
from tests.support.inputs import a_raw, submitted


@pytest.fixture(params=["memory", "postgres"])
async def inbox(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[Inbox]:
    """Each implementation in turn."""
    if request.param == "memory":
        yield MemoryInbox()
        return
    made = PostgresInbox(database, "main", SystemClock(), wake=lambda: None)
    made.start()
    yield made
    await made.close()


async def test_nothing_to_append_is_fine(inbox: Inbox) -> None:
    assert await inbox.append([]) == []


async def test_i2_a_key_is_new_once_per_source(inbox: Inbox) -> None:
    first = await inbox.append([submitted("a"), submitted("b"), submitted("a")])
    again = await inbox.append([submitted("b"), submitted("c"), submitted("b", source="page")], a_raw("rw_1"))
    assert [one.duplicate for one in first] == [False, False, True]
    assert [(one.key, one.duplicate) for one in again] == [("b", True), ("c", False), ("b", False)]


async def test_a_key_has_a_length(inbox: Inbox) -> None:
    for key in ("", "k" * 401):
        with pytest.raises(Invalid):
            await inbox.append([submitted("fine"), submitted(key)])
    [fine] = await inbox.append([submitted("fine")])
    assert not fine.duplicate


async def test_a_withdrawn_key_is_new_again(inbox: Inbox) -> None:
    await inbox.append([submitted("a", source="agent:an")])
    assert await inbox.withdraw("agent:an", "a")
    assert not await inbox.withdraw("agent:an", "a")
    [again] = await inbox.append([submitted("a", source="agent:an")])
    assert not again.duplicate
