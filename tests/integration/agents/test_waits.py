"""Expected waits over REST, what was foretold and what became of it, and the bounds beside the readings (R-26)."""

from typing import Any

import httpx
import msgspec

from ccc_router.agents.bounds import BoundsView
from ccc_router.agents.supervision.reading import board
from ccc_router.bootstrap.bounding import LastBounds
from ccc_router.events.vocabulary import ContactState, Role
from ccc_router.kernel.clock import to_ms
from ccc_router.queues.waits.foretold import HOUR_MS
from ccc_router.queues.waits.waits import Waits
from ccc_router.routing.policy import Calendar, Interval
from ccc_router.storage.database import Database
from tests.integration.agents.test_why import in_state, two, why
from tests.support.service import Service, a_service
from tests.support.waiting import eventually
from tests.support.working import accept_next, ready

Answer = dict[str, Any]
_STAFF = ((Role.SUPERVISOR, "mai"), (Role.AGENT, "an"), (Role.AGENT, "binh"))


async def _readings(lead: httpx.AsyncClient, queue: str = "general") -> Answer:
    answer = await lead.get(f"/v1/queues/{queue}/readings")
    assert answer.status_code == 200, answer.text
    [channel] = answer.json()["channels"]
    found: Answer = channel
    return found


async def _expected(lead: httpx.AsyncClient, contact_id: str) -> Answer:
    found: Answer = (await why(lead, contact_id))["waiting"]["expected"]
    return found


async def _reads_on(service: Service) -> None:
    """Return once the reader has seen everything that was committed, and what it tells is as of then."""
    waits, spine = service.room.waits, service.spine
    await spine.empty()
    runs = waits.loop.runs

    async def ran_twice() -> bool:
        waits.loop.wake()
        return waits.loop.runs >= runs + 2

    await eventually(ran_twice, what="the reader of waits to run")
    waits._good_until = 0.0


async def _took(service: Service, client: httpx.AsyncClient) -> str:
    contact_id: str = (await accept_next(client))["contact_id"]
    await in_state(service, contact_id, ContactState.ACTIVE)
    return contact_id


async def test_nobody_here_says_no_figure_and_why(service: Service, lead: httpx.AsyncClient) -> None:
    waiting = []
    for _ in range(2):  # one after the other: who comes in the same millisecond shares a place
        waiting.append(await service.write())
        await in_state(service, waiting[-1], ContactState.QUEUED)
    for place, contact_id in enumerate(waiting, 1):
        await _reads_on(service)
        found = await _expected(lead, contact_id)
        assert (found["position"], found["p50_s"], found["unknown"]) == (place, None, "nobody_here")
    assert (await _readings(lead))["expected_wait"]["unknown"] == "nobody_here"
    assert (await _readings(lead))["calibration_hour"]["foretold"] == 0, "nothing was said, so nothing can be right"


async def test_who_stands_further_back_waits_longer_and_two_agents_are_twice_as_fast(database: Database) -> None:
    async with a_service(database, two()) as service:
        lead, an, binh = (service.client(role, who) for role, who in _STAFF)
        await ready(an)
        await ready(binh)
        for _ in range(2):
            await service.write()
        for client in (an, binh):
            await _took(service, client)
        waiting = []
        for _ in range(4):  # one after the other: who comes in the same millisecond shares a place
            waiting.append(await service.write())
            await in_state(service, waiting[-1], ContactState.QUEUED)
        await _reads_on(service)
        found = [await _expected(lead, contact_id) for contact_id in waiting]
        assert [one["position"] for one in found] == [1, 2, 3, 4]
        for one in found:
            assert 0 < one["p20_s"] < one["p50_s"] < one["p80_s"]
            assert one["unknown"] == ""
        assert [one["p50_s"] for one in found] == sorted(one["p50_s"] for one in found)
        newcomer = (await _readings(lead))["expected_wait"]
        assert (newcomer["position"], newcomer["p50_s"]) >= (5, found[-1]["p50_s"])
        await binh.put("/v1/agents/me/presence", json={"state": "not_ready", "reason": "break"})
        await _reads_on(service)
        alone = await _expected(lead, waiting[-1])
        assert 1.7 * found[-1]["p50_s"] < alone["p50_s"] < 2.3 * found[-1]["p50_s"]


async def test_what_was_foretold_is_kept_and_looked_back_on(database: Database) -> None:
    async with a_service(database, two()) as service:
        lead, an, _ = (service.client(role, who) for role, who in _STAFF)
        await ready(an)
        await service.write()
        held = await _took(service, an)
        waits = await service.write()

        async def foretold() -> bool:
            return bool(await database.pool.fetchval("SELECT EXISTS (SELECT FROM expected_wait)"))

        await eventually(foretold, what="the wait to be foretold")
        row = await database.pool.fetchrow("SELECT * FROM expected_wait")
        assert row is not None
        assert (row["contact_id"], row["queue"], row["channel"]) == (waits, "general", "portal")
        assert 0 < row["p20_ms"] < row["p50_ms"] < row["p80_ms"]
        done = await an.post(f"/v1/contacts/{held}/complete", json={"disposition": "answered"})
        assert done.status_code == 200, done.text
        assert await _took(service, an) == waits
        now = await service.room.engine_now()
        found = (await service.room.waits._foretold.calibration(now))["general", "portal"]
        assert (found.hour.told, found.hour.answered) == (1, 1)
        assert found.hour.within == found.day.within == (1.0, 1.0, 1.0), "a second is less than any agent needs"
        later = (await service.room.waits._foretold.calibration(now + 2 * HOUR_MS))["general", "portal"]
        assert (later.hour.told, later.day.told) == (0, 1)
        service.room.waits._calibrate_at = 0.0
        await _reads_on(service)
        day = (await _readings(lead))["calibration_day"]
        assert (day["foretold"], day["answered"], day["within_p80"]) == (1, 1, 1.0)


async def test_the_board_works_out_no_wait_that_it_does_not_show(service: Service, lead: httpx.AsyncClient) -> None:
    await in_state(service, await service.write(), ContactState.QUEUED)
    await _reads_on(service)
    service.room.waits._estimator = None
    shown = await board(service.room)
    assert "expected_wait" not in shown["queue:general"]["channels"][0]
    assert service.room.waits._estimator is None
    assert (await _readings(lead))["expected_wait"]["unknown"] == "nobody_here"


async def test_one_who_is_far_behind_passes_over_what_is_old_and_foretells_who_came_last(database: Database) -> None:
    async with a_service(database, two()) as service:
        _, an, _ = (service.client(role, who) for role, who in _STAFF)
        await ready(an)
        await service.write()
        await _took(service, an)
        waiting = [await service.write() for _ in range(6)]
        for contact_id in waiting:
            await in_state(service, contact_id, ContactState.QUEUED)
        await _reads_on(service)  # the service's own is done with them
        await database.pool.execute("DELETE FROM expected_wait")
        late = Waits(database, "main", service.spine.current, service.spine.clock, furthest=20)
        while await late._run():
            pass
        told = {row[0] for row in await database.pool.fetch("SELECT contact_id FROM expected_wait")}
        assert waiting[-1] in told
        assert waiting[0] not in told
        await database.pool.execute("DELETE FROM expected_wait")
        await late._run()
        assert await database.pool.fetchval("SELECT count(*) FROM expected_wait") == 0, (
            "what was read is not read again"
        )


async def test_a_closed_queue_says_when_it_opens(database: Database) -> None:
    never_now = Calendar("nights", tuple(Interval(day, 0, 1) for day in range(7)))
    catalogue = two()
    general, *others = catalogue.queues
    shut = msgspec.structs.replace(general, hours={"default": "nights"})
    catalogue = msgspec.structs.replace(catalogue, queues=(shut, *others), calendars=(*catalogue.calendars, never_now))
    async with a_service(database, catalogue) as service:
        lead, an, _ = (service.client(role, who) for role, who in _STAFF)
        await ready(an)
        contact_id = await service.write()
        await in_state(service, contact_id, ContactState.QUEUED)
        await _reads_on(service)
        found = await _expected(lead, contact_id)
        assert (found["unknown"], found["p50_s"]) == ("closed", None)
        assert found["opens_at"].endswith("T17:00:00.000Z"), "midnight in Hanoi"


async def test_the_bounds_come_beside_the_readings_once_somebody_looked(
    service: Service, an: httpx.AsyncClient, lead: httpx.AsyncClient
) -> None:
    await ready(an)
    await service.write()
    await accept_next(an)
    first = (await lead.get("/v1/readings")).json()
    assert first["bounds"] is None

    async def there() -> bool:
        return (await lead.get("/v1/readings")).json()["bounds"] is not None

    await eventually(there, what="the bounds to be computed", within_s=40)
    found = BoundsView.model_validate((await lead.get("/v1/readings")).json()["bounds"])
    assert found.complete
    assert to_ms(found.computed_at) <= service.spine.clock.now_ms()
    for window in (found.hour, found.day):
        [portal] = window
        assert (portal.channel, portal.contacts, portal.in_time, portal.service_level) == ("portal", 1, 1, 1.0)
        assert (portal.hindsight.service_level, portal.hindsight.gap) == (1.0, 0.0)
        assert (portal.pooled.service_level, portal.pooled.unknown) == (None, "calls_only")
    assert isinstance(service.room.bounds, LastBounds)
    assert service.room.bounds() is service.room.bounds(), "fresh figures are not made again"
