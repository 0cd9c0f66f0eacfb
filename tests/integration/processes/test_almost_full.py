"""I14: a disk that is almost full is said where people look, and the process stays where commands reach it."""

from pathlib import Path

import httpx

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.web.tokens import Tokens
from tests.acceptance.test_processes import SITE
from tests.integration.processes.conftest import Started
from tests.support.process import SIGNING_KEY


async def test_i14_new_contacts_are_refused_while_commands_go_on_and_readyz_says_so(
    started: Started, catalogue_file: Path
) -> None:
    async with (
        started("up", catalogue=catalogue_file) as spine,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{spine.settings.port}", timeout=20) as client,
    ):
        spine.storage.disk.weigh(95, 100)
        refused = await client.post(SITE, json={"text": "Xin chào"})
        assert (refused.status_code, refused.json()["code"]) == (503, "disk_almost_full")
        assert refused.headers["retry-after"] == "30"
        token = Tokens([SIGNING_KEY], issuer="ccc-router", audience="ccc-router", clock=SystemClock()).issue(
            Role.AGENT, "an"
        )
        headers = {"Authorization": f"Bearer {token}"}
        said = await client.put("/v1/agents/me/presence", json={"state": "ready"}, headers=headers)
        assert said.status_code == 200, said.text
        looked = (await client.get("/readyz")).json()["checks"]["disk"]
        assert looked == {"ok": True, "detail": "95 % used, new contacts are refused"}
        spine.storage.disk.weigh(80, 100)
        assert (await client.post(SITE, json={"text": "Xin chào"})).status_code == 201
        assert (await client.get("/readyz")).json()["checks"]["disk"] == {"ok": True, "detail": ""}
