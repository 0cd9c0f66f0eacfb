"""What a reply says and where it goes: read from the erasable rows at the moment of sending, never from the journal; and what is said
by itself to whoever has to wait, written into them before it is sent."""

from typing import Final, Protocol

import msgspec

from ccc_router.channels.channel import Directory
from ccc_router.events.facts import Attachment
from ccc_router.events.vocabulary import Visibility
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.queues.deliveries.port import Attempted, Delivery, Failed, Postponed, Sender
from ccc_router.queues.waits.telling import SOON_MS, is_early, standing_of
from ccc_router.queues.waits.words import automatic_text
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
_SAID: Final = "SELECT true FROM message WHERE pool = $1 AND id = $2"
# To one address, whatever contacts it made: two machines that answer each other are not to make a conversation of it.
_SAID_LATELY: Final = """
SELECT EXISTS (SELECT FROM contact_address a JOIN contact_address w ON (w.pool, w.endpoint, w.address) = (a.pool, a.endpoint, a.address)
               JOIN message m ON m.pool = w.pool AND m.contact_id = w.contact_id AND m.form = 'automatic' AND m.at > $3
               WHERE a.pool = $1 AND a.contact_id = $2)
"""
_SAY: Final = """
INSERT INTO message (pool, id, contact_id, case_id, number, direction, visibility, author, form, text, at, position, delivery_id,
                     delivery_state)
SELECT d.pool, d.message_id, d.contact_id, d.case_id, 0, 'outbound', 'private', 'system', 'automatic', $3, $4, d.position, d.id, 'owed'
FROM delivery d WHERE d.pool = $1 AND d.id = $2
ON CONFLICT (pool, id) DO NOTHING
"""
_PAUSE_MS: Final = 3_600_000
"""To one address so long apart."""
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


class Automatic:
    """Writes down what an automatic answer says, once and for good, and has it sent like any other message. Mail has words of its own."""

    def __init__(self, database: Database, directory: Directory, clock: Clock, replies: Sender) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._replies = replies

    async def send(self, delivery: Delivery) -> Attempted:
        """See `Sender.send`."""
        endpoint = self._directory.endpoint(delivery.target)
        if endpoint is not None and endpoint.channel != "email":
            unsaid = await self._say(delivery, endpoint.name.vi, endpoint.name.en)
            if unsaid is not None:
                return unsaid
        return await self._replies.send(delivery)

    async def _say(self, delivery: Delivery, *names: str) -> Failed | Postponed | None:
        """Why there is nothing to say, or not yet; None: it is written down, by this attempt or an earlier one."""
        pool, now = self._database.pool, self._clock.now_ms()
        if await pool.fetchval(_SAID, delivery.pool, delivery.message_id):
            return None
        standing = await standing_of(self._database, delivery)
        if standing is None:
            return Failed("waits_no_longer")
        if is_early(standing, delivery, now):
            return Postponed("not_foretold", SOON_MS)
        if await pool.fetchval(_SAID_LATELY, delivery.pool, delivery.contact_id, now - _PAUSE_MS):
            return Failed("limit_address")
        text = automatic_text(names[standing.language == "en"], standing, standing.language)
        crashing.before(Site.SAID)
        await pool.execute(_SAY, delivery.pool, delivery.id, text, now)
        crashing.after(Site.SAID)
        return None
