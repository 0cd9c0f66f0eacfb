"""I16: of somebody who is erased no table says anything any more, and what he shows afterwards is known to nobody."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from ccc_router.bootstrap.records import erase_and_tell
from ccc_router.events.commands import CloseContact
from ccc_router.events.vocabulary import Role
from ccc_router.routing.rows import Contact
from ccc_router.storage.database import Database
from tests.integration.channels.test_reception import PERSON, wrote
from tests.support.fake_graph import serving
from tests.support.reception import Reception, receiving
from tests.support.waiting import eventually

SOON_OVER: Final = {"raw_delivery", "seen", "idempotency", "outcome"}
"""What goes by itself after 40 days or one; docs/operations.md says so."""
FORM: Final = {
    "text": "canary-form", "name": "Bà Canary", "phone": "0912345678", "email": "canary@example.vn", "subject": "canary-subject",
}  # fmt: skip
PDF: Final = b"%PDF-1.7\ncanary-file"


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Reception]:
    async with serving() as graph, receiving(database, graph) as reception:
        yield reception


async def everything(database: Database) -> str:
    """What every table holds, as text."""
    names = await database.pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL ($1::text[])", list(SOON_OVER)
    )
    tables = {row[0] for row in names}
    assert {"message", "ref", "portal_ticket", "portal_upload", "delivery", "journal"} <= tables
    found = ""
    for table in sorted(tables):
        rows = await database.pool.fetch(f"SELECT row_to_json(t)::text FROM {table} t")  # noqa: S608 - names of ours
        found += "".join(f"{table}: {row[0]}\n" for row in rows)
    return found


async def erased(desk: Reception, contact: Contact) -> None:
    """The contact is closed, and its customer erased."""
    command = CloseContact(actor="mai", actor_role=Role.SUPERVISOR, contact_id=contact.id, reason="test")
    assert (await desk.spine.ask(command)).status == 200
    async with desk.spine.database.transaction() as connection:
        await erase_and_tell(connection, "main", contact.customer_id, by="mai", reason="his request", at=1)


async def all_told(desk: Reception) -> None:
    """Every delivery has ended, and the engine knows."""

    async def none_owed() -> bool:
        return not await desk.spine.database.pool.fetchval("SELECT count(*) FROM delivery WHERE state = 'owed'")

    await eventually(none_owed, what="every delivery to end")
    await desk.spine.empty()


async def test_i16_a_visitor_of_the_portal_leaves_nothing_and_his_ticket_is_nobodys(
    desk: Reception, database: Database
) -> None:
    files = {"file": ("canary-name.pdf", PDF, "application/pdf")}
    upload = (await desk.http.post("/portal/portal/uploads", files=files)).json()
    form = FORM | {"attachments": [upload["id"]]}
    ticket = (await desk.http.post("/portal/portal/contacts", json=form)).json()
    (contact,) = await desk.contacts()
    await desk.accepted(contact)
    await desk.delivered(await desk.answer(contact, "Chào bà canary-answer."), "sent")
    here, token = f"/portal/portal/contacts/{ticket['reference']}", {"Authorization": f"Bearer {ticket['token']}"}
    assert len((await desk.http.get(here, headers=token)).json()["messages"]) == 2
    await all_told(desk)
    before = await everything(database)
    assert [one for one in ("canary-form", "canary-name", "0912345678", "canary-answer") if one not in before] == []

    await erased(desk, contact)
    after = await everything(database)
    assert "canary" not in after.lower()
    assert "912345678" not in after
    assert PDF.hex() not in after
    assert (await desk.http.get(here, headers=token)).status_code == 404
    again = await desk.http.post(f"{here}/messages", json={"text": "Tôi đây."}, headers=token)
    assert again.status_code == 404


async def test_i16_a_person_of_the_page_leaves_nothing_and_is_a_stranger_when_he_writes_again(
    desk: Reception, database: Database
) -> None:
    await desk.tell(wrote("m_canary", "canary-words"))
    (contact,) = await desk.contacts()
    await desk.accepted(contact)
    await desk.delivered(await desk.answer(contact, "Chào anh."), "sent")
    await all_told(desk)
    assert PERSON in await everything(database)

    await erased(desk, contact)
    after = await everything(database)
    assert PERSON not in after
    assert "canary" not in after
    assert await database.pool.fetchval("SELECT count(*) FROM ref") == 0
    await desk.tell(wrote("m_2", "Xin chào"))

    async def new() -> bool:
        return bool(await database.pool.fetchval("SELECT count(*) FROM contact WHERE id <> $1", contact.id))

    await eventually(new, what="another contact")
    stranger = await database.pool.fetchrow("SELECT customer_id, case_id FROM contact WHERE id <> $1", contact.id)
    assert stranger is not None
    assert stranger["customer_id"] != contact.customer_id
    assert stranger["case_id"] != contact.case_id
