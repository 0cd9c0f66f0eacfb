"""Settling in: the catalogue in force is pointed at the demo's own places, with deadlines that pass while one watches."""

import copy
from typing import Final

from ccc_router.demo.serving import HOST, Places, port_of
from ccc_router.demo.world import Caller, Json, World

ADMIN: Final = Caller("admin", "demo")
_DEADLINE: Final = {"acknowledge_min": 1, "answer_min": 2}
_TRIES: Final = 5


async def settle(world: World, places: Places) -> None:
    """Read the catalogue, change it by the public way where that is needed, and keep what is in force.

    Raises LookupError when the service does not take it.
    """
    for _ in range(_TRIES):
        now = await world.get(ADMIN, "/v1/catalog")
        world.catalogue = adapted(now.body, places)
        if now.done and world.catalogue == now.body:
            return
        if now.done:
            put = await world.put(ADMIN, "/v1/catalog", world.catalogue, If_Match=now.etag)
            if put.done:
                return
        await world.clock.sleep(0.5)
    raise LookupError("the service did not take the demo's catalogue")


def adapted(document: Json, places: Places) -> Json:
    """The catalogue of the demo: addresses of this machine, deadlines of a minute round the clock, no limit for one address."""
    catalogue = copy.deepcopy(document)
    for endpoint in catalogue["endpoints"]:
        match endpoint["channel"]:
            case "phone":
                endpoint["control_url"] = f"http://{HOST}:{port_of(places.control)}/control"
            case "fanpage":
                endpoint["options"]["base_url"] = f"http://{HOST}:{port_of(places.graph)}"
            case "portal":
                endpoint["options"]["rate"] = "off"  # all visitors come from one address here
    for department in catalogue["departments"]:
        if department["url"]:
            department["url"] = f"http://{HOST}:{port_of(places.departments)}/departments/{department['id']}"
        department["calendar"] = "always"
        department["deadlines"] = {kind: dict(_DEADLINE) for kind in department["deadlines"]}
    return catalogue
