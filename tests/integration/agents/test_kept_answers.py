"""Answers of repeated requests, in the tables: one for all processes, for 24 hours."""

import asyncio

from ccc_router.rest.kept import KeptAnswers
from ccc_router.rest.replay import Answer
from ccc_router.storage.database import Database


async def test_the_first_of_many_names_the_command_for_all(database: Database) -> None:
    """I2: 16 copies of one request at once, at two processes, ask the engine under one key."""
    stores = [KeptAnswers(database, "main"), KeptAnswers(database, "main")]
    begun = await asyncio.gather(*(stores[n % 2].begin("s", "k", b"digest", f"cm_{n}") for n in range(16)))
    assert len({one.command_key for one in begun}) == 1
    await stores[0].finish("s", "k", Answer(200, "application/json", b"{}"))
    assert (await stores[1].begin("s", "k", b"digest", "cm_x")).answer == Answer(200, "application/json", b"{}")


async def test_another_body_is_told_apart_and_another_scope_is_another_key(database: Database) -> None:
    kept = KeptAnswers(database, "main")
    await kept.begin("agent:an POST /v1/x", "k", b"one", "cm_1")
    assert (await kept.begin("agent:an POST /v1/x", "k", b"two", "cm_2")).digest == b"one"
    assert (await kept.begin("agent:binh POST /v1/x", "k", b"two", "cm_3")).digest == b"two"
    assert (await KeptAnswers(database, "other").begin("agent:an POST /v1/x", "k", b"two", "cm_4")).digest == b"two"


async def test_after_a_day_the_key_is_new(database: Database) -> None:
    kept = KeptAnswers(database, "main")
    await kept.begin("s", "k", b"one", "cm_1")
    await kept.finish("s", "k", Answer(200, "", b""))
    await database.pool.execute("UPDATE idempotency SET at = at - interval '24 hours 1 second'")
    begun = await kept.begin("s", "k", b"two", "cm_2")
    assert (begun.digest, begun.command_key, begun.answer) == (b"two", "cm_2", None)
