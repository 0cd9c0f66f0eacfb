"""I13: whoever runs the service out of the box can have its journal decided again while it works."""

import asyncio
import sys

from ccc_router.events.vocabulary import Role
from tests.support.process import a_process
from tests.support.waiting import eventually
from tests.support.world import a_catalogue


async def test_i13_replay_beside_a_running_service_and_after_it() -> None:
    """Beside it over the server it has embedded, and when it has stopped over one of its own."""
    async with a_process(a_catalogue()) as service:
        an = service.client(Role.AGENT, "an")
        assert (await an.put("/v1/agents/me/presence", json={"state": "ready"})).status_code == 200

        async def replay() -> str:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ccc_router", "replay",
                env=service._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await process.communicate()
            assert process.returncode == 0, err.decode()
            return out.decode()

        beside = await replay()
        assert beside.endswith("bit-equal\n")

        async def alive() -> bool:
            return (await an.get("/v1/agents/me/presence")).status_code == 200

        await eventually(alive, what="the service to go on")
        assert await service.stop() == 0
        after = await replay()
        assert after.endswith("bit-equal\n")
        assert int(after.split()[0]) >= int(beside.split()[0]) > 1
