"""The centre that is measured: a catalogue with some queues, and as many agents as wanted, all of them ready."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bench.plain import DISPOSITIONS, LANGUAGE, a_queue, an_agent, skills, text, topics
from ccc_router.bootstrap.parts.deciding import deciding
from ccc_router.bootstrap.parts.sending import sending
from ccc_router.bootstrap.spine import build, by_kafka, catalogued
from ccc_router.bootstrap.spine import working as spine_at_work
from ccc_router.bootstrap.storage import open_storage
from ccc_router.events.commands import SetPresence
from ccc_router.events.inbox import Inbox
from ccc_router.events.vocabulary import Presence, Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Loop, Supervisor
from ccc_router.queues.asking import Desk
from ccc_router.queues.catalogue import as_document, faults_of
from ccc_router.queues.engine import Engine, Observers
from ccc_router.queues.heartbeats import Heartbeats
from ccc_router.routing.policy import Agent, Capacity, Catalogue, Endpoint
from ccc_router.settings import Settings

QUEUES: Final = ("insurance", "pension", "sickness", "maternity", "cards", "complaints")
_AT_ONCE: Final = 2
_BEAT_S: Final = 10.0


@dataclass(frozen=True)
class Centre:
    """What is measured: where inputs go in, and the engine that works on them in this process."""

    inbox: Inbox
    desk: Desk
    engine: Engine
    observers: Observers


def catalogue(agents: int, at_once: int = _AT_ONCE) -> Catalogue:
    """Six queues with a skill each, agents of twelve profiles; ``at_once`` is how many portal contacts one takes."""
    return Catalogue(
        version=1,
        queues=tuple(a_queue(name, (LANGUAGE, name)) for name in QUEUES),
        skills=skills(QUEUES),
        agents=tuple(_agent(number, at_once) for number in range(agents)),
        endpoints=(
            Endpoint(id="site", channel="portal", name=text("site"), queue=QUEUES[0]),
            Endpoint(id="page", channel="fanpage", name=text("page"), queue=QUEUES[1], options={"page_id": "1000"}),
            Endpoint(id="tracked", channel="phone", name=text("tracked"), queue=QUEUES[0], dialect="csta"),
        ),
        dispositions=DISPOSITIONS,
        topics=topics(QUEUES),
    )


def _agent(number: int, at_once: int) -> Agent:
    """Agent n serves three neighbouring queues; every other one prefers them the other way round."""
    served = [QUEUES[(number + step) % len(QUEUES)] for step in range(3)]
    if number // len(QUEUES) % 2:
        served.reverse()
    channels = {"phone": 1, "email": at_once, "fanpage": at_once, "portal": at_once, "internal": 1}
    return an_agent(number, served, Capacity(channels=channels, total_weight=130), "tracked")


def write_catalogue(folder: Path, made: Catalogue) -> Path:
    """The catalogue as a file the service takes."""
    faults = faults_of(made)
    if faults:
        raise ValueError(str(faults))
    path = folder / f"catalogue-{len(made.agents)}.json"
    path.write_text(json.dumps(as_document(made)), encoding="utf-8")
    return path


@contextlib.asynccontextmanager
async def working(dsn: str, folder: Path, made: Catalogue, kafka: str = "") -> AsyncIterator[Centre]:
    """Inbox, engine, desk and deliveries as `ccc-router up` wires them, without HTTP, in this process; every agent is ready.

    ``kafka``: addresses of one that facts go through.
    """
    settings = Settings(
        database_url=SecretStr(dsn),
        data_dir=folder / "service",
        catalogue=write_catalogue(folder, made),
        log_level="warning",
        kafka_servers=kafka,
    )
    clock = SystemClock()
    supervisor = Supervisor(clock)
    async with contextlib.AsyncExitStack() as stack:
        storage = await stack.enter_async_context(open_storage(settings, supervisor, clock))
        spine = build(settings, storage, supervisor, clock)
        await stack.enter_async_context(spine_at_work(spine))
        decided = await stack.enter_async_context(deciding(spine))
        await stack.enter_async_context(by_kafka(spine))
        await stack.enter_async_context(catalogued(spine))
        await stack.enter_async_context(sending(spine))
        beats = Heartbeats(storage.database, settings.pool)
        supervisor.add(beats.loop)
        supervisor.add(Loop("clients", lambda: _beat(beats, made), _BEAT_S))
        for agent in made.agents:
            command = SetPresence(actor=agent.id, actor_role=Role.AGENT, agent_id=agent.id, presence=Presence.READY)
            outcome = await spine.desk.ask(command, f"ready-{agent.id}")
            if outcome.status != 200:
                raise RuntimeError(f"{agent.id} is not ready: {outcome.code}")
        yield Centre(spine.facts, spine.desk, decided.engine, decided.observers)


async def _beat(beats: Heartbeats, made: Catalogue) -> None:
    """The agents' clients are alive."""
    for agent in made.agents:
        beats.beat(agent.id)
