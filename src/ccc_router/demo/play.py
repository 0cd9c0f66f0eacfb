"""The whole town around the service: who lives there, and how long it goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TextIO

import httpx

from ccc_router.demo.customers import callers, visitors
from ccc_router.demo.customers.arriving import Arrivals, Come
from ccc_router.demo.customers.mailers import Mailers
from ccc_router.demo.customers.page import Page
from ccc_router.demo.departments.mailed import Mailed
from ccc_router.demo.departments.webhooks import Webhooks
from ccc_router.demo.options import Options
from ccc_router.demo.serving import Places, mailboxes, web
from ccc_router.demo.settling import settle
from ccc_router.demo.staff import calls, returned, writing
from ccc_router.demo.staff.person import Person
from ccc_router.demo.switch import Switch
from ccc_router.demo.view.showing import Show
from ccc_router.demo.world import Json, World
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.tasks import Tasks

_CONNECTIONS: Final = httpx.Limits(max_connections=1000, max_keepalive_connections=200)


@dataclass(frozen=True, slots=True)
class Service:
    """Where the service is, and what its administrator hands out: tokens by role and subject, secrets by name."""

    url: str
    smtp: tuple[str, int]
    token_of: Callable[[str, str], str]
    secret_of: Callable[[str], str]


async def play(
    service: Service, options: Options, places: Places, clock: Clock, stop: asyncio.Event, out: TextIO
) -> None:
    """Live until ``stop`` is set or the time is over; then everybody goes home and the account is given."""
    people, servers = Tasks(), Tasks()
    async with httpx.AsyncClient(limits=_CONNECTIONS, follow_redirects=False, trust_env=False) as http:
        world = World(
            service.url,
            service.smtp,
            http,
            clock,
            people,
            service.token_of,
            service.secret_of,
            options.seed,
            options.speed,
            run=f"demo{clock.now_ms():x}",
        )
        show = Show(world, out, plain=options.plain)
        try:
            await settle(world, places)
            await show.begin()
            async with _surroundings(world, places, servers):
                world.begin(show.go_on(), "view")
                await clock.wait(stop, options.seconds or None)
                await show.end()
                world.closing.set()
                await people.close()
        finally:
            show.leave()
            world.closing.set()
            await people.close()
            await servers.close()


@asynccontextmanager
async def _surroundings(world: World, places: Places, servers: Tasks) -> AsyncIterator[None]:
    """Open the switch, the page's platform, the departments and the mailboxes; let agents come, then customers."""
    endpoints: dict[str, Json] = {one["channel"]: one for one in world.catalogue["endpoints"]}
    switch = Switch(world, endpoints["phone"]["id"], endpoints["phone"]["address"])
    page, mailed, webhooks = Page(world, endpoints["fanpage"]), Mailed(world), Webhooks(world)
    mailers = Mailers(world, endpoints["email"]["address"], mailed.arrived)
    comes: dict[str, Come] = {
        "phone": lambda matter, dice: callers.call(world, switch, endpoints["phone"], matter, dice),
        "email": mailers.write,
        "fanpage": page.write,
        "portal": lambda matter, dice: visitors.visit(world, endpoints["portal"]["id"], matter, dice),
    }
    async with (
        web(world, servers, places.control, switch.app, "switch"),
        web(world, servers, places.departments, webhooks.app, "departments"),
        web(world, servers, places.graph, page.app, "page"),
        mailboxes(places.mail, mailers),
    ):
        for profile in world.catalogue["agents"]:
            world.begin(Person(world, profile, _handle).shift(), f"agent-{profile['id']}")
        world.begin(webhooks.resume(), "departments-resume")
        for channel, come in comes.items():
            world.begin(Arrivals(world, channel, come).go_on(), f"arrivals-{channel}")
        yield


async def _handle(person: Person, contact: Json) -> None:
    match contact["channel"]:
        case "phone":
            await calls.talk(person, contact)
        case "internal":
            await returned.take_back(person, contact)
        case _:
            await writing.answer(person, contact)
