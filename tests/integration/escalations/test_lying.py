"""I2, I4, I10: a department that says it took nothing and acts all the same, late, twice and in any order."""

import asyncio

import httpx

from ccc_router.storage.database import Database
from tests.support.departments import Centre, a_centre
from tests.support.fake_department import OK, Behaviour, FakeDepartment, Received, answers
from tests.support.waiting import eventually, until

_DENIES = answers(503, "Retry-After: 1", "Content-Type: text/html", body=b"\x00\xff<html>{{{")


def denies_once(number: int, _request: Received) -> Behaviour:
    return _DENIES if number == 1 else OK


async def say(centre: Centre, path: str, key: str, body: object = None) -> httpx.Response:
    headers = {"Idempotency-Key": f"a-departments-key-{key}"}
    return await centre.department().post(path, json=body, headers=headers)


async def test_i10_i2_what_it_denied_to_have_got_comes_again_under_one_id_and_its_answer_counts_once(
    database: Database,
) -> None:
    async with FakeDepartment(denies_once).running() as department, a_centre(database, department.url) as centre:
        escalation = await centre.escalate(await centre.take())
        await until(lambda: bool(department.received), what="the notice it denies")
        path = f"/v1/escalations/{escalation}"
        answer = {"text": "Đã gia hạn thẻ."}
        said = await asyncio.gather(
            *(say(centre, f"{path}/acknowledge", f"a{number % 2}") for number in range(4)),
            *(say(centre, f"{path}/answer", f"b{number % 2}", answer) for number in range(4)),
        )
        assert {one.status_code for one in said} <= {200, 409}, "each is done, or has been"
        again = await say(centre, f"{path}/answer", "b0", answer)
        assert again.status_code in {200, 409}
        await until(lambda: len(department.received) >= 2, what="the notice again")
        assert len({one.webhook_id for one in department.received}) == 1, "I10"
        assert len({one.body for one in department.received}) == 1

        async def delivered() -> bool:
            states = await database.pool.fetch("SELECT state FROM delivery WHERE kind = 'webhook'")
            return [row["state"] for row in states] == ["sent"]

        await eventually(delivered, what="the notice to count as delivered, once")
        seen = (await centre.an.get(path)).json()
        assert seen["state"] == "answered"
        assert [one["text"] for one in seen["messages"]].count("Đã gia hạn thẻ.") == 1, "I2"
        internal = await database.pool.fetchval("SELECT count(*) FROM contact WHERE channel = 'internal'")
        assert internal == 1, "I4: one contact comes back to the agent"
