"""What must stay erasable, gathered over a batch and written in one go: customers, handles, addresses, texts, files.

The journal refers to it by ids and salted digests only.
"""

from typing import Final, NamedTuple

from ccc_router.events.facts import Attachment
from ccc_router.kernel.text import fold
from ccc_router.queues.store.columns import Writes, write_rows
from ccc_router.routing.rows import Case
from ccc_router.storage.database import Connection

HandleKey = tuple[str, str, str]
"""(kind, value, channel where it counts: "" for a verified one)."""


class CustomerRow(NamedTuple):
    """``customer``."""

    id: str
    name: str
    search_key: str
    created_at: int


class HandleRow(NamedTuple):
    """``handle``."""

    kind: str
    value: str
    channel: str
    customer_id: str
    verified: bool
    evidence: str
    at: int


class MessageRow(NamedTuple):
    """``message``."""

    id: str
    contact_id: str
    case_id: str
    escalation_id: str
    number: int
    direction: str
    visibility: str
    author: str
    form: str
    subject: str
    text: str
    full_text: str
    html: str
    salt: bytes | None
    digest: str
    at: int
    position: int
    delivery_id: str
    delivery_state: str
    attachments: str
    extra: str


class RefRow(NamedTuple):
    """``ref``: what a ref points to."""

    ref: str
    case_id: str
    contact_id: str
    message_id: str


class AddressRow(NamedTuple):
    """``contact_address``: where a reply goes."""

    contact_id: str
    endpoint: str
    address: str
    name: str
    subject: str
    handle_kind: str
    handle_value: str
    extra: str


class AttachmentRow(NamedTuple):
    """``attachment``."""

    id: str
    message_id: str
    contact_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    inline: bool


class Mark(NamedTuple):
    """A receipt or change of a message, named by our id or by the channel's."""

    message_id: str
    mark: str


_CUSTOMERS: Final = """
INSERT INTO customer AS c (pool, id, name, search_key, created_at)
SELECT $1, * FROM unnest($2::customer_record[])
ON CONFLICT (pool, id) DO UPDATE SET name = excluded.name, search_key = excluded.search_key
WHERE excluded.name <> '' AND c.name = ''
"""
_HANDLES: Final = """
INSERT INTO handle (pool, kind, value, channel, customer_id, verified, evidence, at)
SELECT $1, * FROM unnest($2::handle_record[])
ON CONFLICT (pool, kind, value, channel) DO UPDATE SET customer_id = excluded.customer_id, evidence = excluded.evidence,
    at = excluded.at
"""
_MESSAGES: Final = """
INSERT INTO message (pool, id, contact_id, case_id, escalation_id, number, direction, visibility, author, form, subject,
                     text, full_text, html, salt, digest, at, position, delivery_id, delivery_state, attachments, extra)
SELECT $1, * FROM unnest($2::message_record[])
ON CONFLICT (pool, id) DO NOTHING
"""
_REFS: Final = """
INSERT INTO ref (pool, ref, case_id, contact_id, message_id)
SELECT $1, * FROM unnest($2::ref_record[])
ON CONFLICT (pool, ref) DO UPDATE SET case_id = excluded.case_id, contact_id = excluded.contact_id,
    message_id = excluded.message_id
"""
_ADDRESSES: Final = """
INSERT INTO contact_address (pool, contact_id, endpoint, address, name, subject, handle_kind, handle_value, extra)
SELECT $1, * FROM unnest($2::address_record[])
ON CONFLICT (pool, contact_id) DO UPDATE SET endpoint = excluded.endpoint, address = excluded.address,
    name = excluded.name, subject = excluded.subject, handle_kind = excluded.handle_kind,
    handle_value = excluded.handle_value, extra = excluded.extra
"""
_ATTACHMENTS: Final = """
INSERT INTO attachment (pool, id, message_id, contact_id, name, media_type, size, sha256, inline)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bool[])
ON CONFLICT (pool, id) DO NOTHING
"""
# What was deleted at its source is gone here too; a receipt never takes back a later one.
_MARKS: Final = """
UPDATE message m SET mark = e.mark, deleted = m.deleted OR e.mark = 'deleted',
    subject = CASE WHEN e.mark = 'deleted' THEN '' ELSE m.subject END,
    text = CASE WHEN e.mark = 'deleted' THEN '' ELSE m.text END,
    full_text = CASE WHEN e.mark = 'deleted' THEN '' ELSE m.full_text END,
    html = CASE WHEN e.mark = 'deleted' THEN '' ELSE m.html END,
    attachments = CASE WHEN e.mark = 'deleted' THEN '[]' ELSE m.attachments END
FROM unnest($2::text[], $3::text[]) AS e (id, mark)
WHERE m.pool = $1 AND (m.id = e.id OR (m.external_ref = e.id AND m.external_ref <> ''))
  AND NOT (m.mark IN ('read', 'deleted') AND e.mark = 'delivered')
"""
_EDITS: Final = """
UPDATE message m SET subject = e.subject, text = e.text, full_text = e.full_text, html = e.html, salt = e.salt, digest = e.digest
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::text[])
    AS e (id, subject, text, full_text, html, salt, digest)
WHERE m.pool = $1 AND m.id = e.id AND NOT m.erased
"""
_SEEN_UP_TO: Final = """
UPDATE message m SET mark = e.mark FROM unnest($2::text[], $3::text[], $4::bigint[]) AS e (case_id, mark, watermark)
WHERE m.pool = $1 AND m.case_id = e.case_id AND m.direction = 'outbound' AND m.at <= e.watermark
  AND m.mark NOT IN ('read', 'deleted') AND m.mark <> e.mark
"""
_DELIVERED: Final = """
UPDATE message m SET delivery_state = e.state,
    external_ref = CASE WHEN e.external_id <> '' THEN e.external_id ELSE m.external_ref END
FROM unnest($2::text[], $3::text[], $4::text[]) AS e (delivery_id, state, external_id)
JOIN delivery d ON d.pool = $1 AND d.id = e.delivery_id
WHERE m.pool = $1 AND m.id = d.message_id AND m.delivery_id = e.delivery_id
  AND NOT (m.delivery_state = 'sent' AND e.state IN ('unknown', 'owed'))
"""
_LINKED: Final = """
WITH e AS (SELECT * FROM unnest($2::text[], $3::text[]) AS e (contact_id, case_id)),
     r AS (UPDATE ref SET case_id = e.case_id FROM e WHERE ref.pool = $1 AND ref.contact_id = e.contact_id)
UPDATE message m SET case_id = e.case_id FROM e WHERE m.pool = $1 AND m.contact_id = e.contact_id
"""


# Proved by that identification alone: what a channel proved, or another agent, has another time or no evidence.
_UNDONE: Final = """
DELETE FROM handle h USING unnest($2::text[], $3::bigint[]) AS e (customer_id, at)
WHERE h.pool = $1 AND h.customer_id = e.customer_id AND h.at = e.at AND h.channel = '' AND h.evidence <> ''
"""


class Erasable:
    """The erasable rows of one batch. What earlier inputs of the batch made is found here by the look-ups of later ones; so are
    the cases that ``left`` the memory with it."""

    def __init__(self) -> None:
        self.customers: dict[str, CustomerRow] = {}
        self.handles: dict[HandleKey, HandleRow] = {}
        self.messages: dict[str, MessageRow] = {}
        self.refs: dict[str, RefRow] = {}
        self.addresses: dict[str, AddressRow] = {}
        self.attachments: dict[str, AttachmentRow] = {}
        self.marks: dict[Mark, None] = {}
        self.edits: dict[str, tuple[str, str, str, str, str, bytes, str]] = {}
        self.seen_up_to: dict[tuple[str, str], tuple[str, str, int]] = {}
        self.delivered: dict[str, tuple[str, str, str]] = {}
        self.linked: dict[str, tuple[str, str]] = {}
        self.undone: set[tuple[str, int]] = set()
        self.left: dict[str, Case] = {}

    def name_customer(self, customer_id: str, name: str, at: int) -> None:
        """Write a customer down, or give one without a name the name he uses."""
        known = self.customers.get(customer_id)
        if known is None or (not known.name and name):
            self.customers[customer_id] = CustomerRow(customer_id, name, fold(name), at)

    def undo(self, customer_id: str, at: int) -> None:
        """What an identification of then (engine ms) proved of him is proved no more, also if it is of this batch."""
        self.undone.add((customer_id, at))
        self.handles = {
            key: row
            for key, row in self.handles.items()
            if not (row.customer_id == customer_id and row.at == at and row.verified and row.evidence)
        }

    def put_attachments(self, message_id: str, contact_id: str, files: tuple[Attachment, ...]) -> None:
        """The files of a message."""
        for one in files:
            self.attachments[one.attachment_id] = AttachmentRow(
                one.attachment_id, message_id, contact_id, one.name, one.media_type, one.size, one.sha256, one.inline
            )

    def write(self, writes: Writes) -> None:
        """Add the rows that are new."""
        writes.add_records(_CUSTOMERS, self.customers.values())
        writes.add_records(_HANDLES, self.handles.values())
        writes.add_records(_MESSAGES, self.messages.values())
        writes.add_records(_REFS, self.refs.values())
        writes.add_records(_ADDRESSES, self.addresses.values())
        writes.add_rows(_ATTACHMENTS, self.attachments.values())

    async def change(self, connection: Connection, pool: str) -> None:
        """Change rows that are there by now. Raises what asyncpg raises."""
        await write_rows(connection, _EDITS, pool, self.edits.values())
        await write_rows(connection, _MARKS, pool, self.marks)
        await write_rows(connection, _SEEN_UP_TO, pool, self.seen_up_to.values())
        await write_rows(connection, _DELIVERED, pool, self.delivered.values())
        await write_rows(connection, _LINKED, pool, self.linked.values())
        await write_rows(connection, _UNDONE, pool, sorted(self.undone))
