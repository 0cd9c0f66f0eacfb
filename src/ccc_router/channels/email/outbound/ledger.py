"""What went out of each mailbox lately: keeps acknowledgements rare (RFC 3834) and remembers a mail nobody can say arrived.

Recipients stand here only as keyed digests; rows are pruned after two days.
"""

import hashlib
import hmac
from typing import Final, Literal

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.storage.database import Database

SENDER_HOURS: Final = 24
THREAD_MOST: Final = 5
_KEPT: Final = "2 days"

Limit = Literal["", "limit_sender", "limit_thread"]

_NOTE: Final = """
    INSERT INTO mail_sent (pool, delivery_id, endpoint, kind, case_id, recipient) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (pool, delivery_id) DO NOTHING
"""
_COUNTS: Final = f"""
    SELECT
        EXISTS (
            SELECT FROM mail_sent WHERE pool = $1 AND endpoint = $3 AND recipient = $6 AND kind = 'acknowledgement'
            AND delivery_id <> $2 AND sent_at > clock_timestamp() - interval '{SENDER_HOURS} hours'
        ) AS to_sender,
        (
            SELECT count(*) FROM mail_sent WHERE pool = $1 AND case_id = $5 AND delivery_id <> $2
            AND sent_at > clock_timestamp() - interval '1 hour'
        ) AS in_thread,
        EXISTS (SELECT FROM mail_sent WHERE pool = $1 AND delivery_id = $2) AND $4 = 'acknowledgement' AS noted
"""  # noqa: S608 - constants of ours


class Ledger:
    """The rows of ``mail_sent``. ``key`` makes the digests of recipients unguessable."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    async def note(self, delivery: Delivery, endpoint: str, recipient: str) -> None:
        """Write down that an answer is about to leave."""
        crashing.before(Site.MAIL_NOTE)
        await self._database.pool.execute(_NOTE, *self._row(delivery, endpoint, recipient))
        crashing.after(Site.MAIL_NOTE)

    async def claim(self, delivery: Delivery, endpoint: str, recipient: str) -> Limit:
        """Write down an acknowledgement, or say which limit forbids it.

        At most one to a sender in 24 hours per mailbox, and none into a case that had five mails within the hour. Only one claim
        per recipient is decided at a time. A claim once given holds for every further attempt.
        """
        row = self._row(delivery, endpoint, recipient)
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))", endpoint, row[5].hex())
            counts = await connection.fetchrow(_COUNTS, *row)
            if counts is None or counts["noted"]:
                return ""
            if counts["to_sender"]:
                return "limit_sender"
            if counts["in_thread"] >= THREAD_MOST:
                return "limit_thread"
            await connection.execute(_NOTE, *row)
            crashing.before(Site.MAIL_CLAIM)
        crashing.after(Site.MAIL_CLAIM)
        return ""

    async def doubt(self, delivery: Delivery) -> bool:
        """Note that nobody knows whether the mail arrived; tell whether that happened before."""
        crashing.before(Site.MAIL_DOUBT)
        before = await self._database.pool.fetchval(
            """
            UPDATE mail_sent new SET in_doubt = true FROM mail_sent old
            WHERE new.pool = $1 AND new.delivery_id = $2 AND old.pool = new.pool AND old.delivery_id = new.delivery_id
            RETURNING old.in_doubt
            """,
            delivery.pool,
            delivery.id,
        )
        crashing.after(Site.MAIL_DOUBT)
        return bool(before)

    async def prune(self) -> None:
        """Forget what no limit asks for any more."""
        crashing.before(Site.MAIL_PRUNE)
        await self._database.pool.execute(
            f"DELETE FROM mail_sent WHERE sent_at < clock_timestamp() - interval '{_KEPT}' AND NOT in_doubt"  # noqa: S608 - as above
        )
        crashing.after(Site.MAIL_PRUNE)

    def _row(self, delivery: Delivery, endpoint: str, recipient: str) -> tuple[str, str, str, str, str, bytes]:
        digest = hmac.new(self._key, recipient.lower().encode(), hashlib.sha256).digest()
        return delivery.pool, delivery.id, endpoint, delivery.kind.value, delivery.case_id, digest
