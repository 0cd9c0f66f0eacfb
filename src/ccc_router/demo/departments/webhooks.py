"""The departments' own systems: they check the signature and the id of what comes before they believe it."""

import json
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ccc_router.demo.departments.working import Department
from ccc_router.demo.world import World
from ccc_router.kernel import signing

_SLOW_S: Final = 6.0


class Webhooks:
    """All departments that have a URL, on one port."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._departments = {
            one["id"]: Department(world, one["id"]) for one in world.catalogue["departments"] if one["url"]
        }
        self._keys = {name: signing.keys_of([world.secret_of(name)]) for name in self._departments}
        self.app = Starlette(routes=[Route("/departments/{department}", self._notice, methods=["POST"])])

    async def resume(self) -> None:
        """Let them take up what they left open before."""
        for one in self._departments.values():
            if one.temper != "dead":
                await one.resume()

    async def _notice(self, request: Request) -> Response:
        department = self._departments.get(request.path_params["department"])
        if department is None:
            return Response(status_code=404)
        raw = await request.body()
        if department.temper == "dead":
            return Response(status_code=502)
        if department.temper == "slow":
            await self._world.dawdle(_SLOW_S)
        now = self._world.clock.now_ms() / 1000
        verified = signing.verify(self._keys[department.id], request.headers, raw, now)
        if not isinstance(verified, signing.Verified):
            return Response(status_code=401)
        if verified.message_id not in department.seen:
            department.seen.add(verified.message_id)
            department.told(json.loads(raw))
        return Response(status_code=204)
