"""Files of visitors' messages are fetched while their addresses are good, and only from where they should come from."""

import json

import httpx
import msgspec
import pytest

from ccc_router.channels.fanpage.media import HOSTS, LARGEST, Media, allowed
from ccc_router.events.facts import Attachment
from ccc_router.kernel.clock import SystemClock
from ccc_router.storage.database import Database
from tests.support.channel_case import an_endpoint
from tests.support.channel_intake import KnownEndpoints

PHOTO = b"\xff\xd8\xff\xe0 a photo"
GOOD = "https://scontent.xx.fbcdn.net/v/anh.jpg?oh=1"


async def wants(database: Database, *urls: str, message_id: str = "ms_1") -> None:
    files = json.dumps([{"type": "image", "url": url, "title": ""} for url in urls])
    await database.pool.execute(
        """INSERT INTO message (pool, id, contact_id, case_id, number, direction, visibility, author, form, at, position, extra)
           VALUES ('main', $1, 'ct_1', 'cs_1', 1, 'inbound', 'private', 'customer', 'message', 0, 1, $2::jsonb)""",
        message_id,
        json.dumps({"attachments": files, "referral": "x"}),
    )


class Meta:
    """A host that gives what it has, and remembers who asked for what."""

    def __init__(self, has: dict[str, httpx.Response]) -> None:
        self.has = has
        self.asked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        return self.has.get(str(request.url), httpx.Response(404))


def media(database: Database, meta: Meta) -> Media:
    client = httpx.AsyncClient(transport=httpx.MockTransport(meta), follow_redirects=False)
    return Media(database, "main", client, KnownEndpoints(an_endpoint("fanpage", "page-1")), SystemClock())


async def files_of(database: Database, message_id: str = "ms_1") -> tuple[Attachment, ...]:
    text = await database.pool.fetchval("SELECT attachments::text FROM message WHERE id = $1", message_id)
    return msgspec.json.decode(text, type=tuple[Attachment, ...])


async def extra_of(database: Database) -> dict[str, str]:
    found: dict[str, str] = json.loads(await database.pool.fetchval("SELECT extra::text FROM message"))
    return found


async def make_due(database: Database) -> None:
    await database.pool.execute("UPDATE message SET extra = extra - 'attachments_due'")


async def test_a_photo_is_fetched_and_hangs_on_its_message(database: Database) -> None:
    await wants(database, GOOD)
    meta = Meta({GOOD: httpx.Response(200, content=PHOTO)})
    await media(database, meta).run_once()
    (file,) = await files_of(database)
    assert (file.name, file.media_type, file.size) == ("image-1.jpg", "image/jpeg", len(PHOTO))
    row = await database.pool.fetchrow(
        "SELECT a.message_id, a.contact_id, b.bytes FROM attachment a JOIN blob b USING (sha256)"
    )
    assert row is not None
    assert tuple(row) == ("ms_1", "ct_1", PHOTO)
    assert await extra_of(database) == {"referral": "x"}
    await media(database, meta).run_once()
    assert meta.asked == [GOOD], "once"


@pytest.mark.parametrize(
    "url",
    [
        "http://scontent.xx.fbcdn.net/a.jpg",
        "https://evil.example/a.jpg",
        "https://fbcdn.net.evil.example/a.jpg",
        "https://evilfbcdn.net/a.jpg",
        "https://scontent.fbcdn.net:8443/a.jpg",
        "https://user@scontent.fbcdn.net/a.jpg",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1]/",
        "https://[bad/",
        "",
    ],
)
async def test_nothing_is_fetched_from_elsewhere(database: Database, url: str) -> None:
    await wants(database, url)
    meta = Meta({})
    await media(database, meta).run_once()
    assert meta.asked == []
    assert not allowed(url, HOSTS)


async def test_what_cannot_be_had_is_tried_five_times_and_then_said_to_be_missing(database: Database) -> None:
    await wants(database, GOOD, GOOD + "&gone")
    meta = Meta({GOOD: httpx.Response(200, content=PHOTO)})
    for _ in range(5):
        await make_due(database)
        await media(database, meta).run_once()
    assert len(await files_of(database)) == 1
    assert await extra_of(database) == {"referral": "x", "attachments_missing": "1"}
    await media(database, meta).run_once()
    assert len(meta.asked) == 10


async def test_a_redirect_and_a_flood_are_not_taken(database: Database) -> None:
    await wants(database, GOOD, GOOD + "&big")
    moved = httpx.Response(302, headers={"location": "https://169.254.169.254/"})
    meta = Meta({GOOD: moved, GOOD + "&big": httpx.Response(200, content=b"\0" * (LARGEST + 1))})
    await media(database, meta).run_once()
    assert meta.asked == [GOOD, GOOD + "&big"]
    assert await files_of(database) == ()


async def test_a_claim_holds_for_a_minute(database: Database) -> None:
    await wants(database, GOOD)
    meta = Meta({})
    await media(database, meta).run_once()
    await media(database, meta).run_once()
    assert len(meta.asked) == 1


async def test_what_was_deleted_meanwhile_stays_deleted(database: Database) -> None:
    await wants(database, GOOD)
    await database.pool.execute("UPDATE message SET deleted = true, attachments = '[]'")
    meta = Meta({GOOD: httpx.Response(200, content=PHOTO)})
    await media(database, meta).run_once()
    assert meta.asked == []
    assert await files_of(database) == ()
