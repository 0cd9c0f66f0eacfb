"""Reading from the erasable rows what a mail needs: the text, whom it goes to, what it answers."""

import json
from typing import Final

import msgspec

from ccc_router.channels.email.outbound.compose import Enclosure
from ccc_router.kernel.ids import reference
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.queues.waits.telling import Standing, standing_of
from ccc_router.storage.database import Database

_CONTACT: Final = """
    SELECT a.endpoint, a.address, a.name, a.subject, coalesce(c.reference, '') AS reference
    FROM contact_address a LEFT JOIN customer_case c ON c.pool = a.pool AND c.id = $3
    WHERE a.pool = $1 AND a.contact_id = $2
"""
_MESSAGE: Final = """
    SELECT text, at, direction, attachments::text AS attachments, deleted OR erased AS gone FROM message WHERE pool = $1 AND id = $2
"""
# The newest mail of the customer on this contact, else on the case: that is what is answered.
_ANSWERED: Final = """
    SELECT extra::text AS extra, subject FROM message
    WHERE pool = $1 AND case_id = $3 AND direction = 'inbound' AND NOT erased AND extra ? 'message_id'
    ORDER BY contact_id = $2 DESC, position DESC LIMIT 1
"""
# What a surge tells everybody, in the language of the mailbox as far as it was written in both.
_NOTICE: Final = (
    "SELECT text, extra ->> 'en' AS en FROM message WHERE pool = $1 AND id = $2 AND form = 'notice' AND NOT erased"
)
_FILES: Final = "SELECT sha256, bytes FROM blob WHERE sha256 = ANY($1::text[])"


class _Attached(msgspec.Struct):
    name: str
    media_type: str
    sha256: str


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows say. ``text`` is the message the delivery is about; ``answered`` is the id of the mail it answers; ``notice`` is what
    an automatic answer tells beside, by language, ``standing`` where the customer stands, if he is to be told and still waits."""

    endpoint: str
    address: str
    name: str
    subject: str
    reference: str
    text: str
    at: int
    gone: bool
    answered: str = ""
    references: tuple[str, ...] = ()
    files: tuple[Enclosure, ...] = ()
    notice: dict[str, str] = {}
    standing: Standing | None = None


class Missing(msgspec.Struct, frozen=True):
    """There is nothing to send, or nobody to send it to. ``reason`` is a short code."""

    reason: str


class Letters:
    """Reads. Raises what the database raises when it is away; the delivery is then tried again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def material(self, delivery: Delivery) -> Material | Missing:
        """All that a mail for ``delivery`` is made of."""
        async with self._database.pool.acquire(timeout=5) as connection:
            contact = await connection.fetchrow(_CONTACT, delivery.pool, delivery.contact_id, delivery.case_id)
            message = await connection.fetchrow(_MESSAGE, delivery.pool, delivery.message_id)
            if contact is None or not contact["address"]:
                return Missing("no_address")
            if message is None or message["gone"]:
                return Missing("no_message")
            answered = await connection.fetchrow(_ANSWERED, delivery.pool, delivery.contact_id, delivery.case_id)
            notice = await connection.fetchrow(_NOTICE, delivery.pool, delivery.data.get("notice", ""))
            standing = await standing_of(connection, delivery) if "wait" in delivery.data else None
            outgoing = message["direction"] != "inbound"
            attached = msgspec.json.decode(message["attachments"], type=list[_Attached]) if outgoing else []
            found = await connection.fetch(_FILES, [one.sha256 for one in attached]) if attached else []
        blobs = {row["sha256"]: row["bytes"] for row in found}
        if any(one.sha256 not in blobs for one in attached):
            return Missing("no_file")
        extra: dict[str, str] = json.loads(answered["extra"]) if answered else {}
        return Material(
            endpoint=contact["endpoint"],
            address=contact["address"],
            name=contact["name"],
            subject=(answered["subject"] if answered else "") or contact["subject"],
            reference=contact["reference"] or reference(delivery.case_id),
            text=message["text"],
            at=message["at"],
            gone=False,
            answered=extra.get("message_id", ""),
            references=tuple(extra.get("references", "").split()),
            notice={"vi": notice["text"], "en": notice["en"] or notice["text"]} if notice else {},
            standing=standing,
            files=tuple(Enclosure(one.name, one.media_type, blobs[one.sha256]) for one in attached),
        )
