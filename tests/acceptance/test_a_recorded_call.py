"""A call recorded from a real Asterisk, over the socket that Asterisk dials: offered, connected, held, transferred, ended, wrapped up."""

import msgspec
import pytest

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.clock import SystemClock
from ccc_router.routing.policy import Catalogue, Endpoint, Text
from tests.acceptance.surroundings import offer_for, state_of, the_catalogue
from tests.support.fake_asterisk import LOGIN, Event, FakeAsterisk
from tests.support.process import SECRET, a_process
from tests.unit.phone import recordings

NAME = "f4-attended-ari"


def catalogue(control_url: str) -> Catalogue:
    """The centre with an Asterisk whose controller takes our commands."""
    switch = Endpoint(
        "lab", "phone", Text("Asterisk", "Asterisk"), "general", dialect="asterisk-ari", control_url=control_url,
        options={"subscribe_all": "yes"},
    )  # fmt: skip
    found = the_catalogue("")
    agents = tuple(msgspec.structs.replace(agent, phone_endpoint="lab") for agent in found.agents)
    every = ("phone", "email", "fanpage", "portal")
    queues = tuple(msgspec.structs.replace(queue, channels=every) for queue in found.queues)
    return msgspec.structs.replace(found, endpoints=(*found.endpoints, switch), agents=agents, queues=queues)


def find(events: list[Event], kind: str, channel: str, number: int = 0) -> Event:
    """The recorded event of this kind about a channel whose id begins so."""
    return [one for one in events if one["type"] == kind and one["channel"]["id"].startswith(channel)][number]


@pytest.mark.timeout(120)
async def test_a_recorded_call_is_offered_connected_held_transferred_ended_and_wrapped_up() -> None:
    events = recordings.events(NAME)
    waits = find(events, "ChannelEnteredBridge", "ccc-lab")
    with_first = find(events, "ChannelEnteredBridge", "ccc-lab", 1)
    held = find(events, "ChannelEnteredBridge", "ccc-lab", 2)
    with_second = find(events, "ChannelDestroyed", "agent-agent1")
    clock = SystemClock()
    async with FakeAsterisk(events).running() as switch, a_process(
        catalogue(switch.control_url), CCC_SECRET_LAB=LOGIN, CCC_SECRET_LAB_CONTROL=SECRET
    ) as service, switch.dialled(service.url, "lab"):  # fmt: skip
        an, binh = service.client(Role.AGENT, "an"), service.client(Role.AGENT, "binh")
        await an.put("/v1/agents/me/presence", json={"state": "ready"})
        began = clock.monotonic()
        await switch.play(waits)
        offer = await offer_for(an)
        assert clock.monotonic() - began < 2, "offered at once"
        call = offer["call"]
        assert isinstance(call, dict)
        assert call["call_id"] == "ccc-lab-1795363164.430"
        assert str(call["calling"]).endswith("111")

        switch.react = lambda command: with_first if command["command"] == "connect" else None
        assert (await an.post(f"/v1/offers/{offer['offer_id']}/accept")).status_code == 200
        contact = offer["contact_id"]
        await state_of(an, contact, "active")

        switch.react = lambda command: held if command["command"] == "hold" else None
        assert (await an.post(f"/v1/contacts/{contact}/hold")).status_code == 202
        await state_of(an, contact, "held")

        switch.react = lambda command: with_second if command["command"] == "connect" else None
        await binh.put("/v1/agents/me/presence", json={"state": "ready"})
        assert (await an.post(f"/v1/contacts/{contact}/transfer", json={"agent": "binh"})).status_code == 200
        second = await offer_for(binh)
        assert (second["contact_id"], second["reason"]) == (contact, "transfer")
        assert (await binh.post(f"/v1/offers/{second['offer_id']}/accept")).status_code == 200
        await state_of(binh, contact, "active")

        await switch.play(None)
        await state_of(binh, contact, "wrap_up")
        done = await binh.post(
            f"/v1/contacts/{contact}/complete", json={"disposition": "answered", "resolution": "resolved"}
        )
        assert done.status_code == 200, done.text
        await state_of(binh, contact, "closed")
        assert switch.words == ["queue", "connect", "hold", "queue", "connect"]
