"""A call from its first ring to its wrap-up, over real sockets, with a switch that is only told what DESIGN section 7 says."""

import pytest

from ccc_router.routing.policy import Rules
from tests.acceptance.surroundings import a_centre, offer_for, ready, state_of
from tests.support.fake_switch import FakeSwitch
from tests.support.waiting import eventually


@pytest.mark.timeout(120)
async def test_a_call_is_offered_connected_held_transferred_ended_and_wrapped_up() -> None:
    """R-15: wrap-up is a state of its own with an end that is told, one an agent, and can be extended with a reason."""
    async with a_centre() as centre:
        switch = centre.switch
        an, binh = centre.agent("an"), centre.agent("binh")
        await ready(an)
        await switch.event("Offered", "call-1", calling="0912345678", called="19009068")
        offer = await offer_for(an)
        assert offer["channel"] == "phone"
        accepted = await an.post(f"/v1/offers/{offer['offer_id']}/accept")
        assert accepted.status_code == 200, accepted.text
        contact = offer["contact_id"]
        await state_of(an, contact, "active")
        assert switch.words("call-1") == ["queue", "connect"]

        assert (await an.post(f"/v1/contacts/{contact}/hold")).status_code == 202
        await state_of(an, contact, "held")
        assert (await an.post(f"/v1/contacts/{contact}/resume")).status_code == 202
        await state_of(an, contact, "active")

        await ready(binh)
        moved = await an.post(f"/v1/contacts/{contact}/transfer", json={"agent": "binh"})
        assert moved.status_code == 200, moved.text
        second = await offer_for(binh)
        assert (second["contact_id"], second["reason"]) == (contact, "transfer")
        assert (await binh.post(f"/v1/offers/{second['offer_id']}/accept")).status_code == 200
        await state_of(binh, contact, "active")

        live = await binh.post(f"/v1/contacts/{contact}/complete", json={"disposition": "answered"})
        assert (live.status_code, live.json()["code"]) == (409, "call_live")
        assert (await binh.post(f"/v1/contacts/{contact}/hangup")).status_code == 202
        await state_of(binh, contact, "wrap_up")
        done = await binh.post(
            f"/v1/contacts/{contact}/complete", json={"disposition": "answered", "resolution": "resolved"}
        )
        assert done.status_code == 200, done.text
        await state_of(binh, contact, "closed")


@pytest.mark.timeout(120)
async def test_a_phone_that_is_not_answered_gives_the_call_to_the_next_agent() -> None:
    async with a_centre(Rules(connect_s=1)) as centre:
        switch = centre.switch
        an, binh = centre.agent("an"), centre.agent("binh")
        await ready(an)
        switch.agents_answer = False
        await switch.event("Offered", "call-2", calling="0912345678", called="19009068")
        offer = await offer_for(an)
        await an.post(f"/v1/offers/{offer['offer_id']}/accept")
        await state_of(centre.supervisor(), offer["contact_id"], "queued")
        switch.agents_answer = True
        await ready(binh)
        second = await offer_for(binh)
        assert second["contact_id"] == offer["contact_id"]
        await binh.post(f"/v1/offers/{second['offer_id']}/accept")
        await state_of(binh, offer["contact_id"], "active")
        assert switch.words("call-2") == ["queue", "connect", "cancel", "connect"]


@pytest.mark.timeout(120)
async def test_a_caller_who_leaves_while_connecting_abandons() -> None:
    async with a_centre() as centre:
        switch = centre.switch
        an = centre.agent("an")
        await ready(an)
        switch.agents_answer = False
        await switch.event("Offered", "call-3", calling="0912345678", called="19009068")
        offer = await offer_for(an)
        await an.post(f"/v1/offers/{offer['offer_id']}/accept")
        await switch.event("ConnectionCleared", "call-3", cause="cancelled")
        await state_of(an, offer["contact_id"], "abandoned")
        await _cancelled(switch, "call-3")
        presence = (await an.get("/v1/agents/me/presence")).json()
        assert presence["assignments"] == 0


async def _cancelled(switch: FakeSwitch, call_id: str) -> None:
    async def look() -> bool:
        return switch.words(call_id)[-1] == "cancel"

    await eventually(look, what="the connect to be cancelled")
