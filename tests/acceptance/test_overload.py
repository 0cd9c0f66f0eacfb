"""I14: more than can be worked off is refused before it is taken, one storm refuses no other, and what was taken is all there."""

import asyncio
import signal
from collections import Counter

import httpx
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.ids import fresh
from ccc_router.storage.database import Database
from tests.acceptance.surroundings import the_catalogue
from tests.acceptance.test_copies import calls
from tests.acceptance.test_processes import SITE
from tests.support.database import servers
from tests.support.fleet import a_fleet
from tests.support.process import SECRET
from tests.support.waiting import eventually

WAVE = 20
BOUNDS = {
    "CCC_INBOX_BACKLOG": "100",
    "CCC_FORMS_PER_MINUTE": "1000000",
    "CCC_LOG_LEVEL": "error",
    "CCC_SECRET_HOTLINE": SECRET,
}
on_one_server = pytest.mark.parametrize(
    "postgres", [pytest.param(value, id=name) for name, value in list(servers().items())[:1]], indirect=True
)


class Visitors:
    """Send forms at once, and remember what they were told."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.taken: list[str] = []
        self.codes: Counter[str] = Counter()

    async def wave(self) -> int:
        """As many forms at once; how many were taken. Whoever is refused is told why, and when to come again."""
        answers = await asyncio.gather(
            *(
                self._client.post(SITE, json={"text": "Bão"}, headers={"Idempotency-Key": fresh("k")})
                for _ in range(WAVE)
            )
        )
        for answer in answers:
            if answer.status_code == 201:
                self.taken.append(answer.json()["contact_id"])
            else:
                assert answer.status_code in {429, 503}, answer.text
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.headers["content-type"] == "application/problem+json"
                self.codes[answer.json()["code"]] += 1
        return sum(answer.status_code == 201 for answer in answers)


@on_one_server
@pytest.mark.timeout(180)
async def test_i14_a_storm_is_refused_at_its_bound_and_over_within_a_minute(database: Database, dsn: str) -> None:
    """The engine stands still and the portal storms: it is refused at its part of the inbox, the switch is not; then all goes on."""
    async with a_fleet(dsn, the_catalogue(), more=BOUNDS, serve=1, engine=1) as fleet:
        [serve], [engine] = fleet.of("serve"), fleet.of("engine")
        visitors = Visitors(serve.anybody())
        engine.signal(signal.SIGSTOP)
        try:

            async def nobody_is_taken() -> bool:
                return await visitors.wave() == 0

            await eventually(nobody_is_taken, within_s=30, what="the portal to be refused")
            waiting = await database.pool.fetchval("SELECT count(*) FROM inbox")
            assert set(visitors.codes) == {"source_overloaded"}
            assert 50 <= waiting == len(visitors.taken) < 100, "what was refused left nothing"
            call = await calls("call-in-the-storm").to(serve.anybody())
            assert (call.status_code, call.json()["accepted"]) == (200, 1)
        finally:
            engine.signal(signal.SIGCONT)

        async def taken_again() -> bool:
            return await visitors.wave() == WAVE

        await eventually(taken_again, within_s=60, what="the portal to be taken again")
        an = serve.client(Role.AGENT, "an")
        assert (await an.put("/v1/agents/me/presence", json={"state": "ready"})).status_code == 200

        async def worked_off() -> bool:
            return bool(await database.pool.fetchval("SELECT NOT EXISTS (SELECT 1 FROM inbox)"))

        await eventually(worked_off, within_s=60, what="the inbox to be empty")
        found = {row["id"] for row in await database.pool.fetch("SELECT id FROM contact WHERE endpoint = 'site'")}
        assert found == set(visitors.taken), "I1: all that was taken is there, and nothing that was refused"
        assert len(found) == len(visitors.taken), "I2"
