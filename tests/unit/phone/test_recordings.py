"""Every recording of a real switch ends as was read out of it by hand: as it came, doubled, and in shuffled order (I2, I3)."""

import random

import pytest

from tests.unit.phone import recordings

every_recording = pytest.mark.parametrize("name", recordings.NAMES)


def test_every_recording_has_an_expectation() -> None:
    assert {path.name.removesuffix(".jsonl.gz") for path in recordings.FOLDER.glob("*.gz")} == set(recordings.NAMES)


@every_recording
def test_as_it_came(name: str) -> None:
    given = recordings.expectation(name)
    facts = list(recordings.told(recordings.events(name), recordings.endpoint(given["endpoint_options"])))
    assert recordings.outcome(facts) == recordings.expected(given["calls"])


@every_recording
@pytest.mark.parametrize("seed", range(5))
def test_i3_doubled_and_shuffled(name: str, seed: int) -> None:
    given = recordings.expectation(name)
    events = recordings.events(name) * (2 if seed else 1)
    random.Random(seed).shuffle(events)
    facts = list(recordings.told(events, recordings.endpoint(given["endpoint_options"])))
    assert recordings.outcome(facts) == recordings.expected(given["calls"])


@every_recording
def test_i2_any_order_tells_the_same_facts_each_once(name: str) -> None:
    """What is told early may not name the offer yet; the keys, and the calls the facts reduce to, are the same."""
    given = recordings.expectation(name)
    switch = recordings.endpoint(given["endpoint_options"])
    events = recordings.events(name)
    first = list(recordings.told(events, switch))
    random.Random(name).shuffle(events)
    again = list(recordings.told(events + events, switch))
    assert {keyed.key for keyed in again} == {keyed.key for keyed in first}
    assert recordings.reduced(again) == recordings.reduced(first)


@pytest.mark.parametrize(
    "name", [name for name in recordings.NAMES if "calls_with_default_options" in recordings.expectation(name)]
)
def test_where_the_endpoint_names_no_trunks_and_does_not_see_every_channel(name: str) -> None:
    given = recordings.expectation(name)
    facts = list(recordings.told(recordings.events(name), recordings.endpoint({})))
    assert recordings.outcome(facts) == recordings.expected(given["calls_with_default_options"])


@every_recording
def test_the_defaults_lose_nothing_but_the_last_milliseconds(name: str) -> None:
    """An operator who configures nothing sees the same calls, ended when they left the application."""
    given = recordings.expectation(name)
    wanted = recordings.expected(given.get("calls_with_default_options", given["calls"]))
    facts = list(recordings.told(recordings.events(name), recordings.endpoint({})))
    strip = ("ended_at",)
    found = [{key: value for key, value in one.items() if key not in strip} for one in recordings.outcome(facts)]
    assert found == [{key: value for key, value in one.items() if key not in strip} for one in wanted]
