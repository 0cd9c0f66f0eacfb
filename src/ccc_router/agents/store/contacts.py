"""Contacts, their offers and what may be seen of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from ...events.vocabulary import Channel
from ...routing.rows import Contact, Offer
from ...storage.database import Database
from .cases import Handle

# What an agent may see: what he is offered, what he owns, what he handled.
_MINE: Final = """(contact.agent_id = $2 OR EXISTS (
    SELECT FROM offer WHERE offer.pool = contact.pool AND offer.contact_id = contact.id
    AND offer.agent_id = $2 AND offer.state IN ('pending', 'accepted')))"""

_CONTACT: Final = "SELECT row FROM contact WHERE pool = $1 AND id = $2"
_SEEN: Final = f"SELECT row FROM contact WHERE pool = $1 AND id = $3 AND {_MINE}"  # noqa: S608 - no value in it
_OFFER: Final = "SELECT row FROM offer WHERE pool = $1 AND id = $2"
_PENDING: Final = "SELECT row FROM offer WHERE pool = $1 AND agent_id = $2 AND state = 'pending'"
_PENDING_OF: Final = "SELECT agent_id, id FROM offer WHERE pool = $1 AND agent_id = ANY($2) AND state = 'pending'"
# Whom an agent has is in his own row, so that no index follows a contact from hand to hand.
_OWNED_BY_SOME: Final = """
SELECT row FROM contact WHERE pool = $1 AND id IN (
    SELECT json_array_elements_text(row -> 'assignments') FROM agent WHERE pool = $1 AND id = ANY($2))
ORDER BY arrived_at, id"""
_LIST: Final = """
SELECT row FROM contact
WHERE pool = $1 AND ($2 = '' OR queue = $2) AND (cardinality($3::text[]) = 0 OR state = ANY($3))
  AND (NOT $4 OR attention <> '') AND ($5::bigint IS NULL OR (arrived_at, id) > ($5, $6::text))
ORDER BY arrived_at, id LIMIT $7"""
# The open ones are few among all: said as a constant, so that their own index is used.
_LIST_OPEN: Final = _LIST.replace("WHERE pool = $1", "WHERE live AND open AND pool = $1")
# Who waits for anybody in this queue and ranks before a contact: how many, and the first.
_BEFORE: Final = """
SELECT id, count(*) OVER () AS many FROM contact
WHERE pool = $1 AND queue = $2 AND live AND open AND state = 'queued' AND coalesce(row ->> 'reserved_for', '') = '' AND row -> 'preferred' IS NULL
  AND (rank, id) < ($3::bigint, $4::text)
ORDER BY rank, id LIMIT $5"""
_NUMBER: Final = """
SELECT EXISTS (SELECT FROM contact_address WHERE pool = $1 AND contact_id = $2 AND address <> '' AND $4)
    OR EXISTS (SELECT FROM handle WHERE pool = $1 AND customer_id = $3 AND kind = 'phone')"""
# Who ranks behind a contact and is in somebody's hands already, the newest first.
_PASSED: Final = """
SELECT id FROM contact
WHERE pool = $1 AND queue = $2 AND live AND open AND state IN ('offered', 'connecting', 'active', 'held', 'wrap_up')
  AND (rank, id) > ($3::bigint, $4::text) ORDER BY since DESC, id LIMIT $5"""
# What counts against the limit of a queue and channel: offered or in somebody's hands.
_IN_HAND: Final = """
SELECT count(*) FROM contact
WHERE pool = $1 AND queue = $2 AND channel = $3 AND live AND state IN ('offered', 'connecting', 'active', 'held', 'wrap_up')"""
_ENDS: Final = frozenset({"closed", "abandoned", "deflected", "merged", "handed_over"})

# One row for each contact: who it is, under what subject, and how many messages wait for an answer.
_FACES: Final = """
SELECT contact.id, contact.channel, customer.name, coalesce(nullif(address.handle_kind, ''), handle.kind, '') AS kind,
       coalesce(nullif(address.handle_value, ''), handle.value, '') AS value, coalesce(handle.verified AND shown, false) AS verified,
       CASE WHEN shown THEN handle.channel END AS claimed_on, CASE WHEN shown THEN handle.evidence ELSE '' END AS evidence,
       coalesce(address.subject, '') AS subject, coalesce(address.name, '') AS given_name,
       (SELECT count(*) FROM message m WHERE m.pool = contact.pool AND m.contact_id = contact.id AND m.direction = 'inbound'
          AND m.number > (SELECT coalesce(max(o.number), 0) FROM message o
                          WHERE o.pool = contact.pool AND o.contact_id = contact.id AND o.direction = 'outbound')) AS unanswered
FROM contact
LEFT JOIN customer ON customer.pool = contact.pool AND customer.id = contact.customer_id
LEFT JOIN contact_address address ON address.pool = contact.pool AND address.contact_id = contact.id
LEFT JOIN LATERAL (
    SELECT h.*, h.same OR coalesce(address.handle_value, '') = '' AS shown
    FROM (SELECT kind, value, channel, verified, evidence,
                 coalesce((kind, value) = (address.handle_kind, address.handle_value), false) AS same
          FROM handle WHERE handle.pool = contact.pool AND handle.customer_id = contact.customer_id) h
    ORDER BY h.same DESC, (h.same AND h.verified) DESC, (h.channel = contact.channel) DESC, h.verified DESC, h.kind, h.value
    LIMIT 1) handle ON true
WHERE contact.pool = $1 AND contact.id = ANY($2)"""


@dataclass(frozen=True, slots=True)
class Face:
    """What is erasable about a contact, as far as a person sees it at first glance. ``handle`` is not yet masked."""

    name: str = ""
    handle: Handle | None = None
    subject: str = ""
    unanswered: int = 0


class Contacts:
    """Reads contacts and offers of one pool."""

    def __init__(self, database: Database, pool: str) -> None:
        self._database = database
        self._pool = pool

    async def contact(self, contact_id: str) -> Contact | None:
        """The contact's row, open or ended."""
        return _contact(await self._database.pool.fetchval(_CONTACT, self._pool, contact_id))

    async def seen_by(self, agent_id: str, contact_id: str) -> Contact | None:
        """The contact's row, if the agent may see it."""
        return _contact(await self._database.pool.fetchval(_SEEN, self._pool, agent_id, contact_id))

    async def owned_by(self, agent_id: str) -> list[Contact]:
        """The open contacts an agent owns, oldest first."""
        return (await self.owned_by_some([agent_id])).get(agent_id, [])

    async def owned_by_some(self, agents: Sequence[str]) -> dict[str, list[Contact]]:
        """`owned_by` of several agents with one question; who owns nothing is left out."""
        owned: dict[str, list[Contact]] = {}
        for row in await self._database.pool.fetch(_OWNED_BY_SOME, self._pool, list(agents)) if agents else ():
            contact = msgspec.json.decode(row["row"], type=Contact)
            owned.setdefault(contact.agent_id, []).append(contact)
        return owned

    async def offer(self, offer_id: str) -> Offer | None:
        """An offer, pending or over."""
        return _offer(await self._database.pool.fetchval(_OFFER, self._pool, offer_id))

    async def pending(self, agent_id: str) -> Offer | None:
        """The agent's pending offer; there is at most one."""
        return _offer(await self._database.pool.fetchval(_PENDING, self._pool, agent_id))

    async def pending_of(self, agents: Sequence[str]) -> dict[str, str]:
        """Pending offers by agent."""
        rows = await self._database.pool.fetch(_PENDING_OF, self._pool, list(agents))
        return {row["agent_id"]: row["id"] for row in rows}

    async def before(self, contact: Contact, most: int) -> tuple[int, list[str]]:
        """How many contacts of its queue wait before it for anybody, and the first of them. Costs as much as the queue is long."""
        rows = await self._database.pool.fetch(_BEFORE, self._pool, contact.queue, contact.rank, contact.id, most)
        return (rows[0]["many"] if rows else 0), [row["id"] for row in rows]

    async def passed(self, contact: Contact, most: int) -> list[str]:
        """Contacts of its queue that rank behind it and are offered or handled now, the newest first."""
        rows = await self._database.pool.fetch(_PASSED, self._pool, contact.queue, contact.rank, contact.id, most)
        return [row["id"] for row in rows]

    async def in_hand(self, queue: str, channel: str) -> int:
        """How many contacts of a queue and channel are offered or in somebody's hands. Costs as much as the queue is long."""
        return int(await self._database.pool.fetchval(_IN_HAND, self._pool, queue, channel))

    async def has_number(self, contact: Contact) -> bool:
        """Whether a number is known to call the customer at: the call's own, or one of his."""
        own = contact.channel is Channel.PHONE
        found: bool = await self._database.pool.fetchval(_NUMBER, self._pool, contact.id, contact.customer_id, own)
        return found

    async def faces(self, contact_ids: Sequence[str]) -> dict[str, Face]:
        """What is erasable about contacts, by id."""
        rows = await self._database.pool.fetch(_FACES, self._pool, list(contact_ids))
        return {
            row["id"]: Face(
                row["name"] or row["given_name"],
                Handle(
                    row["kind"],
                    row["value"],
                    row["verified"],
                    row["claimed_on"] or row["channel"],
                    row["evidence"] or "",
                )
                if row["value"]
                else None,
                row["subject"],
                row["unanswered"],
            )
            for row in rows
        }

    async def listed(
        self,
        *,
        queue: str,
        states: Sequence[str],
        attention: bool,
        after: tuple[str | int, ...] | None,
        limit: int,
    ) -> list[Contact]:
        """Contacts by arrival, oldest first; without ``states`` the open ones. ``after`` is (arrived_at, id) of the last one seen."""
        arrived, last = after or (None, "")
        statement = _LIST_OPEN if _ENDS.isdisjoint(states) else _LIST
        rows = await self._database.pool.fetch(
            statement, self._pool, queue, list(states), attention, arrived, last, limit
        )
        return [msgspec.json.decode(row["row"], type=Contact) for row in rows]


def _contact(row: str | None) -> Contact | None:
    return None if row is None else msgspec.json.decode(row, type=Contact)


def _offer(row: str | None) -> Offer | None:
    return None if row is None else msgspec.json.decode(row, type=Offer)
