"""Deliveries for tests: rows to send, and a sender that does what it is told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ccc_router.events.vocabulary import DeliveryKind
from ccc_router.queues.deliveries.owing import write_owed
from ccc_router.queues.deliveries.port import Attempted, Delivery, Sent
from ccc_router.routing.decisions import DeliveryOwed
from ccc_router.storage.database import Database

POOL = "main"
_Script = Callable[[Delivery], Attempted | Awaitable[Attempted]]


async def owe(
    database: Database,
    position: int,
    *,
    kind: DeliveryKind = DeliveryKind.WEBHOOK,
    lane: str = "department:D_SI",
    not_after: int = 0,
    now: int = 0,
    **fields: str,
) -> str:
    """Write one delivery as the engine does; its id is made of its position. ``now`` is the engine's time."""
    delivery_id = f"dl_{position}"
    owed = DeliveryOwed(
        delivery_id=delivery_id,
        delivery=kind,
        lane=lane,
        target=fields.get("target", lane.partition(":")[2]),
        not_after=not_after,
        escalation_id=fields.get("escalation_id", ""),
        contact_id=fields.get("contact_id", ""),
        message_id=fields.get("message_id", ""),
        type=fields.get("type", ""),
        data={"n": str(position)},
    )
    async with database.transaction() as connection:
        await write_owed(connection, POOL, [(position, owed, "")], now)
    return delivery_id


@dataclass
class ScriptedSender:
    """Answers as ``script`` says (everything is sent, without one) and remembers what it was given."""

    script: _Script = lambda _: Sent()
    given: list[Delivery] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def send(self, delivery: Delivery) -> Attempted:
        """One attempt."""
        self.given.append(delivery)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            answer = self.script(delivery)
            return await answer if isinstance(answer, Awaitable) else answer
        finally:
            self.at_once -= 1

    @property
    def ids(self) -> list[str]:
        """The ids in the order of the attempts."""
        return [item.id for item in self.given]


async def forever(_: Delivery) -> Attempted:
    """A receiver that never answers."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")
