"""What one batch gives to other pools: contacts with all there is of them, and what came later of such contacts (ADR 0046).

It is read from the tables when the batch's own rows are there, and goes into the other pools' inboxes in the same transaction: a contact is
over here and taken there, or neither.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from ccc_router.events import facts as f
from ccc_router.events.appending import Passed, hand_on
from ccc_router.events.codec import canonical, trace_of
from ccc_router.events.envelope import AnyInput, Input
from ccc_router.events.facts import Attachment, ContactTaken, Handle, MessageReceived, Private
from ccc_router.routing import decisions as d
from ccc_router.routing.rows import Case, Contact
from ccc_router.storage.database import Connection

if TYPE_CHECKING:
    from asyncpg import Record

_CONTACTS: Final = """
SELECT c.id, c.row::text AS contact, k.row::text AS of_case, coalesce(a.address, '') AS address, coalesce(a.subject, '') AS subject,
       coalesce(nullif(a.name, ''), u.name, '') AS name, coalesce(a.handle_kind, '') AS kind, coalesce(a.handle_value, '') AS value,
       coalesce(a.extra, '{}')::text AS extra
FROM contact c JOIN customer_case k ON k.pool = c.pool AND k.id = c.case_id
LEFT JOIN contact_address a ON a.pool = c.pool AND a.contact_id = c.id
LEFT JOIN customer u ON u.pool = c.pool AND u.id = c.customer_id
WHERE c.pool = $1 AND c.id = ANY ($2::text[])
"""
# Claimed handles count on the channel they came by, proved ones everywhere.
_HANDLES: Final = """
SELECT c.id, h.kind, h.value, h.verified FROM contact c, LATERAL (
    SELECT kind, value, verified FROM handle
    WHERE pool = c.pool AND customer_id = c.customer_id AND channel IN ('', c.channel) OFFSET 0) h
WHERE c.pool = $1 AND c.id = ANY ($2::text[]) AND c.customer_id <> '' ORDER BY c.id, h.verified DESC, h.kind, h.value
"""
_MESSAGES: Final = """
SELECT contact_id, id, form, subject, text, full_text, html, attachments::text AS files, extra::text AS extra, at
FROM message WHERE pool = $1 AND contact_id = ANY ($2::text[]) AND direction = 'inbound' AND NOT deleted AND NOT erased
ORDER BY contact_id, number
"""
_REFS: Final = (
    "SELECT contact_id, message_id, ref FROM ref WHERE pool = $1 AND contact_id = ANY ($2::text[]) ORDER BY ref"
)


class Handing:
    """Gathers; `send` writes. ``pools`` are those that get something."""

    def __init__(self) -> None:
        self.pools: dict[str, None] = {}
        self._contacts: dict[str, d.ContactHandedOver] = {}
        self._later: list[tuple[d.FactForwarded, str, int, bytes]] = []

    def hand_over(self, decision: d.ContactHandedOver) -> None:
        """A contact that goes."""
        self.pools[decision.pool] = None
        self._contacts[decision.contact_id] = decision

    def forward(self, decision: d.FactForwarded, given: Input, key: str, private: Private | None) -> None:
        """A fact that came too late for us. ``key`` is its dedup key here, ``private`` its erasable part."""
        self.pools[decision.pool] = None
        body = canonical(_forwarded(given.body, decision.case_id, private))
        self._later.append((decision, trace_of(f"{given.source}\n{key}"), given.received_at or given.at, body))

    async def send(self, connection: Connection, pool: str) -> None:
        """Write everything, the contacts first. Raises what asyncpg raises: then nothing may be committed."""
        if not self.pools:
            return
        source = f"pool:{pool}"
        passed = [one async for one in self._taken(connection, pool, source)] if self._contacts else []
        passed += [Passed(one.pool, source, key, body, at) for one, key, at, body in self._later]
        await hand_on(connection, passed)

    async def _taken(self, connection: Connection, pool: str, source: str) -> AsyncIterator[Passed]:
        ids = list(self._contacts)
        rows = {row["id"]: row for row in await connection.fetch(_CONTACTS, pool, ids)}
        handles = _by_contact(await connection.fetch(_HANDLES, pool, ids))
        messages = _by_contact(await connection.fetch(_MESSAGES, pool, ids))
        refs = _by_contact(await connection.fetch(_REFS, pool, ids))
        for contact_id, decision in self._contacts.items():
            told = _Told(pool, rows[contact_id], handles.get(contact_id, []), refs.get(contact_id, []))
            for key, at, fact in told.facts(decision, messages.get(contact_id, [])):
                yield Passed(decision.pool, source, key, canonical(fact), at)


class _Told:
    """One contact as facts: that it is there, then each message."""

    def __init__(self, pool: str, row: "Record", handles: "list[Record]", refs: "list[Record]") -> None:
        self._through = pool
        self._row = row
        self._contact = msgspec.json.decode(row["contact"], type=Contact)
        self._case = msgspec.json.decode(row["of_case"], type=Case)
        known = [Handle(one["kind"], one["value"], one["verified"]) for one in handles]
        own = (row["kind"], row["value"])
        # The one he came by goes first: it is shown, and answered to.
        self._handles = tuple(sorted(known, key=lambda one: (one.kind, one.value) != own))
        self._refs = refs

    def facts(self, decision: d.ContactHandedOver, messages: "list[Record]") -> Iterator[tuple[str, int, f.Fact]]:
        """(dedup key, when it came, fact)."""
        contact, case = self._contact, self._case
        private = Private(
            handles=self._handles,
            name=self._row["name"],
            subject=self._row["subject"],
            refs=(f"case:{case.id}",),
            own_refs=self._own_refs(""),
            address=self._row["address"],
            extra=json.loads(self._row["extra"]),
        )
        taken = ContactTaken(
            private=private,
            channel=contact.channel,
            endpoint=contact.endpoint,
            contact_id=contact.id,
            case_id=case.id,
            through=(*contact.came_through, self._through),
            queue=decision.queue,
            arrived_at=contact.arrived_at,
            rank=contact.rank,
            language=contact.language,
            topic=case.topic,
            priority=contact.priority,
            province=case.province,
            case_kind=case.kind.value,
            call=msgspec.to_builtins(contact.call) if contact.call is not None else None,
        )
        yield contact.id, contact.arrived_at, taken
        for row in messages:
            yield row["id"], row["at"], self._message(private, row)

    def _message(self, private: Private, row: "Record") -> MessageReceived:
        files = msgspec.json.decode(row["files"], type=tuple[Attachment, ...])
        written = msgspec.structs.replace(
            private, subject=row["subject"], text=row["text"], full_text=row["full_text"], html=row["html"],
            own_refs=self._own_refs(row["id"]), attachments=files, extra=json.loads(row["extra"]),
        )  # fmt: skip
        contact = self._contact
        return MessageReceived(
            private=written, channel=contact.channel, endpoint=contact.endpoint, message_id=row["id"],
            contact_id=contact.id, case_id=self._case.id, form=row["form"], language=contact.language,
        )  # fmt: skip

    def _own_refs(self, message_id: str) -> tuple[str, ...]:
        return tuple(one["ref"] for one in self._refs if one["message_id"] == message_id)


def _forwarded(body: AnyInput, case_id: str, private: Private | None) -> AnyInput:
    """As it came, but that it names its case outright: every ref that pool knows it by is known there too, some are only known here."""
    if private is not None and case_id:
        private = msgspec.structs.replace(private, refs=(f"case:{case_id}", *private.refs))
    changed = msgspec.structs.replace(body, private=private)
    # A queue is the pool's own.
    return msgspec.structs.replace(changed, queue="") if isinstance(changed, MessageReceived) else changed


def _by_contact(rows: "list[Record]") -> "dict[str, list[Record]]":
    found: dict[str, list[Record]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found
