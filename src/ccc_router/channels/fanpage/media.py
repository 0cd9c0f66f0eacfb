"""Files of visitors' messages: fetched at once, for the addresses Meta gives expire.

Only from hosts of Meta's own (SSRF), by https, without redirects, up to a size. What a file is, its first bytes say.
"""

import hashlib
import json
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from ccc_router.channels.channel import Directory
from ccc_router.channels.found import digest
from ccc_router.events.facts import Attachment
from ccc_router.kernel import crashing
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.crashing import Site
from ccc_router.kernel.ids import derive
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.sniffing import kind_of, safe_name
from ccc_router.kernel.tasks import Loop
from ccc_router.storage.database import Database

_log = get_logger("channels.fanpage")
HOSTS: Final = (".fbcdn.net", ".fbsbx.com")
LARGEST: Final = 25 << 20
_TRIES: Final = 5
_HOLD_MS: Final = 60_000
_AT_ONCE: Final = 10
_MOST_FILES: Final = 20

# The claim is a due time in the row: a process that dies gives it back after a minute.
_CLAIM: Final = """
UPDATE message m SET extra = m.extra || jsonb_build_object(
    'attachments_due', ($2::bigint + $3)::text, 'attachments_tries', (coalesce(m.extra->>'attachments_tries', '0')::int + 1)::text)
FROM (SELECT pool, id FROM message
      WHERE pool = $1 AND extra ? 'attachments' AND NOT deleted AND NOT erased
        AND coalesce(extra->>'attachments_due', '0')::bigint <= $2
      ORDER BY position LIMIT $4 FOR UPDATE SKIP LOCKED) due
WHERE m.pool = due.pool AND m.id = due.id
RETURNING m.id, m.contact_id, m.extra->>'attachments' AS files, (m.extra->>'attachments_tries')::int AS tries,
    (SELECT c.endpoint FROM contact c WHERE c.pool = m.pool AND c.id = m.contact_id) AS endpoint
"""
_KEEP: Final = """
WITH kept AS (
    UPDATE message SET attachments = attachments || $3::jsonb,
        extra = extra - 'attachments' - 'attachments_due' - 'attachments_tries' || $4::jsonb
    WHERE pool = $1 AND id = $2 AND extra ? 'attachments' AND NOT deleted AND NOT erased RETURNING contact_id)
INSERT INTO attachment (pool, id, message_id, contact_id, name, media_type, size, sha256, inline)
SELECT $1, f.attachment_id, $2, kept.contact_id, f.name, f.media_type, f.size, f.sha256, false
FROM kept, jsonb_to_recordset($3::jsonb) AS f (attachment_id text, name text, media_type text, size bigint, sha256 text)
ON CONFLICT (pool, id) DO NOTHING
"""
_BLOB: Final = """
INSERT INTO blob (sha256, media_type, size, bytes) VALUES ($1, $2, $3, $4)
ON CONFLICT (sha256) DO UPDATE SET at = clock_timestamp()
"""


class Wanted(msgspec.Struct, frozen=True):
    """A file as a message names it."""

    type: str = ""
    url: str = ""
    title: str = ""


class _Fetched(msgspec.Struct, frozen=True):
    attachment: Attachment
    content: bytes


class Media:
    """Run its loop under the supervisor. Endpoint option ``media_hosts``: other hosts, separated by spaces."""

    def __init__(
        self, database: Database, pool: str, client: httpx.AsyncClient, directory: Directory, clock: Clock
    ) -> None:
        self._database = database
        self._pool = pool
        self._client = client
        self._directory = directory
        self._clock = clock
        self.loop = Loop("fanpage-media", self.run_once, 1.0)

    async def run_once(self) -> bool:
        """Fetch the files of some messages. True if there may be more."""
        now = self._clock.now_ms()
        crashing.before(Site.MEDIA_CLAIM)
        rows = await self._database.pool.fetch(_CLAIM, self._pool, now, _HOLD_MS, _AT_ONCE)
        crashing.after(Site.MEDIA_CLAIM)
        for row in rows:
            wanted = msgspec.json.decode(row["files"], type=list[Wanted])[:_MOST_FILES]
            fetched, missing = await self._fetch_all(row["id"], row["endpoint"] or "", wanted)
            if not missing or row["tries"] >= _TRIES:
                await self._keep(row["id"], fetched, missing)
        return len(rows) == _AT_ONCE

    async def _fetch_all(
        self, message_id: str, endpoint_id: str, wanted: list[Wanted]
    ) -> tuple[list[_Fetched], list[Wanted]]:
        hosts = self._hosts(endpoint_id)
        fetched: list[_Fetched] = []
        missing: list[Wanted] = []
        for number, one in enumerate(wanted):
            content = await self._fetch(one.url, hosts) if allowed(one.url, hosts) else None
            if content is None:
                missing.append(one)
            else:
                fetched.append(_Fetched(_attachment(message_id, number, one, content), content))
        return fetched, missing

    def _hosts(self, endpoint_id: str) -> tuple[str, ...]:
        endpoint = self._directory.endpoint(endpoint_id)
        if endpoint is None:
            return HOSTS
        return tuple(endpoint.options.get("media_hosts", "").split()) or HOSTS

    async def _fetch(self, url: str, hosts: tuple[str, ...]) -> bytes | None:
        try:
            async with self._client.stream("GET", url) as answer:
                if answer.status_code != httpx.codes.OK:
                    return None
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > LARGEST:
                        return None
                return bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RuntimeError):  # the last: the client closes as we stop
            _log.warning("media_not_fetched", hosts=len(hosts))
            return None

    async def _keep(self, message_id: str, fetched: list[_Fetched], missing: list[Wanted]) -> None:
        left = {"attachments_missing": str(len(missing))} if missing else {}
        async with self._database.transaction() as connection:
            for one in sorted(fetched, key=lambda one: one.attachment.sha256):
                file = one.attachment
                await connection.execute(_BLOB, file.sha256, file.media_type, file.size, one.content)
            rows = msgspec.json.encode([msgspec.structs.asdict(one.attachment) for one in fetched]).decode()
            await connection.execute(_KEEP, self._pool, message_id, rows, json.dumps(left))
            crashing.before(Site.MEDIA)
        crashing.after(Site.MEDIA)


def allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether a file may be fetched from there: https, the usual port, a host that is, or ends in, one of ``hosts``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    name = (parts.hostname or "").lower()
    fits = any(name == host or (host.startswith(".") and name.endswith(host)) for host in hosts)
    return parts.scheme == "https" and port in {None, 443} and parts.username is None and fits


def _attachment(message_id: str, number: int, wanted: Wanted, content: bytes) -> Attachment:
    media_type = kind_of(content) or "application/octet-stream"
    name = safe_name(wanted.title or f"{wanted.type or 'file'}-{number + 1}", media_type)
    sha256 = hashlib.sha256(content).hexdigest()
    return Attachment(derive("at", message_id, digest(number, sha256)), name, media_type, len(content), sha256)
