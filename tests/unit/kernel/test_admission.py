"""I14: what is under way is bounded, and one party's storm leaves the others their room."""

import random

import pytest

from ccc_router.kernel.admission import Gate, Refusal, refusal
from ccc_router.kernel.errors import CccError, TooMany, Unavailable
from tests.conftest import SEED


def storm(gate: Gate, party: str, tries: int) -> int:
    """How many of ``tries`` got in and stay."""
    taken = 0
    for _ in range(tries):
        try:
            gate.take(party)
        except (TooMany, Unavailable):
            continue
        taken += 1
    return taken


def test_i14_one_that_storms_gets_half_and_the_others_find_room() -> None:
    gate = Gate(1_000)
    assert storm(gate, "page", 10_000) == 500
    assert storm(gate, "switch", 100) == 100
    assert storm(gate, "mailbox", 100) == 100


def test_i14_many_that_storm_get_equal_parts_and_a_late_one_still_finds_room() -> None:
    gate = Gate(1_000)
    names = [f"page-{number}" for number in range(9)]
    taken = dict.fromkeys(names, 0)
    for _ in range(1_000):
        for name in names:
            taken[name] += storm(gate, name, 1)
    assert all(99 <= share <= 101 for share in taken.values()), taken
    assert storm(gate, "late", 50) == 50


def test_whose_doing_it_is_is_told() -> None:
    """429 to who has more than his part; 503 to who has nothing, while all is taken."""
    gate = Gate(10)
    storm(gate, "page", 100)
    with pytest.raises(TooMany) as mine:
        gate.take("page")
    assert (mine.value.status, mine.value.code, mine.value.retry_after_s >= 1) == (429, "too_many_at_once", True)
    for number in range(10):
        storm(gate, f"other-{number}", 10)
    with pytest.raises(Unavailable) as everybody:
        gate.take("late")
    assert (everybody.value.status, everybody.value.code, everybody.value.retry_after_s >= 1) == (
        503,
        "overloaded",
        True,
    )


def test_one_party_has_no_more_than_is_set_for_each() -> None:
    refused: list[Refusal] = []
    gate = Gate(1_000, each=3, refused=refused.append)
    assert storm(gate, "an", 10) == 3
    assert refused == [Refusal.PARTY] * 7
    gate.give("an")
    assert storm(gate, "an", 10) == 1


def test_what_is_larger_than_the_limit_is_taken_when_it_is_alone() -> None:
    gate = Gate(100)
    with gate.within("mailbox", 500):
        with pytest.raises(Unavailable):
            gate.take("page", 1)
        assert gate.under_way == 500
    with gate.within("page", 1):
        pass
    assert gate.under_way == 0


def test_a_place_is_given_back_whatever_happens() -> None:
    gate = Gate(10)
    with pytest.raises(CccError), gate.within("page", 4):
        raise CccError
    assert gate.under_way == 0
    with gate.within("page", 0):
        assert gate.under_way == 0


def test_i14_whatever_comes_and_goes_the_bound_holds_and_everything_is_given_back() -> None:
    """Any order: never more than the limit (but for one that is alone), the sum of the parties, and nothing left at the end."""
    rng = random.Random(SEED)
    gate = Gate(100)
    held: list[tuple[str, int]] = []
    for _ in range(20_000):
        if held and rng.random() < 0.4:
            gate.give(*held.pop(rng.randrange(len(held))))
            continue
        party, amount = f"p{rng.randrange(8)}", rng.randrange(1, 20)
        try:
            gate.take(party, amount)
        except (TooMany, Unavailable):
            assert refusal(0, gate.under_way, 1, amount, 100) or any(name == party for name, _ in held)
        else:
            held.append((party, amount))
        assert gate.under_way == sum(amount for _, amount in held) <= 100
    for party, amount in held:
        gate.give(party, amount)
    assert gate.under_way == 0
