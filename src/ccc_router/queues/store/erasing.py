"""Erasing: a person's words and names go, the journal keeps its ids and digests, and the chain still verifies (I16)."""

from typing import Final

from ccc_router.storage.database import Connection

_MESSAGE: Final = """
UPDATE message SET subject = '', text = '', full_text = '', html = '', salt = NULL, attachments = '[]', extra = '{}', erased = true
WHERE pool = $1 AND id = ANY ($2::text[]) AND NOT erased
"""
_FILES: Final = "DELETE FROM attachment WHERE pool = $1 AND message_id = ANY ($2::text[]) RETURNING sha256"
_ORPHANS: Final = """
DELETE FROM blob b WHERE b.sha256 = ANY ($1::text[])
  AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = b.sha256)
  AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.sha256 = b.sha256)
"""
_MESSAGES_OF: Final = """
SELECT m.id FROM message m JOIN contact c ON c.pool = m.pool AND c.id = m.contact_id WHERE m.pool = $1 AND c.customer_id = $2
UNION SELECT m.id FROM message m JOIN customer_case k ON k.pool = m.pool AND k.id = m.case_id
WHERE m.pool = $1 AND k.customer_id = $2 AND NOT EXISTS (
    SELECT 1 FROM contact c WHERE c.pool = m.pool AND c.id = m.contact_id AND c.customer_id NOT IN ('', $2))
"""
_DRAFTS: Final = """
DELETE FROM draft d USING contact c WHERE d.pool = $1 AND c.pool = d.pool AND c.id = d.contact_id AND c.customer_id = $2
"""
# What was sent is sent; what is still owed to a department is built of the erased texts, and keeps its bytes until then.
_BODIES: Final = """
UPDATE delivery d SET body = NULL FROM contact c
WHERE d.pool = $1 AND c.pool = d.pool AND c.id = d.contact_id AND c.customer_id = $2 AND d.body IS NOT NULL AND d.state <> 'owed'
"""
_CUSTOMER: Final = "UPDATE customer SET name = '', search_key = '' WHERE pool = $1 AND id = $2"
_HANDLES: Final = "DELETE FROM handle WHERE pool = $1 AND customer_id = $2"
_ADDRESSES: Final = """
DELETE FROM contact_address a USING contact c
WHERE a.pool = $1 AND c.pool = a.pool AND c.id = a.contact_id AND c.customer_id = $2
"""


async def erase_messages(connection: Connection, pool: str, message_ids: list[str]) -> int:
    """Erase texts and files; files that nobody else refers to go with them. Returns how many messages had something left.

    Without its salt a digest in the journal tells nothing about what was erased.
    """
    async with connection.transaction():
        status = await connection.execute(_MESSAGE, pool, message_ids)
        files = [row[0] for row in await connection.fetch(_FILES, pool, message_ids)]
        if files:
            await connection.execute(_ORPHANS, files)
    return int(status.split()[-1])


async def erase_customer(connection: Connection, pool: str, customer_id: str) -> int:
    """Erase a customer's name, handles, addresses, every message of his contacts and cases, and what was drafted or sent of them.

    Returns how many messages. Raw deliveries go by themselves after 40 days.
    """
    async with connection.transaction():
        ids = [row[0] for row in await connection.fetch(_MESSAGES_OF, pool, customer_id)]
        erased = await erase_messages(connection, pool, ids)
        for statement in (_ADDRESSES, _DRAFTS, _BODIES):
            await connection.execute(statement, pool, customer_id)
        await connection.execute(_HANDLES, pool, customer_id)
        await connection.execute(_CUSTOMER, pool, customer_id)
    return erased
