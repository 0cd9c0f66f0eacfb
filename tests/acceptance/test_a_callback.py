"""A caller hangs up and keeps his place (R-32): chosen in the switch's menu, offered, dialled, wrapped up; over real sockets."""

from typing import Any

import httpx
import pytest

from ccc_router.routing.policy import Rules
from tests.acceptance.surroundings import a_centre, accepted, do, offer_for, ready, state_of
from tests.support.fake_switch import FakeSwitch
from tests.support.waiting import eventually


async def called_back(switch: FakeSwitch, call_id: str, **more: Any) -> None:
    """A call waits, and its caller chooses to be called back; the switch hangs him up as it is told."""
    await switch.event("Offered", call_id, calling="0912345678", called="19009068")
    answer = await switch.event("CallBack", call_id, calling="0912345678", called="19009068", **more)
    assert answer.json() == {"accepted": 1, "duplicate": 0, "ignored": 0}
    await told(switch, call_id, ["queue", "announce", "hangup"])


async def told(switch: FakeSwitch, call_id: str, words: list[str]) -> None:
    async def look() -> bool:
        return switch.words(call_id) == words

    await eventually(look, what=f"{call_id} to be told {words}")


async def waiting(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """Those who wait, in their order, once they are so many."""

    async def look() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = (await client.get("/v1/contacts", params={"state": "queued"})).json()["items"]
        return found if len(found) == count else None

    return await eventually(look, what=f"{count} to wait")


@pytest.mark.timeout(120)
async def test_who_hangs_up_is_called_back_in_his_turn_and_wrapped_up() -> None:
    """R-32, I13: before one who called later, at the number he gave; nobody saw that number but the switch."""
    async with a_centre() as centre:
        switch, supervisor = centre.switch, centre.supervisor()
        await called_back(switch, "call-1", callback_number="0987654321")
        await switch.event("Offered", "call-2", calling="0912345679", called="19009068")
        first, second = await waiting(supervisor, 2)
        assert (first["direction"], first["callback"]["by"], second["callback"]) == ("outbound", "customer", None)
        why = (await supervisor.get(f"/v1/contacts/{first['contact_id']}/why")).json()["text"]
        assert "gọi lại" in why["vi"]
        assert "called back" in why["en"]

        an = await ready(centre.agent("an"))
        offer = await offer_for(an)
        assert (offer["contact_id"], offer["reason"]) == (first["contact_id"], "callback")
        assert (offer["channel"], offer["direction"]) == ("phone", "outbound")
        assert "kept its place" in offer["why"]["en"]
        await do(an, f"/v1/offers/{offer['offer_id']}/accept")
        contact = await state_of(an, offer["contact_id"], "active")
        [dial] = [one for one in switch.commands if one["command"] == "dial"]
        assert (dial["called"], dial["contact_id"]) == ("+84987654321", offer["contact_id"])
        assert dial["call_id"] == contact["call"]["call_id"] == f"{offer['contact_id']}.1"
        journal = (await supervisor.get("/v1/journal", params={"limit": 200})).text
        assert "987654321" not in journal

        await switch.event("ConnectionCleared", str(dial["call_id"]))
        await state_of(an, offer["contact_id"], "wrap_up")
        await do(an, f"/v1/contacts/{offer['contact_id']}/complete", {"disposition": "answered"})
        done = await state_of(an, offer["contact_id"], "closed")
        assert done["answered_at"]


@pytest.mark.timeout(120)
async def test_who_is_busy_is_called_again_and_at_last_left_to_a_person() -> None:
    """I9, R-32: as often as policy says."""
    async with a_centre(Rules(callback_attempts=2, callback_pause_s=1)) as centre:
        switch, supervisor = centre.switch, centre.supervisor()
        switch.customers_answer = False
        await called_back(switch, "call-1")
        an = await ready(centre.agent("an"))
        first = await accepted(an)
        second = await accepted(an)
        assert (second["contact_id"], second["attempt"]) == (first["contact_id"], 2)
        contact = await state_of(supervisor, first["contact_id"], "closed")
        assert contact["disposition"] == "not_reached"
        case = (await supervisor.get(f"/v1/cases/{contact['case_id']}")).json()
        assert (case["state"], case["due_at"] is not None) == ("open", True)
        assert (await an.get("/v1/agents/me/presence")).json()["assignments"] == 0


@pytest.mark.timeout(120)
async def test_the_portal_has_a_visitor_called_at_the_place_of_what_he_wrote() -> None:
    """One place a customer: what waited in writing is merged into the call."""
    async with a_centre() as centre:
        supervisor, visitor = centre.supervisor(), centre.service.anybody()
        site = "/v1/channels/portal/site/contacts"
        form = {"text": "Thẻ của tôi đâu?", "name": "An", "phone": "0912345678"}
        ticket = (await visitor.post(site, json=form)).json()
        await state_of(supervisor, ticket["contact_id"], "queued")
        mine = {"Authorization": f"Bearer {ticket['token']}"}
        path = f"{site}/{ticket['reference']}/callback"
        foreign = await visitor.post(path, json={}, headers={"Authorization": "Bearer x"})
        assert foreign.status_code == 404
        late = "2099-01-01T00:00:00Z"
        for body, status, code in (
            ({"phone": "no number"}, 422, "bad_handle"), ({"not_before": late}, 409, "outside_hours"),
        ):  # fmt: skip
            refused = await visitor.post(path, json=body, headers=mine)
            assert (refused.status_code, refused.json()["code"]) == (status, code)
        asked = await visitor.post(path, json={}, headers=mine)
        assert asked.status_code == 202, asked.text
        await state_of(supervisor, ticket["contact_id"], "merged")
        [contact] = await waiting(supervisor, 1)
        assert (contact["channel"], contact["place_from"]) == ("phone", ticket["contact_id"])
        assert contact["case_id"] == ticket["case_id"]
        an = await ready(centre.agent("an"))
        offer = await accepted(an)
        assert offer["customer"]["handle"]["value"].endswith("678")
        await state_of(an, offer["contact_id"], "active")
        [dial] = [one for one in centre.switch.commands if one["command"] == "dial"]
        assert dial["called"] == "+84912345678"
