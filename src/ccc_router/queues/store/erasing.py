"""Erasing: a person's words and names go, the journal keeps its ids and digests, and the chain still verifies (I16)."""

from typing import Final

from ccc_router.storage.database import Connection

_MESSAGE: Final = """
UPDATE message SET subject = '', text = '', full_text = '', html = '', salt = NULL, attachments = '[]', extra = '{}',
    external_ref = '', erased = true
WHERE pool = $1 AND id = ANY ($2::text[]) AND NOT erased
"""
_FILES: Final = "DELETE FROM attachment WHERE pool = $1 AND message_id = ANY ($2::text[]) RETURNING sha256"
_ORPHANS: Final = """
DELETE FROM blob b WHERE b.sha256 = ANY ($1::text[])
  AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = b.sha256)
  AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.sha256 = b.sha256)
"""
# His contacts, and those of his cases that have no customer of their own: what a department sent back.
_CASES: Final = "SELECT id FROM customer_case WHERE pool = $1 AND customer_id = $2"
_CONTACTS: Final = """
SELECT id FROM contact WHERE pool = $1 AND customer_id = $2
UNION SELECT id FROM contact WHERE pool = $1 AND case_id = ANY ($3::text[]) AND customer_id = ''
"""
# Of his cases only what nobody else said there.
_MESSAGES_OF: Final = """
SELECT id FROM message WHERE pool = $1 AND contact_id = ANY ($2::text[])
UNION SELECT m.id FROM message m WHERE m.pool = $1 AND m.case_id = ANY ($3::text[]) AND NOT EXISTS (
    SELECT 1 FROM contact c WHERE c.pool = m.pool AND c.id = m.contact_id AND NOT c.id = ANY ($2::text[]))
"""
# What ties a later message to his contacts holds what his channel calls him by: a page-scoped id, a Message-ID of his provider.
_OF_CONTACTS: Final = tuple(
    f"DELETE FROM {table} WHERE pool = $1 AND contact_id = ANY ($2::text[])"  # noqa: S608 - names of ours
    for table in ("contact_address", "draft", "ref")
)
_TICKETS: Final = """
WITH gone AS (DELETE FROM portal_ticket WHERE pool = $1 AND contact_id = ANY ($2::text[]) RETURNING endpoint, reference)
DELETE FROM portal_line l USING gone WHERE l.pool = $1 AND (l.endpoint, l.reference) = (gone.endpoint, gone.reference)
"""
_UPLOADS: Final = "DELETE FROM portal_upload WHERE pool = $1 AND message_id = ANY ($2::text[])"
# Only notices to departments keep bytes. What is still owed keeps them until it is sent: every attempt is the same; what was never
# tried is built of the erased texts.
_BODIES: Final = """
UPDATE delivery d SET body = NULL FROM escalation e
WHERE e.pool = $1 AND e.case_id = ANY (SELECT case_id FROM contact WHERE pool = $1 AND id = ANY ($2::text[]) UNION SELECT unnest($3::text[]))
  AND d.pool = e.pool AND d.escalation_id = e.id AND (e.case_id = ANY ($3::text[]) OR d.contact_id = ANY ($2::text[]))
  AND d.body IS NOT NULL AND d.state <> 'owed'
"""
_CUSTOMER: Final = "UPDATE customer SET name = '', search_key = '' WHERE pool = $1 AND id = $2"
_HANDLES: Final = "DELETE FROM handle WHERE pool = $1 AND customer_id = $2"
# No index leads from a customer to his contacts or from a contact to its ticket: whole tables are read for him.
_PATIENCE_S: Final = 600
_PATIENCE: Final = f"SET LOCAL statement_timeout = '{_PATIENCE_S} s'"


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
    """Erase a customer's name, handles, addresses and tickets, every message of his contacts and cases, and what was drafted, uploaded or
    sent of them. In the caller's transaction.

    Returns how many messages. Raw deliveries go by themselves after 40 days.
    """
    async with connection.transaction():
        await connection.execute(_PATIENCE)
        cases = await _ids(connection, _CASES, pool, customer_id)
        contacts = await _ids(connection, _CONTACTS, pool, customer_id, cases)
        messages = await _ids(connection, _MESSAGES_OF, pool, contacts, cases)
        erased = await erase_messages(connection, pool, messages)
        for statement in (*_OF_CONTACTS, _TICKETS):
            await connection.execute(statement, pool, contacts, timeout=_PATIENCE_S)
        await connection.execute(_UPLOADS, pool, messages, timeout=_PATIENCE_S)
        await connection.execute(_BODIES, pool, contacts, cases, timeout=_PATIENCE_S)
        await connection.execute(_HANDLES, pool, customer_id)
        await connection.execute(_CUSTOMER, pool, customer_id)
    return erased


async def _ids(connection: Connection, query: str, *args: object) -> list[str]:
    return [row[0] for row in await connection.fetch(query, *args, timeout=_PATIENCE_S)]
