"""The contact form and messages below its reference, over HTTP and a real database."""

import asyncio
import json
from typing import Any

import pytest

from ccc_router.channels.portal.http import PortalLimits
from ccc_router.events.inbox import InboxUnavailable
from ccc_router.kernel import ids
from ccc_router.kernel.ids import parse_reference, reference
from ccc_router.storage.database import Database
from tests.support.portal_site import PortalSite, bearer


async def count(database: Database, table: str) -> int:
    found: int = await database.pool.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 - a table of ours
    return found


async def test_a_form_becomes_a_contact_with_a_reference_and_a_token(site: PortalSite) -> None:
    """R-35, I1: what was answered is in the inbox, with the bytes as they came."""
    ticket = await site.open(
        "Tôi chưa nhận được thẻ.", name="Nguyễn Thị Thử", phone="0912 345 678", topic="hi-card-data"
    )
    (fact,) = await site.inputs()
    assert fact.private is not None
    assert (fact.contact_id, fact.case_id) == (ticket["contact_id"], ticket["case_id"])
    assert ticket["reference"] == reference(ticket["case_id"]) == parse_reference(ticket["reference"].lower())
    assert (fact.fresh_case, fact.topic) == (True, "hi-card-data")
    assert fact.private.name == "Nguyễn Thị Thử"
    assert fact.private.extra["phone"] == "0912 345 678"
    assert not any(handle.verified for handle in fact.private.handles), "a form proves nobody"
    assert {handle.kind for handle in fact.private.handles} == {"portal_account"}
    raw = await site.database.pool.fetchval("SELECT body FROM raw_delivery")
    assert json.loads(raw)["text"] == "Tôi chưa nhận được thẻ."


async def test_the_token_is_kept_as_a_hash_only(site: PortalSite) -> None:
    ticket = await site.open()
    assert len(bytes.fromhex(ticket["token"])) == 32
    row = await site.database.pool.fetchrow("SELECT * FROM portal_ticket")
    assert row is not None
    stored = b"".join(value for value in row.values() if isinstance(value, bytes)) + repr(dict(row)).encode()
    assert ticket["token"].encode() not in stored
    assert bytes.fromhex(ticket["token"]) not in stored


async def test_i2_the_same_key_gives_the_same_ticket_also_64_at_once(site: PortalSite) -> None:
    key = {"Idempotency-Key": ids.fresh("ik")}
    form = {"text": "Một lần thôi."}
    answers = await asyncio.gather(*(site.http.post("/portal/contacts", json=form, headers=key) for _ in range(64)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert (
        len(await site.inputs())
        == await count(site.database, "portal_ticket")
        == await count(site.database, "portal_line")
        == 1
    )
    assert await count(site.database, "raw_delivery") == 1


async def test_the_same_key_with_another_body_is_422(site: PortalSite) -> None:
    key = {"Idempotency-Key": ids.fresh("ik")}
    assert (await site.http.post("/portal/contacts", json={"text": "Một"}, headers=key)).status_code == 201
    answer = await site.http.post("/portal/contacts", json={"text": "Hai"}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await site.inputs()) == 1


async def test_without_a_key_every_form_is_its_own(site: PortalSite) -> None:
    first, second = await site.open("Một"), await site.open("Một")
    assert first["reference"] != second["reference"]
    assert len(await site.inputs()) == 2


async def test_a_key_that_can_be_guessed_is_400(site: PortalSite) -> None:
    answer = await site.http.post("/portal/contacts", json={"text": "a"}, headers={"Idempotency-Key": "1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 50_000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"text":""}', 422),
        (b'{"text":"   "}', 422),
        (b'{"text":"\\u0000"}', 422),
        (b'{"text":7}', 422),
        (b'{"text":"a","unknown":1}', 422),
        (b'{"text":"a","topic":"\\u0000"}', 422),
        (b'{"text":"a","kind":"nothing"}', 422),
        (b'{"text":"a","attachments":["x"]}', 422),
        (b'{"text":"a","attachments":["at_00000000000000000000000000"]}', 422),
        (b'{"text":"a","website":"http://spam.example"}', 422),
    ],
)
async def test_a_form_that_breaks_a_rule_is_refused_and_leaves_nothing(
    site: PortalSite, body: bytes, status: int
) -> None:
    answer = await site.http.post("/portal/contacts", content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await site.inputs() == []
    assert await count(site.database, "portal_ticket") == 0


async def test_any_unicode_is_taken_clean(site: PortalSite) -> None:
    body = '{"text":"a\\u0000b \\ud83d \\ud83d\\ude00 Tiê\u0301ng","name":"\\u202egpj.exe"}'.encode()
    answer = await site.http.post("/portal/contacts", content=body)
    assert answer.status_code == 201, answer.text
    (fact,) = await site.inputs()
    assert fact.private is not None
    assert fact.private.text == "ab  😀 Tiếng"
    assert fact.private.name == "gpj.exe"
    assert await site.database.pool.fetchval("SELECT body FROM raw_delivery") == body


async def test_a_form_over_the_limit_is_413(database: Database) -> None:
    site = PortalSite(database, PortalLimits(form_bytes=100))
    async with site.http:
        answer = await site.http.post("/portal/contacts", json={"text": "a" * 200})
    assert answer.status_code == 413


async def test_only_a_portal_takes_forms(site: PortalSite) -> None:
    for endpoint in ("nothing", "page-1"):
        assert (await site.http.post(f"/{endpoint}/contacts", json={"text": "a"})).status_code == 404


async def test_a_message_joins_by_its_reference(site: PortalSite) -> None:
    ticket = await site.open()
    spoken = ticket["reference"].lower().replace("-", " ")
    answer = await site.http.post(
        f"/portal/contacts/{spoken}/messages", json={"text": "Tôi ở Hà Nội."}, headers=bearer(ticket)
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["number"] == 2
    first, second = await site.inputs()
    assert first.private is not None
    assert second.private is not None
    assert second.private.refs == first.private.own_refs
    assert second.private.address == first.private.address
    assert second.private.handles == first.private.handles
    assert not second.fresh_case
    assert answer.json()["message_id"] == second.message_id


async def test_i2_the_same_message_again_is_one(site: PortalSite) -> None:
    ticket = await site.open()
    path = f"/portal/contacts/{ticket['reference']}/messages"
    headers = bearer(ticket, **{"Idempotency-Key": ids.fresh("ik")})
    answers = await asyncio.gather(*(site.http.post(path, json={"text": "Hai"}, headers=headers) for _ in range(16)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, answers[0].text)}
    assert len(await site.inputs()) == 2
    other = await site.http.post(path, json={"text": "Ba"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_two_visitors_with_one_key_do_not_meet(site: PortalSite) -> None:
    """The key of a message counts below its own reference only."""
    first, second = await site.open(), await site.open()
    key = {"Idempotency-Key": ids.fresh("ik")}
    for ticket in (first, second):
        path = f"/portal/contacts/{ticket['reference']}/messages"
        answer = await site.http.post(path, json={"text": f"Của {ticket['reference']}"}, headers=bearer(ticket, **key))
        assert answer.status_code == 202
    assert len(await site.inputs()) == 4


@pytest.mark.parametrize("call", ["GET", "GET /stream", "POST /messages", "GET /files/at_1"])
async def test_without_a_token_401_and_with_another_404(site: PortalSite, call: str) -> None:
    """Unknown, foreign and wrong are told apart by nobody."""
    mine, other = await site.open(), await site.open()
    method, _, path = call.partition(" ")

    async def ask(where: str, headers: dict[str, str]) -> tuple[int, Any]:
        answer = await site.http.request(
            method, f"{where}{path}", headers=headers, json={"text": "a"} if method == "POST" else None
        )
        return answer.status_code, answer.json().get("code")

    here = f"/portal/contacts/{mine['reference']}"
    for missing in ({}, {"Authorization": ""}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
        assert await ask(here, missing) == (401, "unauthenticated")
    refused = {
        await ask(here, bearer(other)),
        await ask(here, {"Authorization": "Bearer x"}),
        await ask(here, {"Authorization": "Bearer " + "0" * 64}),
        await ask("/portal/contacts/0000-0000-000", bearer(mine)),
        await ask("/portal/contacts/nonsense", bearer(mine)),
        await ask(f"/counted/contacts/{mine['reference']}", bearer(mine)),
    }
    assert refused == {(404, "not_found")}
    assert len(await site.inputs()) == 2


async def test_a_visitor_reads_what_was_said_and_how_it_stands(site: PortalSite) -> None:
    ticket = await site.open("Một")
    here = f"/portal/contacts/{ticket['reference']}"
    before = (await site.http.get(here, headers=bearer(ticket))).json()
    assert (before["state"], before["messages"]) == ("received", [])
    await site.process()
    await site.write("ms_note", ticket["contact_id"], "Ghi chú nội bộ", "internal", visibility="note")
    await site.reply(ticket, "Thẻ đã được gửi.")
    after = (await site.http.get(here, headers=bearer(ticket))).json()
    assert after["state"] == "open"
    assert [(said["number"], said["author"], said["text"]) for said in after["messages"]] == [
        (1, "customer", "Một"),
        (2, "centre", "Thẻ đã được gửi."),
    ]
    assert set(after["messages"][1]) == {"number", "message_id", "at", "author", "text", "attachments"}


async def test_too_many_forms_from_one_address_are_429(site: PortalSite) -> None:
    answers = [await site.http.post("/counted/contacts", content=b"{}") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [422] * 60 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_while_the_database_is_away_nothing_is_promised(site: PortalSite) -> None:
    await site.inbox.close()
    answer = await site.http.post("/portal/contacts", json={"text": "a"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_form_cut_off_between_ticket_and_inbox_is_finished_by_its_repetition(site: PortalSite) -> None:
    """I1: the client repeats what was not answered, with its key."""
    key = {"Idempotency-Key": ids.fresh("ik")}
    inbox, site.portal._inbox = site.portal._inbox, _Away()  # type: ignore[assignment]
    assert (await site.http.post("/portal/contacts", json={"text": "a"}, headers=key)).status_code == 503
    site.portal._inbox = inbox
    assert (await site.http.post("/portal/contacts", json={"text": "a"}, headers=key)).status_code == 201
    assert len(await site.inputs()) == 1


class _Away:
    async def append(self, *_args: object) -> list[object]:
        raise InboxUnavailable


async def test_every_route_describes_its_problems(site: PortalSite) -> None:
    document = site.app.openapi()
    assert len(document["paths"]) == 8
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert {"404", "422"} <= set(operation["responses"]), path
