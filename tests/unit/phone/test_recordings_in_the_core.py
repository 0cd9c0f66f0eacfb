"""Adapter, board and core together: every recording ends as written down, as it came, doubled and shuffled (I2, I3)."""

import random
from typing import Any

import msgspec
import pytest

from ccc_router.channels.channel import Keyed
from ccc_router.events.facts import CallEvent
from ccc_router.events.vocabulary import ContactState
from ccc_router.routing.policy import Endpoint
from ccc_router.routing.rows import Call
from tests.support.world import World, a_catalogue
from tests.unit.phone import recordings


def a_world(switch: Endpoint) -> World:
    """The centre with the recorded switch as a tracked endpoint."""
    catalogue = a_catalogue()
    tracked = msgspec.structs.replace(switch, queue="general")
    return World(msgspec.structs.replace(catalogue, endpoints=(*catalogue.endpoints, tracked)))


def core_outcome(world: World, facts: list[Keyed]) -> list[dict[str, Any]]:
    """What the core holds of the calls, in the form of the expectations, with the contact's end."""
    numbers = recordings.callers(facts)
    found = []
    for contact in world.state.contacts.values():
        assert isinstance(contact.call, Call)
        read = recordings.read_call(contact.call, numbers.get(contact.call.call_id, ""))
        found.append({**read, "end": contact.state})
    return sorted(found, key=lambda one: str(one["call"]))


def wanted(name: str) -> list[dict[str, Any]]:
    """The expectation, with the end that follows from it: abandoned by a customer nobody answered."""
    return [
        {**one, "end": ContactState.CLOSED if one["established"] else ContactState.ABANDONED}
        for one in recordings.expected(recordings.expectation(name)["calls"])
    ]


@pytest.mark.parametrize("name", recordings.NAMES)
@pytest.mark.parametrize("order", ["as it came", "doubled", "shuffled", "facts shuffled too"])
def test_i3_the_core_comes_to_what_was_written_down(name: str, order: str) -> None:
    switch = recordings.endpoint(recordings.expectation(name)["endpoint_options"])
    events, rng = recordings.events(name), random.Random(f"{name} {order}")
    if order == "doubled":
        events = [event for event in events for _ in range(2)]
    elif order != "as it came":
        events = events * 2
        rng.shuffle(events)
    facts = list(recordings.told(events, switch))
    if order == "facts shuffled too":
        facts *= 2
        rng.shuffle(facts)
    world = a_world(switch)
    for keyed in facts:
        assert isinstance(keyed.fact, CallEvent)
        made = world.give(keyed.fact)
        assert made.refused is None
    assert core_outcome(world, facts) == wanted(name)
