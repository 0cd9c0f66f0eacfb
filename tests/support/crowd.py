"""Requests of every kind at once, each under a key of its own, and what was acknowledged of them: the ledger that is checked at the end."""

import asyncio
from typing import Final

import httpx

from ccc_router.events import journal
from ccc_router.events.vocabulary import Role
from ccc_router.storage.database import Database
from tests.support.process import Process
from tests.support.row_invariants import check_entries, check_rows
from tests.support.waiting import eventually

PATIENCE_S: Final = 25.0
"""Longer than any answer may take: two connections' and two statements' limits, on a busy machine."""
FORM: Final = "/v1/channels/portal/site/contacts"


async def ask(client: httpx.AsyncClient, method: str, path: str, key: str, body: object = None) -> httpx.Response:
    headers = {"Idempotency-Key": f"the-whole-key-of-{key}"}
    return await client.request(method, path, json=body, headers=headers, timeout=PATIENCE_S)


def sound(answer: httpx.Response) -> bool:
    """Whether it is done; what is not says so, and when to come again."""
    if answer.is_success:
        return True
    assert answer.status_code == 503, f"{answer.request.url}: {answer.status_code} {answer.text}"
    assert int(answer.headers["retry-after"]) >= 1
    return False


class Crowd:
    """Requests of every kind, each under a key of its own, and which of them were acknowledged."""

    def __init__(self, service: Process, filling: str = "") -> None:
        """``filling`` makes the texts longer."""
        self.filling = filling
        self.an = service.client(Role.AGENT, "an")
        self.sup = service.client(Role.SUPERVISOR, "sup")
        self.visitor = service.anybody()
        self.turn = 0
        self.forms: dict[str, str] = {}
        self.refused: set[str] = set()

    async def form(self, key: str) -> bool:
        answer = await ask(self.visitor, "POST", FORM, key, {"text": f"Chuyện {key} {self.filling}"})
        if sound(answer):
            self.forms[key] = answer.json()["contact_id"]
            self.refused.discard(key)
        else:
            self.refused.add(key)
        return answer.is_success

    async def all_at_once(self) -> list[bool]:
        """Eight of each at once: more than there are idle connections."""
        self.turn += 1
        wanted = [self.form(f"{self.turn}-{number}") for number in range(8)]
        wanted += [self._command(number) for number in range(8)]
        wanted += [self._read(path) for path in ("/v1/contacts", "/v1/queues", "/v1/readings", "/v1/agents") * 2]
        return await asyncio.gather(*wanted)

    async def _command(self, number: int) -> bool:
        key = f"presence-{self.turn}-{number}"
        return sound(await ask(self.an, "PUT", "/v1/agents/me/presence", key, {"state": "ready"}))

    async def _read(self, path: str) -> bool:
        return sound(await self.sup.get(path, timeout=PATIENCE_S))


async def well_again(service: Process, crowd: Crowd, dsn: str, *, others: int = 0) -> None:
    """It recovers by itself; what was refused is taken under the same key, once; nothing acknowledged is gone.

    ``others`` is how many contacts came by other ways.
    """

    async def ready() -> bool:
        try:
            return (await crowd.visitor.get("/readyz", timeout=10)).status_code == 200
        except httpx.HTTPError:
            return False

    await eventually(ready, within_s=30, what="the service to be ready again")

    async def everybody_served() -> bool:
        return all(await crowd.all_at_once())

    await eventually(everybody_served, within_s=60, what="everybody to be served again")
    for key in sorted(crowd.refused):
        assert await crowd.form(key)
    database = await Database.open(dsn, name="judge")
    try:

        async def all_there() -> bool:
            found = await database.pool.fetch("SELECT id FROM contact")
            return {row["id"] for row in found} >= set(crowd.forms.values())

        await eventually(all_there, what="I1: every acknowledged form to be a contact")
        assert len(set(crowd.forms.values())) == len(crowd.forms), "I2"
        found = await database.pool.fetchval("SELECT count(*) FROM contact")
        assert found == len(crowd.forms) + others, "I1, I2"
        async with database.pool.acquire() as connection:
            await check_rows(connection, "main")
            await check_entries(connection, "main")
            assert not (await journal.verify(connection, "main")).fault
    finally:
        await database.close()
