"""Joins the sightings of a switch: a board per endpoint, kept up to date from the store, which all processes share."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from ccc_router.channels.channel import Joined, Sighting
from ccc_router.channels.phone.ari.board import Board
from ccc_router.channels.phone.ari.seen import Seen
from ccc_router.channels.phone.ari.store import Sightings
from ccc_router.routing.policy import Endpoint

_MOST_SENT = 200_000


class _Desk:
    """What this process knows of one endpoint: its board, how far it read, and which facts are in the inbox for sure."""

    def __init__(self) -> None:
        self.board = Board()
        self.read = 0
        self.sent: dict[str, None] = {}
        self.lock = asyncio.Lock()


class AriJoiner:
    """The `Joiner` of ``asterisk-ari``. Facts are told at least once: those not known to be in the inbox are told again."""

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings
        self._desks: dict[str, _Desk] = defaultdict(_Desk)

    @asynccontextmanager
    async def join(self, endpoint: Endpoint, sightings: Sequence[Sighting]) -> AsyncIterator[Joined]:
        """See `Joiner.join`. After a restart the facts of the last quarter of an hour are told again; the inbox knows them."""
        desk = self._desks[endpoint.id]
        async with desk.lock:
            kept = await self._sightings.add(endpoint.id, sightings, desk.read)
            mine = {one.key: one for one in sightings}
            fresh, legs = set(), {msgspec.json.decode(one.body, type=Seen).leg for one in sightings}
            for row in kept:
                seen = msgspec.json.decode(row.body, type=Seen)
                if desk.board.add(seen) and row.key in mine:
                    fresh.add(row.key)
                if row.recent:
                    legs.add(seen.leg)
                desk.read = row.number
            facts = [one for one in desk.board.facts(endpoint, legs) if one.key not in desk.sent]
        countable = {one.key for one in sightings if not one.told}
        yield Joined(tuple(facts), len(countable & fresh), len(countable - fresh))
        desk.sent.update(dict.fromkeys(one.key for one in facts))
        while len(desk.sent) > _MOST_SENT:
            del desk.sent[next(iter(desk.sent))]
