"""The spine of a process: the database, the inbox, the catalogue in force and the desk. What a process does are parts on it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ccc_router.bootstrap.storage import Storage
from ccc_router.events.commands import ActivateCatalogue
from ccc_router.events.inbox import Inbox
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured, Unavailable
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.secret_store import SecretStore
from ccc_router.kernel.tasks import Supervisor
from ccc_router.queues.asking import Desk
from ccc_router.queues.catalogue import Current, as_document, demo_document, faults_of, parse
from ccc_router.queues.catalogue.current import CHANNEL as CATALOGUE_WAKE
from ccc_router.queues.catalogue.neighbours import neighbours
from ccc_router.queues.store.outcomes import WAKE as OUTCOME_WAKE
from ccc_router.routing.policy import Catalogue
from ccc_router.settings import Settings
from ccc_router.web import metrics
from ccc_router.web.health import Check
from ccc_router.workers.engine import INBOX_WAKE

if TYPE_CHECKING:
    from ccc_router.events.kafka.fallback import FallbackInbox

_log = get_logger("bootstrap.spine")

MAIL: Final = "mail"
"""The secret that signs Message-IDs and plus-addresses, so that an answer finds its case."""
LINKS: Final = "links"
"""The secret behind the single-use links in mails to departments."""

_AGAIN_S: Final = 5.0

Checks = Mapping[str, Check]
Look = Callable[[], Awaitable[Checks]]


class Stopped(Exception):  # answers nobody: `serving.run` ends quietly
    """The process was asked to end before it had begun."""


@dataclass(frozen=True, slots=True)
class Spine:
    """What every part of the process works with.

    ``process`` is its name; ``alone``: everything runs in it, so it may make up secrets. ``stop`` is set when it is to end.
    ``inbox`` takes commands, ``facts`` what channels tell: by ``kafka`` where there is one.
    ``looks`` are what ``/readyz`` asks besides database and loops; they may raise what the database raises.
    """

    settings: Settings
    clock: Clock
    storage: Storage
    supervisor: Supervisor
    inbox: PostgresInbox
    kafka: "FallbackInbox | None"
    current: Current
    desk: Desk
    secrets: SecretStore
    process: str
    alone: bool
    stop: asyncio.Event
    looks: list[Look] = field(default_factory=list)

    @property
    def facts(self) -> Inbox:
        """Where facts are appended."""
        return self.inbox if self.kafka is None else self.kafka

    def wake(self) -> None:
        """There is something in the inbox: whoever runs the pool's engine is told."""
        self.storage.notifier.notify(INBOX_WAKE, self.settings.pool)

    def key(self, name: str) -> tuple[str, ...]:
        """A secret of the service's own, newest first; one that works alone makes it. Raises Misconfigured naming it."""
        found = self.secrets.ensure(name) if self.alone else self.secrets.of(name)
        if not found:
            raise Misconfigured(unset(name))
        return found

    def closed(self) -> bool:
        """Whether nothing new is taken, for the disk is almost full."""
        return self.storage.disk.almost_full


def mail_keys(spine: Spine) -> tuple[bytes, ...]:
    """The keys for marks in mail. Raises Misconfigured."""
    return tuple(key.encode() for key in spine.key(MAIL))


def unset(name: str) -> str:
    """What to say of a secret that every process must have alike."""
    variable = f"CCC_SECRET_{name.upper()}"
    return f"{variable}: must be set (or be a file in CCC_SECRETS_DIR), the same for every process"


def secret_store(settings: Settings, clock: Clock, *, alone: bool) -> SecretStore:
    """Secrets from variables and files. What one process made up in its data folder no other would know."""
    folders = [folder for folder in (settings.secrets_dir, settings.data_dir / "secrets" if alone else None) if folder]
    return SecretStore(os.environ, folders, clock)


def build(
    settings: Settings,
    storage: Storage,
    supervisor: Supervisor,
    clock: Clock,
    process: str = "up",
    stop: asyncio.Event | None = None,
) -> Spine:
    """Wire the spine; nothing runs yet."""
    pool, notifier = settings.pool, storage.notifier
    inbox = PostgresInbox(
        storage.database,
        pool,
        clock,
        wake=lambda: notifier.notify(INBOX_WAKE, pool),
        pending_limit=settings.inbox_pending,
        backlog_limit=settings.inbox_backlog,
    )
    desk = Desk(inbox, storage.database, pool, clock, notifier, patience_s=settings.outcome_wait_s)
    alone = process == "up"
    secrets = secret_store(settings, clock, alone=alone)
    kafka = _through_kafka(settings, inbox, clock)
    return Spine(
        settings,
        clock,
        storage,
        supervisor,
        inbox,
        kafka,
        Current(),
        desk,
        secrets,
        process,
        alone,
        stop or asyncio.Event(),
    )


@asynccontextmanager
async def working(spine: Spine) -> AsyncIterator[None]:
    """The spine's own loops; at the end everything of the process is stopped, and what was appended is written."""
    supervisor, storage, pool = spine.supervisor, spine.storage, spine.settings.pool
    metrics.about(spine.process, pool)
    spine.inbox.start()
    storage.wakeups.on(OUTCOME_WAKE, spine.desk.hear)
    supervisor.add(spine.desk.loop)
    storage.wakeups.wake(
        supervisor.add(spine.current.loop(storage.database, pool)),
        CATALOGUE_WAKE,
        pool,
    )
    supervisor.add(metrics.LagMeter(spine.clock).loop)
    try:
        yield
    finally:
        await supervisor.stop(spine.settings.drain_s)
        await spine.inbox.close()


def _through_kafka(settings: Settings, inbox: PostgresInbox, clock: Clock) -> "FallbackInbox | None":
    cluster, pool = settings.kafka(), settings.pool
    if cluster is None:
        return None
    # Without a Kafka its library need not be loaded.
    from ccc_router.events.kafka.fallback import FallbackInbox
    from ccc_router.events.kafka.inbox import KafkaInbox

    return FallbackInbox(KafkaInbox(cluster, pool, clock, pending_limit=settings.inbox_pending), inbox, pool, clock)


@asynccontextmanager
async def by_kafka(spine: Spine) -> AsyncIterator[None]:
    """Facts go through Kafka, if one is set."""
    if spine.kafka is None:
        yield
        return
    kafka = spine.kafka

    async def look() -> Checks:  # falling back is no reason to be sent no requests: they are taken all the same
        return {"inbox_mode": Check(ok=True, detail=kafka.mode)}

    kafka.start()
    spine.looks.append(look)
    try:
        yield
    finally:
        await kafka.close()


@asynccontextmanager
async def catalogued(spine: Spine) -> AsyncIterator[None]:
    """The process goes on once a catalogue is in force; until then it would know no endpoint and nobody.

    A pool without one is given its first: the file that is set, or, where everything runs in one process, the demo one with secrets
    made for its endpoints. Several that give it at once are one. Raises Misconfigured naming every fault of the file, and Stopped.
    """
    if spine.alone and spine.settings.catalogue is None:
        spine.current.on_change(lambda catalogue: make_trial_secrets(spine, catalogue))
    await spine.supervisor.until(_first_catalogue(spine), spine.stop)
    if spine.stop.is_set():
        raise Stopped
    yield


async def _first_catalogue(spine: Spine) -> None:
    settings = spine.settings
    if await spine.current.refresh(spine.storage.database, settings.pool):
        return
    there = asyncio.Event()
    spine.current.on_change(lambda _: there.set())
    others = await neighbours(spine.storage.database, settings.pool)
    first = _given(settings, others, demo=spine.alone)
    while not there.is_set():
        if first is None:
            _log.warning("no_catalogue_yet", pool=settings.pool)
        else:
            await _give(spine, first)
        await spine.clock.wait(there, _AGAIN_S)


async def _give(spine: Spine, first: Catalogue) -> None:
    command = ActivateCatalogue(
        actor="first-start", actor_role=Role.SYSTEM, version=first.version, catalogue=as_document(first)
    )
    try:
        await spine.desk.ask(command, f"first-catalogue-{first.version}")
    except Unavailable as error:
        _log.warning("no_engine_yet", pool=spine.settings.pool, error=error.code)


def _given(settings: Settings, others: Mapping[str, Catalogue], *, demo: bool) -> Catalogue | None:
    path = settings.catalogue
    if path is None and not demo:
        return None
    document = demo_document() if path is None else json.loads(path.read_text(encoding="utf-8"))
    catalogue = parse(document)
    faults = catalogue if isinstance(catalogue, list) else faults_of(catalogue, pool=settings.pool, others=others)
    if isinstance(catalogue, list) or faults:
        raise Misconfigured("\n".join(f"CCC_CATALOGUE: {fault.path}: {fault.detail}" for fault in faults))
    return catalogue


def make_trial_secrets(spine: Spine, catalogue: Catalogue) -> None:
    """Endpoints and departments of the demo catalogue get secrets of their own in the data folder."""
    for name in [endpoint.id for endpoint in catalogue.endpoints] + [one.id for one in catalogue.departments]:
        spine.secrets.ensure(name)
