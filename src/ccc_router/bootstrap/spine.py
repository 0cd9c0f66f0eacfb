"""The spine of a process: inbox, catalogue in force, desk, and the engine if this process runs one."""

import json
import os
from dataclasses import dataclass

from ccc_router.bootstrap.storage import Storage
from ccc_router.events.commands import ActivateCatalogue
from ccc_router.events.inbox_postgres import PostgresInbox
from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.secret_store import SecretStore
from ccc_router.kernel.tasks import Loop, Supervisor
from ccc_router.queues.asking import Desk
from ccc_router.queues.catalogue import Current, as_document, demo_document, faults_of, parse
from ccc_router.queues.deliveries.owing import WAKE as DELIVERY_WAKE
from ccc_router.queues.engine import Engine, Observers
from ccc_router.queues.heartbeats import Heartbeats
from ccc_router.queues.waits.waits import Waits
from ccc_router.routing.policy import Catalogue
from ccc_router.settings import Settings
from ccc_router.workers.engine import INBOX_WAKE, engine_loop


@dataclass(frozen=True, slots=True)
class Spine:
    """What every part of the process works with."""

    settings: Settings
    clock: Clock
    storage: Storage
    supervisor: Supervisor
    inbox: PostgresInbox
    current: Current
    desk: Desk
    observers: Observers
    engine: Engine
    engine_loop: Loop
    secrets: SecretStore
    heartbeats: Heartbeats
    waits: Waits

    async def heard(self, agent_id: str) -> None:
        """An agent's client is alive."""
        self.heartbeats.beat(agent_id)

    def wake(self) -> None:
        """There is something in the inbox: run the engine of this process soon."""
        self.engine_loop.wake()


def build(settings: Settings, storage: Storage, supervisor: Supervisor, clock: Clock) -> Spine:
    """Wire the spine; nothing runs yet."""
    current = Current()
    observers = Observers()
    pool = settings.pool
    loops: list[Loop] = []

    def wake() -> None:
        for loop in loops:
            loop.wake()

    inbox = PostgresInbox(storage.database, pool, clock, wake=wake)
    desk = Desk(inbox, storage.database, pool, clock, storage.notifier, patience_s=settings.outcome_wait_s)
    engine = Engine(storage.database, pool, clock, desk, observers)
    turning = engine_loop(engine, storage.wakeups)
    loops.append(turning)
    observers.activated.append(current.put)
    folders = [folder for folder in (settings.secrets_dir, settings.data_dir / "secrets") if folder is not None]
    secrets = SecretStore(os.environ, folders, clock)
    heartbeats = Heartbeats(storage.database, pool)
    waits = Waits(storage.database, pool, current, clock)
    return Spine(
        settings,
        clock,
        storage,
        supervisor,
        inbox,
        current,
        desk,
        observers,
        engine,
        turning,
        secrets,
        heartbeats,
        waits,
    )


async def first_catalogue(spine: Spine) -> None:
    """Give a pool without a catalogue its first: the file that is set, or the demo one with secrets made for its endpoints.

    Raises Misconfigured naming every fault of the file.
    """
    if await spine.current.refresh(spine.storage.database, spine.settings.pool):
        return
    path = spine.settings.catalogue
    document = demo_document() if path is None else json.loads(path.read_text(encoding="utf-8"))
    catalogue = parse(document)
    faults = catalogue if isinstance(catalogue, list) else faults_of(catalogue, pool=spine.settings.pool)
    if isinstance(catalogue, list) or faults:
        raise Misconfigured("\n".join(f"CCC_CATALOGUE: {fault.path}: {fault.detail}" for fault in faults))
    command = ActivateCatalogue(
        actor="first-start", actor_role=Role.SYSTEM, version=catalogue.version, catalogue=as_document(catalogue)
    )
    await spine.desk.ask(command, f"first-catalogue-{catalogue.version}", patience_s=30)


def make_trial_secrets(spine: Spine, catalogue: Catalogue) -> None:
    """While no catalogue is set, endpoints and departments of the demo one get secrets of their own in the data folder."""
    if spine.settings.catalogue is not None:
        return
    for name in [endpoint.id for endpoint in catalogue.endpoints] + [one.id for one in catalogue.departments]:
        spine.secrets.ensure(name)


def tell_others(spine: Spine) -> None:
    """Hints after a commit: to the workers that send, and to the engines of pools that something was handed to."""
    notifier = spine.storage.notifier
    spine.observers.owed.append(lambda kind: notifier.notify(DELIVERY_WAKE, kind))
    spine.observers.handed.append(lambda pool: notifier.notify(INBOX_WAKE, pool))
