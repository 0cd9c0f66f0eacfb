"""What is erasable is apart from what is hashed (I16): who is whose customer, erasing, and that nothing of a person is in the journal."""

from collections.abc import AsyncIterator

import pytest

from ccc_router.channels.phone.control import PostgresLines
from ccc_router.events import journal
from ccc_router.events.codec import decode_input, seal
from ccc_router.events.commands import PromiseCallback
from ccc_router.events.facts import Attachment, Handle, MessageChanged, Private
from ccc_router.events.vocabulary import Channel, DeliveryKind, Role
from ccc_router.queues.deliveries.port import Delivery
from ccc_router.queues.store.blobs import PostgresBlobs
from ccc_router.queues.store.erasing import erase_customer, erase_messages
from ccc_router.storage.database import Database
from tests.integration.queues.test_rebuild import start
from tests.support.fake_clock import FakeClock
from tests.support.inputs import a_message
from tests.support.spine import Spine, by_hand

_NOTICES = """
WITH c AS (SELECT c.id, c.case_id FROM contact c JOIN message m ON m.contact_id = c.id WHERE m.id = $2),
     e AS (INSERT INTO escalation (pool, id, case_id, contact_id, department, state, raised_at, due, live, row)
           SELECT 'main', $1, case_id, id, 'd_hi', 'raised', 1, 0, false, '{}' FROM c)
INSERT INTO delivery (pool, id, position, kind, lane, target, contact_id, case_id, escalation_id, state, body)
SELECT 'main', $1 || '-' || state, 1, 'webhook', $1 || state, 'd_hi', c.id, c.case_id, $1, state, 'his words'
FROM c, unnest(ARRAY ['owed', 'parked', 'failed']) AS state
"""


@pytest.fixture
async def spine(database: Database) -> AsyncIterator[Spine]:
    """An engine that leads."""
    async with by_hand(database, clock=FakeClock()) as made:
        await start(made)
        yield made


async def told(spine: Spine, key: str, **changes: object) -> str:
    """A message is handled; returns its id."""
    body = a_message(key, **changes)  # type: ignore[arg-type]
    await spine.tell(body, key)
    await spine.turns()
    return body.message_id


async def customer_of(database: Database, message_id: str) -> str:
    """Whose contact the message is in."""
    return str(
        await database.pool.fetchval(
            "SELECT c.customer_id FROM message m JOIN contact c ON c.id = m.contact_id WHERE m.id = $1", message_id
        )
    )


async def test_r25_a_claimed_handle_joins_no_two_channels(spine: Spine, database: Database) -> None:
    """The same address on mail and portal is the same customer only when it was proved."""
    claimed, proved = Handle("email", "a@example.com"), Handle("email", "a@example.com", verified=True)
    first = await told(spine, "m1", endpoint="mailbox", channel=Channel.EMAIL, handle=claimed)
    second = await told(spine, "m2", endpoint="mailbox", channel=Channel.EMAIL, handle=claimed)
    third = await told(spine, "m3", handle=claimed)
    fourth = await told(spine, "m4", handle=proved)
    fifth = await told(spine, "m5", endpoint="page", channel=Channel.FANPAGE, handle=proved)
    ids = [await customer_of(database, one) for one in (first, second, third, fourth, fifth)]
    assert ids[0] == ids[1]
    assert ids[2] != ids[0]
    assert ids[3] == ids[2]  # proved now, and known on this channel
    assert ids[4] == ids[3]  # proved: the same on every channel


async def test_one_batch_resolves_like_many(spine: Spine, database: Database) -> None:
    """The second message of a batch finds the customer, case and contact that the first one made."""
    handle = Handle("page_scoped_id", "page:1")
    for key in ("m1", "m2", "m3"):
        body = a_message(
            key, endpoint="page", channel=Channel.FANPAGE, handle=handle,
            refs=("conversation:page:1",), own_refs=("conversation:page:1",),
        )  # fmt: skip
        await spine.tell(body, key)
    await spine.turns()
    assert await database.pool.fetchval("SELECT count(*) FROM customer") == 1
    assert await database.pool.fetchval("SELECT count(*) FROM contact") == 1
    assert await database.pool.fetchval("SELECT array_agg(number ORDER BY number) FROM message") == [1, 2, 3]


async def test_no_personal_data_is_in_the_journal(spine: Spine) -> None:
    """Names, handles, texts, addresses and dedup keys stay out of it."""
    secrets = ("Bà Canary", "canary-text", "canary@example.com", "canary-key", "canary-ref")
    body = a_message(
        "canary-key", text="canary-text", handle=Handle("email", "canary@example.com"), own_refs=("mail:canary-ref",)
    )
    await spine.tell(body, "canary-key")
    await spine.turns()
    whole = b"".join(entry.body for entry in await spine.entries()).decode()
    assert "MessageReceived" in whole
    assert [secret for secret in secrets if secret in whole] == []


async def test_i16_erasing_leaves_a_chain_that_verifies(spine: Spine, database: Database) -> None:
    """The digest proves the text while it is there; afterwards there is no text, no salt, and the journal still holds."""
    private = Private(text="xin chào", attachments=(Attachment("at_1", "a.pdf", "application/pdf", 3, "ab" * 32),))
    await PostgresBlobs(database).keep([_Content("ab" * 32, "application/pdf", b"pdf")])
    body = a_message("m1")
    await spine.tell(type(body)(**{**{n: getattr(body, n) for n in body.__struct_fields__}, "private": private}), "m1")
    await spine.turns()
    entry = next(one for one in await spine.entries() if one.kind == "MessageReceived")
    salt, digest = await _salt(database)
    assert salt is not None
    assert decode_input(entry.body).digest == digest == seal(private, salt)
    async with database.pool.acquire() as connection:
        assert await erase_messages(connection, "main", [body.message_id]) == 1
        assert await erase_messages(connection, "main", [body.message_id]) == 0
        verdict = await journal.verify(connection, "main")
    assert verdict.fault == ""
    assert await _salt(database) == (None, digest)
    assert await database.pool.fetchval("SELECT text || subject || full_text || html FROM message") == ""
    assert await database.pool.fetchval("SELECT count(*) FROM blob") == 0


async def test_a_customer_is_erased_whole(spine: Spine, database: Database) -> None:
    handle = Handle("email", "a@example.com", verified=True)
    message = await told(spine, "m1", handle=handle)
    await told(spine, "m2", handle=handle, fresh_case=True)
    customer = await customer_of(database, message)
    async with database.pool.acquire() as connection:
        assert await erase_customer(connection, "main", customer) == 2
    assert await database.pool.fetchval("SELECT count(*) FROM handle") == 0
    assert await database.pool.fetchval("SELECT count(*) FROM contact_address") == 0
    assert await database.pool.fetchval("SELECT name || search_key FROM customer") == ""


async def test_the_bytes_of_notices_about_him_go_but_for_those_still_owed(spine: Spine, database: Database) -> None:
    """I10: every attempt at a notice sends the same bytes; I16: once none is to come, none stay. Nobody else's are touched."""
    mine = await told(spine, "m1", handle=Handle("email", "a@example.com", verified=True))
    other = await told(spine, "m2", handle=Handle("email", "b@example.com", verified=True))
    for name, message_id in (("es_1", mine), ("es_2", other)):
        await database.pool.execute(_NOTICES, name, message_id)
    async with database.pool.acquire() as connection:
        await erase_customer(connection, "main", await customer_of(database, mine))
    kept = await database.pool.fetch("SELECT id FROM delivery WHERE body IS NOT NULL ORDER BY id")
    assert [row[0] for row in kept] == ["es_1-owed", "es_2-failed", "es_2-owed", "es_2-parked"]


async def test_the_number_of_a_callback_is_in_no_journal_and_goes_with_its_customer(
    spine: Spine, database: Database
) -> None:
    """I16: the promise names nobody; where he is to be called is kept apart, and found only there."""
    message = await told(spine, "m1", handle=Handle("email", "a@example.com", verified=True))
    customer = await customer_of(database, message)
    case_id = str(await database.pool.fetchval("SELECT id FROM customer_case"))
    command = PromiseCallback(
        actor="ct_1", actor_role=Role.CUSTOMER, case_id=case_id, private=Private(name="An", address="+84987654321")
    )
    assert (await spine.drive(spine.ask(command))).status == 200
    promised = await database.pool.fetchrow("SELECT id, endpoint FROM contact WHERE channel = 'phone'")
    assert promised is not None
    delivery = Delivery(
        pool="main",
        id="dl_1",
        kind=DeliveryKind.CONTROL,
        lane="",
        target=promised["endpoint"],
        contact_id=promised["id"],
    )
    assert (await PostgresLines(database).of(delivery)).number == "+84987654321"
    assert b"987654321" not in b"".join(entry.body for entry in await spine.entries())
    async with database.pool.acquire() as connection:
        await erase_customer(connection, "main", customer)
    assert (await PostgresLines(database).of(delivery)).number == ""


async def test_a_message_deleted_at_its_source_is_gone_here(spine: Spine, database: Database) -> None:
    message = await told(spine, "m1")
    change = MessageChanged(channel=Channel.PORTAL, endpoint="portal", message_id=message, change="deleted")
    await spine.tell(change, "c1")
    await spine.turns()
    row = await database.pool.fetchrow("SELECT text, deleted FROM message")
    assert row is not None
    assert tuple(row) == ("", True)


async def test_a_changed_entry_is_noticed(spine: Spine, database: Database) -> None:
    """I16: one byte of one entry, with the guards off; the chain says where."""
    await told(spine, "m1")
    leaf = await database.pool.fetchval("SELECT tableoid::regclass::text FROM journal LIMIT 1")
    await database.pool.execute(f"ALTER TABLE {leaf} DISABLE TRIGGER USER")
    position = await database.pool.fetchval("SELECT max(position) FROM journal")
    changed = "UPDATE journal SET body = set_byte(body, 20, get_byte(body, 20) # 1) WHERE position = $1"
    await database.pool.execute(changed, position)
    async with database.pool.acquire() as connection:
        verdict = await journal.verify(connection, "main")
    assert "was changed" in verdict.fault
    assert verdict.position < position


async def _salt(database: Database) -> tuple[bytes | None, str]:
    row = await database.pool.fetchrow("SELECT salt, digest FROM message")
    assert row is not None
    return row[0], row[1]


class _Content:
    def __init__(self, sha256: str, media_type: str, content: bytes) -> None:
        self.sha256 = sha256
        self.media_type = media_type
        self.content = content
