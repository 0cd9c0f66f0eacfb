"""What the journal says of one contact, however many rows it is spread over and whatever else those rows hold."""

from ccc_router.agents.store.records import Records
from ccc_router.events.codec import canonical
from ccc_router.events.vocabulary import Channel
from ccc_router.kernel.ids import derive
from ccc_router.storage.database import Database
from tests.support.inputs import a_message, submitted
from tests.support.spine import running

_TURNS = 230


async def test_i13_a_long_conversation_is_read_whole(database: Database) -> None:
    """More rows than one question asks for; another contact's entries, in the same batches, are none of it."""
    async with running(database) as spine:
        first = a_message("t0", channel=Channel.PORTAL, own_refs=("thread-a",))
        await spine.inbox.append([submitted("t0", first)])
        await spine.empty()
        for number in range(1, _TURNS):
            turn = a_message(f"t{number}", refs=("thread-a",))
            await spine.inbox.append([submitted(f"t{number}", turn), submitted(f"other-{number}")])
        await spine.empty()
        contact_id = derive("ct", "portal", "t0")
        records = Records(database, "main")
        kinds = ("ContactOpened", "MessageCounted")
        whole = await records.of_contact(contact_id, kinds, after=0, limit=1_000)
        assert [one.kind for one in whole] == ["ContactOpened"] + ["MessageCounted"] * _TURNS
        assert {one.document()["contact_id"] for one in whole} == {contact_id}
        mine = [e for e in await spine.entries() if e.kind in kinds and canonical(contact_id) in e.body]
        assert [one.position for one in whole] == [entry.position for entry in mine]

        pages, after = [], 0
        while page := await records.of_contact(contact_id, kinds, after=after, limit=7):
            pages += page
            after = page[-1].position
        assert pages == whole

        last = await records.last_of_contact(contact_id, "ContactOpened")
        assert last == whole[0]
        newest = await records.last_of_contact(contact_id, "MessageCounted")
        assert newest == whole[-1]
        assert await records.last_of_contact(contact_id, "OfferMade") is None
