"""Reading again what was kept unreadable, once the adapter can: nothing acknowledged is lost (I1)."""

from typing import Protocol

import msgspec

from ccc_router.channels.channel import Blobs, Directory, Request, Unreadable
from ccc_router.channels.intake import parse, submissions_of
from ccc_router.channels.registry import adapter_for
from ccc_router.events.inbox import Inbox, RawDelivery
from ccc_router.kernel.errors import Invalid


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


class Reparse:
    """May run beside the service, and again: dedup keys see to it that no fact is told twice (I2)."""

    def __init__(self, inbox: Inbox, blobs: Blobs, directory: Directory, kept: Kept) -> None:
        self._inbox = inbox
        self._blobs = blobs
        self._directory = directory
        self._kept = kept

    async def run(self, endpoint_id: str = "") -> Reparsed:
        """Read all unreadable deliveries of an endpoint ("": of all) again. Raises InboxUnavailable; then run it again."""
        understood = unreadable = facts = 0
        for raw_id in await self._kept.unreadable(endpoint_id):
            raw = await self._kept.read(raw_id)
            if raw is None:
                continue
            new = await self._again(raw)
            if new is None:
                unreadable += 1
            else:
                understood += 1
                facts += new
        return Reparsed(understood, unreadable, facts)

    async def _again(self, raw: RawDelivery) -> int | None:
        endpoint = self._directory.endpoint(raw.endpoint)
        adapter = None if endpoint is None else adapter_for(endpoint)
        if endpoint is None or adapter is None:
            return None
        request = Request(
            method=raw.method,
            path=raw.path,
            query=raw.query,
            headers=raw.headers,
            body=raw.body,
            received_at=raw.received_at,
        )
        parsed = parse(adapter, request, endpoint, self._directory.agents_of(endpoint.id))
        if isinstance(parsed, Unreadable):
            return None
        if parsed.blobs:
            await self._blobs.keep(parsed.blobs)
        state = msgspec.structs.replace(raw, state="parsed" if parsed.facts or not parsed.ignored else "ignored")
        try:
            appended = await self._inbox.append(submissions_of(endpoint, parsed), state)
        except Invalid:
            return None
        return sum(1 for one in appended if not one.duplicate)
