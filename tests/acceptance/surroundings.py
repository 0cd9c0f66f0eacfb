"""A small centre around one process: the catalogue that names the test's switch, and its secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from ccc_router.routing.policy import Catalogue, Endpoint, Rules, Text
from tests.support.fake_switch import FakeSwitch
from tests.support.process import SECRET, Process, a_process
from tests.support.world import a_catalogue


def the_catalogue(control_url: str, rules: Rules | None = None, **options: dict[str, str]) -> Catalogue:
    """The catalogue of the core's tests, with the hotline's switch, and ``options`` by endpoint."""
    catalogue = a_catalogue(rules=rules)
    endpoints = []
    for one in catalogue.endpoints:
        control = control_url if one.id == "hotline" else ""
        endpoints.append(msgspec.structs.replace(one, control_url=control, options=options.get(one.id, {})))
    endpoints.append(Endpoint("ari", "phone", Text("Asterisk", "Asterisk"), "general", dialect="asterisk-ari"))
    return msgspec.structs.replace(catalogue, endpoints=tuple(endpoints))


@asynccontextmanager
async def a_centre(switch: FakeSwitch, rules: Rules | None = None) -> AsyncIterator[Process]:
    """A service whose hotline is this switch."""
    catalogue = the_catalogue(switch.control_url, rules)
    async with a_process(catalogue, CCC_SECRET_HOTLINE=SECRET, CCC_SECRET_D_HI=SECRET) as service:
        switch.connect(service.url)
        yield service
