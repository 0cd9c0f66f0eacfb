"""Single-use links: 256 random bits in the URL, their hash in the database, gone after their time.

The same mail sent again carries the same links: a token derives from the delivery's id and a key of ours, so that the body of
every attempt is the same and nothing has to be kept but the hash. Nothing about a person is in the URL.
"""

import base64
import hashlib
import hmac
import re
from datetime import timedelta
from typing import Final, Literal

import msgspec

from ccc_router.kernel import crashing
from ccc_router.kernel.crashing import Site

from ..storage.database import Database

LIFE: Final = timedelta(days=30)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")

Action = Literal["acknowledge", "answer"]
ACTIONS: Final[tuple[Action, ...]] = ("acknowledge", "answer")

_KEEP: Final = """
INSERT INTO department_link (token_hash, pool, escalation_id, department, delivery_id, action, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7)
ON CONFLICT (token_hash) DO NOTHING
"""
_FIND: Final = """
SELECT escalation_id, department, action, used_at IS NOT NULL AS used, expires_at <= clock_timestamp() AS over
FROM department_link WHERE token_hash = $1 AND pool = $2
"""
_USE: Final = """
UPDATE department_link SET used_at = clock_timestamp() WHERE token_hash = $1 AND used_at IS NULL RETURNING true
"""


class Link(msgspec.Struct, frozen=True):
    """What a link is for. ``key`` names its use: the same for every click on it."""

    escalation_id: str
    department: str
    action: Action
    used: bool
    over: bool
    key: str


class Links:
    """Makes and finds links."""

    def __init__(self, database: Database, pool: str, key: bytes) -> None:
        """``key`` is secret and the same in all processes of the service."""
        self._database = database
        self._pool = pool
        self._key = key

    async def make(self, escalation_id: str, department: str, delivery_id: str, action: Action) -> str:
        """The token of a mail's link; for the same delivery and action always the same."""
        content = f"department-link:{self._pool}:{delivery_id}:{action}".encode()
        token = base64.urlsafe_b64encode(hmac.digest(self._key, content, "sha256")).decode().rstrip("=")
        crashing.before(Site.LINK)
        await self._database.pool.execute(
            _KEEP, _hash(token), self._pool, escalation_id, department, delivery_id, action, LIFE
        )
        crashing.after(Site.LINK)
        return token

    async def find(self, token: str) -> Link | None:
        """The link of a token; None when there is none, also for what was never a token."""
        if not _TOKEN.fullmatch(token):
            return None
        row = await self._database.pool.fetchrow(_FIND, _hash(token), self._pool)
        if row is None:
            return None
        return Link(
            row["escalation_id"],
            row["department"],
            row["action"],
            row["used"],
            row["over"],
            f"link:{_hash(token).hex()[:32]}",
        )

    async def use(self, token: str) -> bool:
        """It did what it is for. False: it had before."""
        crashing.before(Site.LINK_USE)
        used = bool(await self._database.pool.fetchval(_USE, _hash(token)))
        crashing.after(Site.LINK_USE)
        return used


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
