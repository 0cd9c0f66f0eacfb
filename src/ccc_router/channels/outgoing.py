"""What a reply says and where it goes: read from the erasable rows at the moment of sending, never from the journal."""

from typing import Final, Protocol

import msgspec

from ccc_router.events.facts import Attachment
from ccc_router.events.vocabulary import Visibility
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.storage.database import Database

_READ: Final = """
SELECT m.text, m.visibility, m.author, m.attachments::text AS attachments, a.address, a.endpoint,
       m.erased OR m.deleted AS gone, m.delivery_state = 'sent' AS arrived,
       coalesce((SELECT max(x.at) FROM message x JOIN contact_address w ON w.pool = x.pool AND w.contact_id = x.contact_id
                 WHERE w.pool = a.pool AND w.endpoint = a.endpoint AND w.address = a.address AND x.direction = 'inbound'), 0)
           AS last_inbound_at
FROM message m JOIN contact_address a ON a.pool = m.pool AND a.contact_id = $3
WHERE m.pool = $1 AND m.id = $2
"""
_BLOB: Final = "SELECT bytes FROM blob WHERE sha256 = $1"


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message to a customer.

    ``last_inbound_at``: when the customer last wrote from this address (ms, 0: never). ``arrived``: the channel said already that the
    customer has it.
    """

    text: str
    visibility: Visibility
    author: str
    address: str
    endpoint: str
    last_inbound_at: int
    arrived: bool = False
    attachments: tuple[Attachment, ...] = ()


class Outbox(Protocol):
    """Reads what is to be sent."""

    async def of(self, delivery: Delivery) -> Outgoing | None:
        """The message of a delivery, or None when it was erased or withdrawn meanwhile."""
        ...

    async def content(self, attachment: Attachment) -> bytes | None:
        """The bytes of an attachment, or None when they were erased."""
        ...


class PostgresOutbox:
    """The outbox over the tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, delivery: Delivery) -> Outgoing | None:
        """See `Outbox.of`."""
        row = await self._database.pool.fetchrow(_READ, delivery.pool, delivery.message_id, delivery.contact_id)
        if row is None or row["gone"]:
            return None
        return Outgoing(
            text=row["text"],
            visibility=Visibility(row["visibility"]),
            author=row["author"],
            address=row["address"],
            endpoint=row["endpoint"],
            last_inbound_at=row["last_inbound_at"],
            arrived=row["arrived"],
            attachments=msgspec.json.decode(row["attachments"], type=tuple[Attachment, ...]),
        )

    async def content(self, attachment: Attachment) -> bytes | None:
        """See `Outbox.content`."""
        found: bytes | None = await self._database.pool.fetchval(_BLOB, attachment.sha256)
        return found
