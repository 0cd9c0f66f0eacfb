"""The catalogue in force, for everybody who is not the engine: one object, told by the engine or by the table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from ccc_router.kernel.tasks import Loop
from ccc_router.routing.policy import Agent, Catalogue, Department, Endpoint, Queue, Topic
from ccc_router.storage.database import Database

CHANNEL: Final = "ccc_catalogue"
"""The NOTIFY channel of new versions; the payload is the pool."""

_NEWEST: Final = """
SELECT document::text FROM catalogue WHERE pool = $1 AND version > $2 ORDER BY version DESC LIMIT 1
"""


class Current:
    """Look-ups by id over the newest catalogue. Before the first one is activated everything is unknown."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self._catalogue: Catalogue | None = None
        self._listeners: list[Callable[[Catalogue], None]] = []
        self._queues: dict[str, Queue] = {}
        self._agents: dict[str, Agent] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._departments: dict[str, Department] = {}
        self._topics: dict[str, Topic] = {}
        self._phones: dict[str, Mapping[str, str]] = {}
        if catalogue is not None:
            self.put(catalogue)

    @property
    def catalogue(self) -> Catalogue | None:
        """The whole of it; None before the first."""
        return self._catalogue

    @property
    def version(self) -> int:
        """0 before the first."""
        return 0 if self._catalogue is None else self._catalogue.version

    def queue(self, queue_id: str) -> Queue | None:
        """The queue of this id, or None; so for the others."""
        return self._queues.get(queue_id)

    def agent(self, agent_id: str) -> Agent | None:
        """See `queue`."""
        return self._agents.get(agent_id)

    def endpoint(self, endpoint_id: str) -> Endpoint | None:
        """See `queue`."""
        return self._endpoints.get(endpoint_id)

    def department(self, department_id: str) -> Department | None:
        """See `queue`."""
        return self._departments.get(department_id)

    def topic(self, topic_id: str) -> Topic | None:
        """See `queue`."""
        return self._topics.get(topic_id)

    def agents_of(self, endpoint_id: str) -> Mapping[str, str]:
        """The phone addresses on this endpoint and whose they are."""
        return self._phones.get(endpoint_id, MappingProxyType({}))

    def on_change(self, listener: Callable[[Catalogue], None]) -> None:
        """Call `listener` with every newer catalogue, and at once with the one in force. It must be quick."""
        self._listeners.append(listener)
        if self._catalogue is not None:
            listener(self._catalogue)

    def put(self, catalogue: Catalogue) -> None:
        """Another catalogue is in force; an older one than the present is ignored."""
        if catalogue.version <= self.version:
            return
        self._catalogue = catalogue
        self._queues = {one.id: one for one in catalogue.queues}
        self._agents = {one.id: one for one in catalogue.agents}
        self._endpoints = {one.id: one for one in catalogue.endpoints}
        self._departments = {one.id: one for one in catalogue.departments}
        self._topics = {one.id: one for one in catalogue.topics}
        phones: dict[str, dict[str, str]] = {}
        for agent in catalogue.agents:
            if agent.phone:
                phones.setdefault(agent.phone_endpoint, {})[agent.phone] = agent.id
        self._phones = {endpoint: MappingProxyType(known) for endpoint, known in phones.items()}
        for listener in tuple(self._listeners):
            listener(catalogue)

    async def refresh(self, database: Database, pool: str) -> bool:
        """Read a newer version from the table. True if there was one. Raises what the database raises."""
        text = await database.pool.fetchval(_NEWEST, pool, self.version)
        if text is None:
            return False
        self.put(msgspec.json.decode(text, type=Catalogue))
        return True

    def loop(self, database: Database, pool: str) -> Loop:
        """The loop that keeps a process without an engine up to date: on a hint and every second."""

        async def look() -> None:
            await self.refresh(database, pool)

        return Loop("catalogue", look, 1.0)
