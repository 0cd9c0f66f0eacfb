"""Reading again what was kept unreadable, once the adapter can: nothing acknowledged is lost (I1)."""

from typing import Protocol

import msgspec

from ccc_router.channels.intake import Intake
from ccc_router.channels.registry import adapter_for
from ccc_router.events.inbox import RawDelivery


class Kept(Protocol):
    """Where unreadable deliveries are."""

    async def unreadable(self, endpoint_id: str = "") -> list[str]:
        """Their ids, oldest first."""
        ...

    async def read(self, raw_id: str) -> RawDelivery | None:
        """One of them."""
        ...


class Reparsed(msgspec.Struct, frozen=True):
    """What came of it: deliveries understood now, deliveries that are still not, and the facts that were new."""

    understood: int = 0
    unreadable: int = 0
    facts: int = 0


async def reparse(intake: Intake, kept: Kept, endpoint_id: str = "") -> Reparsed:
    """Read all unreadable deliveries of an endpoint ("": of all) again.

    May run beside the service, and again: dedup keys see to it that no fact is told twice (I2). Raises InboxUnavailable; what was
    read by then stays read.
    """
    understood = unreadable = facts = 0
    for raw_id in await kept.unreadable(endpoint_id):
        raw = await kept.read(raw_id)
        receipt = None if raw is None else await intake.reread(raw, adapter_for)
        if receipt is None:
            unreadable += 1
        else:
            understood += 1
            facts += receipt.accepted
    return Reparsed(understood, unreadable, facts)
