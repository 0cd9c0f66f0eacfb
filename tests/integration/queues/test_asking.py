"""Commands are synchronous for their caller: an outcome, or 503 and nothing happens, or it happens and the retry hears of it."""

import asyncio

import pytest

from ccc_router.events.commands import SetPresence
from ccc_router.events.inbox import Submission
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.asking import Desk, NoOutcome
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.inputs import a_message, accept
from tests.support.spine import by_hand, running


def ready(agent: str = "an", presence: Presence = Presence.READY) -> SetPresence:
    """A command that succeeds."""
    return SetPresence(actor=agent, actor_role=Role.AGENT, agent_id=agent, presence=presence)


async def test_the_same_key_gets_the_same_outcome_and_one_effect(database: Database) -> None:
    """I2: asked 64 times at once and once more later."""
    async with running(database) as spine:
        outcomes = await asyncio.gather(*(spine.ask(ready(), "k") for _ in range(64)))
        outcomes.append(await spine.ask(ready(), "k"))
        assert {(one.status, str(one.result)) for one in outcomes} == {(200, str(outcomes[0].result))}
        assert (await spine.kinds()).count("SetPresence") == 1


async def test_a_refusal_is_409_and_unknown_is_404(database: Database) -> None:
    async with running(database) as spine:
        refused = await spine.ask(accept("of_none", "an"))
        assert (refused.status, refused.code) == (409, "offer_over")
        nobody = SetPresence(actor="nobody", actor_role=Role.AGENT, agent_id="nobody", presence=Presence.READY)
        unknown = await spine.ask(nobody)
        assert (unknown.status, unknown.code) == (409, "unknown_agent")
        await spine.ready("an")
        await spine.tell(a_message("m1"), "m1")
        await spine.empty()
        [offer_id] = spine.state.offers
        stranger = await spine.ask(accept(offer_id, "binh"))
        assert (stranger.status, stranger.code) == (404, "unknown")


async def test_an_outcome_reaches_a_caller_in_another_process(database: Database) -> None:
    """That desk has no engine: it fetches the outcome by itself."""
    async with running(database) as spine:
        clock = SystemClock()
        desk = Desk(spine.inbox, database, "main", clock)
        supervisor = Supervisor(clock)
        supervisor.add(desk.loop)
        try:
            assert (await desk.ask(ready(), "elsewhere")).status == 200
            assert (await desk.ask(ready(), "elsewhere")).status == 200
        finally:
            await supervisor.stop(1)


async def test_a_command_nobody_answers_is_withdrawn(database: Database) -> None:
    """503; the inbox row and the dedup key are gone, so the same key later is a new command."""
    async with by_hand(database) as spine:
        await start(spine)
        position = spine.state.position
        with pytest.raises(NoOutcome):
            await spine.desk.ask(ready("dung"), "k", patience_s=0.05)
        await spine.turns()
        assert spine.state.position == position
        assert await database.pool.fetchval("SELECT count(*) FROM seen WHERE key = 'k'") == 0
        assert (await spine.drive(spine.ask(ready("dung"), "k"))).status == 200


async def test_a_command_that_is_being_handled_stays_and_the_retry_hears_of_it(database: Database) -> None:
    """The withdrawal comes while the engine has it: 503 for now, then the first answer under the same key."""
    async with by_hand(database) as spine:
        await start(spine)
        async with database.pool.acquire() as reader:
            reading = reader.transaction()

            async def read() -> None:
                await spine.inbox.append([Submission("agent:dung", "k", ready("dung"))])
                await reading.start()
                await reader.execute("SELECT 1 FROM inbox WHERE key = 'k' FOR UPDATE")

            await read()
            with pytest.raises(NoOutcome):
                await spine.desk.ask(ready("dung"), "k", patience_s=0.05)
            await reading.rollback()
        assert await database.pool.fetchval("SELECT count(*) FROM inbox WHERE key = 'k'") == 1
        assert (await spine.drive(spine.ask(ready("dung"), "k"))).status == 200
        assert (await spine.kinds()).count("SetPresence") == 4


async def test_withdrawals_and_the_engine_race_without_loss(database: Database) -> None:
    """I1: whatever the moment, a command either has an outcome or never happened."""
    async with running(database) as spine:
        outcomes: dict[str, str] = {}

        async def one(number: int) -> None:
            key = f"k{number}"
            presence = Presence.READY if number % 2 else Presence.NOT_READY
            try:
                outcome = await spine.desk.ask(ready("an", presence), key, patience_s=0.001 * (number % 9))
                outcomes[key] = "done" if outcome.status == 200 else "refused"
            except NoOutcome:
                outcomes[key] = "503"

        await asyncio.gather(*(one(number) for number in range(200)))
        await spine.empty()
        rows = await database.pool.fetch("SELECT key FROM outcome WHERE source = 'agent:an'")
        handled = {row[0] for row in rows} & outcomes.keys()
        seen = {row[0] for row in await database.pool.fetch("SELECT key FROM seen WHERE source = 'agent:an'")}
        assert handled == seen & outcomes.keys()
        assert {key for key, what in outcomes.items() if what == "done"} <= handled
        assert (await spine.kinds()).count("SetPresence") == len(handled)
        # Whoever got 503 asks again under his key and hears what became of it, once.
        again = await asyncio.gather(
            *(
                spine.ask(ready("an", Presence.READY if int(key[1:]) % 2 else Presence.NOT_READY), key)
                for key in outcomes
            )
        )
        assert {outcome.status for outcome in again} == {200}
        assert (await spine.kinds()).count("SetPresence") == 200
