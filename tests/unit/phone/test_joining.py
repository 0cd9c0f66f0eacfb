"""Sightings of a switch become facts: durably, in any order, over restarts and several processes (I1, I2, I3)."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from ccc_router.channels.channel import Keyed, Sighting
from ccc_router.channels.intake import Intake, Receipt
from ccc_router.channels.phone.ari.board import KEPT_MS, Board
from ccc_router.channels.phone.ari.joiner import AriJoiner
from ccc_router.channels.phone.ari.seen import Seen, Word
from ccc_router.channels.phone.ari.store import Kept, MemorySightings
from ccc_router.channels.phone.asterisk_ari import AsteriskAri
from ccc_router.events.facts import CallEvent, PhoneRegistered
from ccc_router.events.inbox import InboxUnavailable
from ccc_router.events.vocabulary import CallEventName as Name
from tests.contract.cases.phone import fixture
from tests.support.channel_intake import FixedClock, KeptBlobs, KeptInbox, KnownEndpoints, KnownSecrets
from tests.unit.phone import recordings

SWITCH = recordings.endpoint({"subscribe_all": "yes"})
ADAPTER = AsteriskAri()


class AwaySightings(MemorySightings):
    """A store whose database may be away."""

    away = False

    async def add(self, endpoint_id: str, sightings: Sequence[Sighting], after: int) -> list[Kept]:
        if self.away:
            raise InboxUnavailable
        return await super().add(endpoint_id, sightings, after)


class Desk:
    """One process that takes events of the switch; several share ``store`` and ``inbox``."""

    def __init__(self, store: MemorySightings | None = None, inbox: KeptInbox | None = None) -> None:
        self.store = store or MemorySightings()
        self.inbox = inbox or KeptInbox()
        self.intake = Intake(
            self.inbox, KeptBlobs(), KnownSecrets({}), KnownEndpoints(SWITCH, agents={"PJSIP/agent1": "an.nguyen"}),
            FixedClock(), AriJoiner(self.store),
        )  # fmt: skip

    async def take(self, event: object) -> Receipt:
        return await self.intake.accept(SWITCH, recordings.request(event), ADAPTER)

    def facts(self) -> list[Keyed]:
        return [Keyed(key, one.body) for (_, key), one in self.inbox.inputs.items() if isinstance(one.body, CallEvent)]

    def outcome(self) -> list[dict[str, Any]]:
        return recordings.outcome(self.facts())


def seen(name: str) -> Any:
    return json.loads(fixture(f"asterisk-ari/seen/{name}.json"))


CALLS = json.loads(fixture("asterisk-ari/told/stasis-start.json"))


@pytest.mark.parametrize("name", recordings.NAMES)
async def test_i1_through_the_intake_a_recording_ends_as_written_down(name: str) -> None:
    given = recordings.expectation(name)
    switch = recordings.endpoint(given["endpoint_options"])
    desk = Desk()
    for event in recordings.events(name):
        await desk.intake.accept(switch, recordings.request(event), ADAPTER)
    assert desk.outcome() == recordings.expected(given["calls"])


@pytest.mark.parametrize("seed", range(3))
async def test_i3_two_processes_at_once_each_with_half_of_the_shuffled_events(seed: int) -> None:
    events = recordings.events("f4-attended-ari") * 2
    random.Random(seed).shuffle(events)
    one = Desk()
    other = Desk(one.store, one.inbox)
    half = len(events) // 2
    await asyncio.gather(
        *(desk.take(event) for desk, part in ((one, events[:half]), (other, events[half:])) for event in part)
    )
    given = recordings.expectation("f4-attended-ari")
    assert one.outcome() == recordings.expected(given["calls"])


async def test_a_leg_nobody_can_place_waits_and_is_told_when_its_call_is_known() -> None:
    desk = Desk()
    assert await desk.take(seen("agent-joins")) == Receipt(accepted=1)
    assert desk.inbox.inputs == {}, "whose call this is, nobody said"
    assert len(desk.inbox.raw) == 1
    assert await desk.take(CALLS) == Receipt(accepted=1)
    names = [fact.event for fact in (keyed.fact for keyed in desk.facts()) if isinstance(fact, CallEvent)]
    assert names == [Name.OFFERED, Name.ESTABLISHED], "the customer first, though the agent's event came first"


async def test_i2_a_repeated_sighting_is_counted_as_known_and_tells_nothing_new() -> None:
    desk = Desk()
    await desk.take(CALLS)
    await desk.take(seen("agent-joins"))
    before = dict(desk.inbox.inputs)
    assert await desk.take(seen("agent-joins")) == Receipt(duplicate=1)
    assert await desk.take(CALLS) == Receipt(duplicate=1)
    assert desk.inbox.inputs == before


async def test_i1_facts_that_could_not_be_kept_are_told_with_the_next_try() -> None:
    desk = Desk()
    await desk.take(CALLS)
    desk.inbox.away = True
    with pytest.raises(InboxUnavailable):
        await desk.take(seen("agent-joins"))
    desk.inbox.away = False
    await desk.take(seen("agent-joins"))
    assert len(desk.facts()) == 2


async def test_i1_after_a_crash_between_sighting_and_fact_the_next_process_tells_it() -> None:
    crashed = Desk()
    await crashed.take(CALLS)
    crashed.inbox.away = True
    with pytest.raises(InboxUnavailable):
        await crashed.take(seen("agent-joins"))
    crashed.inbox.away = False
    heir = Desk(crashed.store, crashed.inbox)
    await heir.take(seen("hold"))
    names = {fact.event for fact in (keyed.fact for keyed in heir.facts()) if isinstance(fact, CallEvent)}
    assert names == {Name.OFFERED, Name.ESTABLISHED, Name.HELD}


async def test_while_the_store_is_away_nothing_is_acknowledged() -> None:
    store = AwaySightings()
    desk = Desk(store)
    store.away = True
    with pytest.raises(InboxUnavailable):
        await desk.take(CALLS)
    assert (desk.inbox.inputs, desk.inbox.raw) == ({}, {})


async def test_an_agents_phone_that_goes_or_comes_is_told() -> None:
    desk = Desk()
    for event in recordings.events("b-abandon.sip"):
        await desk.take(event)
    phones = [one.body for one in desk.inbox.inputs.values() if isinstance(one.body, PhoneRegistered)]
    assert [(one.phone, one.registered) for one in phones] == [("PJSIP/agent1", True), ("PJSIP/agent1", False)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("replaces", Name.ESTABLISHED),
        ("ringing", Name.DELIVERED),
        ("dial-ringing", Name.DELIVERED),
        ("dial-busy", Name.FAILED),
        ("hold", Name.HELD),
        ("unhold", Name.RETRIEVED),
        ("transfer", Name.TRANSFERRED),
        ("blind-transfer", Name.TRANSFERRED),
        ("attended-transfer", Name.TRANSFERRED),
        ("destroyed-unanswered", Name.FAILED),
        ("destroyed", Name.CONNECTION_CLEARED),
        ("waits", Name.QUEUED),
        ("talks", Name.RETRIEVED),
    ],
)
async def test_what_an_event_of_a_known_leg_is_in_our_words(name: str, told: Name) -> None:
    desk = Desk()
    await desk.take([CALLS, seen("agent-joins")])
    before = set(desk.inbox.inputs)
    await desk.take(seen(name))
    fresh = [one.body for key, one in desk.inbox.inputs.items() if key not in before]
    assert told in {fact.event for fact in fresh if isinstance(fact, CallEvent)}
    assert {fact.call_id for fact in fresh if isinstance(fact, CallEvent)} == {"sg1-1795336000.42"}


async def test_stasis_end_ends_the_call_only_where_not_every_channel_is_seen() -> None:
    def names(facts: list[Keyed]) -> list[Name]:
        return [keyed.fact.event for keyed in facts if isinstance(keyed.fact, CallEvent)]

    events = [CALLS, seen("stasis-end")]
    assert names(list(recordings.told(events, recordings.endpoint({})))) == [Name.OFFERED, Name.CONNECTION_CLEARED]
    assert names(list(recordings.told(events, SWITCH))) == [Name.OFFERED]


def said(leg: str, word: Word, at: int, **more: Any) -> Seen:
    return msgspec.structs.replace(Seen(key=f"{leg}/{word}/{at}", leg=leg, word=word, at=at), **more)


def test_of_two_calls_of_one_number_a_ringing_leg_belongs_to_the_later_one_before_it() -> None:
    board = Board()
    for one in (
        said("c-1", Word.CALLS, 10, number="15550001111"),
        said("c-2", Word.CALLS, 20, number="15550001111"),
        said("c-3", Word.CALLS, 40, number="15550001111"),
        said("leg", Word.SHOWN, 30, number="15550001111"),
        said("leg", Word.RINGING, 31),
    ):
        board.add(one)
    told = [keyed.fact for keyed in board.facts(SWITCH, ["leg"]) if isinstance(keyed.fact, CallEvent)]
    assert [(fact.call_id, fact.event) for fact in told if fact.leg_id == "leg"] == [("c-2", Name.DELIVERED)]


def test_a_leg_named_by_its_offer_is_known_by_it_before_anybody_answers() -> None:
    board, leg = Board(), "of_" + "0" * 26
    for one in (
        said("c-1", Word.CALLS, 10, number="1"),
        said(leg, Word.SHOWN, 30, number="1"),
        said(leg, Word.DESTROYED, 31, cause="no_answer"),
    ):
        board.add(one)
    (fact,) = (keyed.fact for keyed in board.facts(SWITCH, [leg]) if keyed.fact.leg_id == leg)  # type: ignore[union-attr]
    assert isinstance(fact, CallEvent)
    assert (fact.event, fact.offer_id, fact.cause) == (Name.FAILED, leg, "no_answer")


def test_a_channel_that_replaces_itself_or_a_ring_of_channels_is_no_endless_search() -> None:
    board = Board()
    for one in (
        said("a", Word.REPLACES, 1, other="b"),
        said("b", Word.REPLACES, 2, other="a"),
        said("c", Word.REPLACES, 3, other="c"),
    ):
        board.add(one)
    assert board.facts(SWITCH, ["a", "b", "c"]) == []


def test_the_board_forgets_channels_nobody_spoke_of_for_hours() -> None:
    board = Board()
    board.add(said("old", Word.CALLS, 1, number="1"))
    for number in range(2_100):
        board.add(said(f"c-{number}", Word.CALLS, KEPT_MS + 10 + number, number="2"))
    assert board.facts(SWITCH, ["old"]) == []
    assert len(board.facts(SWITCH, ["c-1"])) == 1
