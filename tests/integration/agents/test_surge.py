"""A surge over REST: begun by a supervisor, seen in the queues, and the readings, over by itself (I12, I16)."""

import httpx

from ccc_router.events.vocabulary import CallEventName, ContactState, LegRole
from ccc_router.kernel.clock import format_utc, from_ms, parse_utc
from ccc_router.kernel.ids import derive
from ccc_router.storage.database import Database
from tests.integration.queues.test_calls import an_event
from tests.support.service import Service
from tests.support.waiting import eventually

SURGE = {
    "mode": "on",
    "duration_s": 3600,
    "newcomers": "deflect",
    "announcement": "vssid_down",
    "reason": "VssID is down",
}


async def queue(lead: httpx.AsyncClient, name: str = "general") -> dict[str, object]:
    """The queue as the list shows it."""
    page = (await lead.get("/v1/queues")).json()
    return next(one for one in page["items"] if one["queue"] == name)


async def test_a_surge_is_begun_seen_and_ended(service: Service, lead: httpx.AsyncClient) -> None:
    answer = await lead.post("/v1/queues/general/surge", json=SURGE, headers={"Idempotency-Key": "one"})
    assert answer.status_code == 200, answer.text
    shown = answer.json()["surge"]
    assert (shown["newcomers"], shown["announcement"], shown["reason"], shown["by"]) == (
        "deflect", "vssid_down", "VssID is down", "supervisor:mai",
    )  # fmt: skip
    row = service.spine.state.doors.rows["general"]
    assert row.surge is not None
    assert (parse_utc(shown["since"]), parse_utc(shown["until"])) == (
        from_ms(row.surge.since),
        from_ms(row.surge.until),
    )
    again = await lead.post("/v1/queues/general/surge", json=SURGE, headers={"Idempotency-Key": "one"})
    assert again.json() == answer.json(), "the same request again begins nothing"
    assert (await queue(lead))["surge"] == shown
    assert (await queue(lead, "cards"))["surge"] is None
    readings = (await lead.get("/v1/queues/general/readings")).json()
    assert readings["surge"] == shown
    off = await lead.post("/v1/queues/general/surge", json={"mode": "off", "reason": "it works again"})
    assert (off.status_code, off.json()["surge"]) == (200, None)
    journal = (await lead.get("/v1/journal", params={"limit": 200})).json()["items"]
    said = [one["body"] for one in journal if one["kind"] in ("SurgeSet", "SurgeEnded")]
    assert [one.get("by") or one["surge"]["by"] for one in said] == ["supervisor:mai", "supervisor:mai"]


async def test_callers_are_turned_away_by_the_switch(service: Service, lead: httpx.AsyncClient) -> None:
    """What is owed to the switch: the announcement by its name, then the hang-up."""
    await lead.post("/v1/queues/general/surge", json=SURGE)
    contact = derive("ct", "hotline", "call", "c1")
    await service.spine.tell(an_event(CallEventName.OFFERED, "cust", LegRole.CUSTOMER), "event", "hotline")
    await service.spine.empty()
    found = await service.room.contacts.contact(contact)
    assert found is not None
    assert found.state is ContactState.DEFLECTED
    rows = await service.spine.database.pool.fetch(
        "SELECT command, data ->> 'announcement' AS said FROM delivery WHERE contact_id = $1 ORDER BY position", contact
    )
    assert [tuple(row) for row in rows if row["command"] != "queue"] == [("announce", "vssid_down"), ("hangup", None)]


async def test_it_ends_by_itself_while_nobody_asks(service: Service, lead: httpx.AsyncClient) -> None:
    until = format_utc(service.spine.clock.now_ms() + 1500)
    answer = await lead.post(
        "/v1/queues/general/surge", json={"mode": "on", "until": until, "reason": "a short one", "announcement": "busy"}
    )
    assert answer.json()["surge"]["newcomers"] == "announce"

    async def over() -> bool:
        return (await queue(lead))["surge"] is None

    await eventually(over, what="the surge to end")
    entries = (await lead.get("/v1/journal", params={"limit": 200})).json()["items"]
    [ended] = [one["body"] for one in entries if one["kind"] == "SurgeEnded"]
    assert ended["by"] == "timer"


async def test_what_is_wrong_is_said(service: Service, lead: httpx.AsyncClient, an: httpx.AsyncClient) -> None:
    for body, status, code in (
        ({"mode": "on", "reason": "x"}, 422, "invalid"),
        ({"mode": "off", "reason": "x", "duration_s": 60}, 422, "invalid"),
        ({"mode": "on", "reason": "x", "duration_s": 604_801}, 422, "invalid"),
        ({"mode": "on", "reason": "x", "duration_s": 60, "newcomers": "callback_only_x"}, 422, "invalid"),
        ({"mode": "on", "reason": "x", "until": "2026-01-01T00:00:00Z"}, 409, "until_past"),
        ({"mode": "on", "reason": "x", "until": "2090-01-01T00:00:00Z"}, 409, "until_too_far"),
    ):
        answer = await lead.post("/v1/queues/general/surge", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert (await lead.post("/v1/queues/nowhere/surge", json=SURGE)).status_code == 404
    assert (await an.post("/v1/queues/general/surge", json=SURGE)).status_code == 403


async def test_the_notice_is_kept_as_a_text_that_no_journal_has(
    service: Service, lead: httpx.AsyncClient, database: Database
) -> None:
    text = {"vi": "VssID đang bảo trì đến 14 giờ.", "en": "VssID is down until 14:00."}
    answer = await lead.post("/v1/queues/general/surge", json=SURGE | {"text": text})
    assert answer.status_code == 200, answer.text
    row = service.spine.state.doors.rows["general"]
    assert row.surge is not None
    kept = await database.pool.fetchrow(
        "SELECT text, extra ->> 'en' AS en, form FROM message WHERE id = $1", row.surge.notice_id
    )
    assert tuple(kept or ()) == (text["vi"], text["en"], "notice")
    journal = (await lead.get("/v1/journal", params={"limit": 200})).text
    assert "bảo trì" not in journal
